"""`xlt-kit claims`: verdicts on a paper's claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kit.api import Judgement, Workspace, judge_runs, priced
from kit.claims import Outcome, Verdict
from kit.cli.common import print_json, workspace_options
from kit.errors import ClaimsUnmetError, UsageError
from kit.report.claims import as_csv, as_data, as_markdown, details, summary
from kit.report.claims_latex import as_latex
from kit.schedule.runfolder import find_run

_UNMET = (Outcome.CONTRADICTED, Outcome.EXPLAINED_OTHERWISE)
_UNDECIDED = (Outcome.INCONCLUSIVE, Outcome.WITHIN_NOISE, Outcome.NOT_RUN)


@click.command()
@click.argument("runs", nargs=-1)
@click.option(
    "--claims",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The claims file; that beside the runs' recipes, or below recipes/, if left out.",
)
@click.option("--only", multiple=True, metavar="ID", help="Show these claims alone; all are judged together.")
@click.option(
    "--waive", multiple=True, metavar="ID=REASON", help="Leave a claim undecided, with the reason shown."
)
@click.option("--details", "detailed", is_flag=True, help="Reasons, pairs and settings below the table.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "markdown", "latex"]),
    help="Print as a file would be written.",
)
@click.option(
    "--check", is_flag=True, help="End with 13 where a claim is contradicted or explained otherwise."
)
@click.option("--strict", is_flag=True, help="As --check, and where a claim is not decided.")
@workspace_options
def claims(
    workspace: Workspace,
    runs: tuple[str, ...],
    path: Path | None,
    only: tuple[str, ...],
    waive: tuple[str, ...],
    detailed: bool,
    form: str | None,
    check: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Judge the claims of a paper on RUNS (the last one where none is named).

    A verdict is one of: reproduced, contradicted, explained otherwise, within noise, inconclusive, not run, waived.
    docs/claims.md says what each means.
    """
    folders = [find_run(workspace.runs, name) for name in runs or ("last",)]
    judgement = judge_runs(workspace, folders, path, dict(_waiver(text) for text in waive))
    if detailed or as_json or form:
        judgement = priced(workspace, judgement)
    shown = _chosen(judgement, only)
    match "json" if as_json else form:
        case "json":
            print_json(
                {
                    "schema": 1,
                    "claims": str(judgement.path),
                    "notes": judgement.notes,
                    "verdicts": as_data(shown),
                }
            )
        case "csv":
            click.echo(as_csv(shown), nl=False)
        case "markdown":
            click.echo(as_markdown(shown), nl=False)
        case "latex":
            click.echo(as_latex(shown), nl=False)
        case _:
            _print(judgement, shown, detailed)
    if check or strict:
        _check(shown, strict)


def _waiver(text: str) -> tuple[str, str]:
    id_, _, reason = text.partition("=")
    if not reason.strip():
        raise UsageError(
            f"--waive {text!r} gives no reason", remedy="write --waive 'ID=why it is not judged'"
        )
    return id_, reason.strip()


def _chosen(judgement: Judgement, only: Sequence[str]) -> list[Verdict]:
    known = {verdict.id for verdict in judgement.verdicts}
    if unknown := [name for name in only if name not in known]:
        raise UsageError(f"no claim is called {unknown[0]!r}", remedy=f"there are {', '.join(sorted(known))}")
    return [verdict for verdict in judgement.verdicts if not only or verdict.id in only]


def print_judgement(judgement: Judgement, run_only: bool = False) -> None:
    """The verdicts as a table; `run_only`: of the claims of which something was run."""
    shown = [v for v in judgement.verdicts if not run_only or v.outcome is not Outcome.NOT_RUN or v.pairs]
    if shown:
        _print(judgement, shown, detailed=False)


def _print(judgement: Judgement, shown: Sequence[Verdict], detailed: bool) -> None:
    from rich.console import Console

    from kit.report.terminal_claims import print_verdicts

    print_verdicts(judgement.title, shown, Console(highlight=False))
    if detailed:
        for verdict in shown:
            click.echo(f"\n{verdict.id} ({verdict.model})")
            for line in details(verdict):
                click.echo(f"  {line}")
    click.echo(f"{summary(shown)}; reasons, pairs and settings: xlt-kit claims --details")
    for note in judgement.notes:
        click.echo(note)


def _check(shown: Sequence[Verdict], strict: bool) -> None:
    bad = [verdict for verdict in shown if verdict.outcome in (_UNMET + _UNDECIDED if strict else _UNMET)]
    if bad:
        told = ", ".join(f"{verdict.id} {verdict.outcome.value}" for verdict in bad)
        raise ClaimsUnmetError(
            f"{len(bad)} of {len(shown)} claims do not stand: {told}", remedy="see --details"
        )
