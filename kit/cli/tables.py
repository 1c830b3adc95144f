"""`xlt-kit table` and `xlt-kit show`: what came out, and the examples under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from kit.api import Workspace, headlines, language_groups, published, results
from kit.catalog import Catalog
from kit.claims import Reference
from kit.cli.common import in_own_code, print_json, workspace_options
from kit.data.example import read_slice
from kit.errors import StorageError, UsageError, Where
from kit.jobdir import atomic_write
from kit.report.examples import FILTERS, Shown, as_text, examples_under
from kit.report.examples_html import as_html
from kit.report.formats import FORMATS, over_generation_csv, over_generation_json
from kit.report.published import published_lines
from kit.report.text import VALUES
from kit.results import CellData, Results, metric_named, over_generation_table, transfer_table
from kit.results.grid import row_name
from kit.results.types import of_task
from kit.schedule.runfolder import find_run


@click.command()
@click.argument("run", default="last")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="em, aware_f1, overran, acc_norm …; f1, or acc of choices, if left out.",
)
@click.option(
    "--values", type=click.Choice(VALUES), default="delta", show_default=True, help="What the cells show."
)
@click.option("--group", "groups", multiple=True, help="Average over script, family, level or indic as well.")
@click.option(
    "--over-generation", is_flag=True, help="Lengths, overruns, stops and p(stop) instead of a metric."
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="Print as a file would be written.")
@workspace_options
def table(
    workspace: Workspace,
    run: str,
    metrics: tuple[str, ...],
    values: str,
    groups: tuple[str, ...],
    over_generation: bool,
    form: str | None,
    as_json: bool,
) -> None:
    """Show the transfer tables of RUN (the last one where none is named): rows tuned on, columns evaluated."""
    found = results(workspace, find_run(workspace.runs, run))
    metrics = metrics or headlines(found)
    if over_generation:
        _over_generation(found, "json" if as_json else form)
        return
    if as_json or form:
        chosen = language_groups(Catalog.load(), groups)
        tables = [made for metric in metrics for made in transfer_table(found, metric, groups=chosen)]
        chosen_values = next(value for value in VALUES if value == values)
        click.echo(FORMATS["json" if as_json else str(form)](tables, chosen_values).rstrip("\n"))
        return
    for metric in metrics:
        print_tables(found, metric, values, groups, published(workspace))


def _over_generation(found: Results, form: str | None) -> None:
    made = over_generation_table(found)
    if form in ("json", "csv"):
        click.echo(over_generation_json(made) if form == "json" else over_generation_csv(made))
        return
    if form:
        raise UsageError(f"the over-generation table is not written as {form}", remedy="choose json or csv")
    from rich.console import Console

    from kit.report.terminal import print_over_generation

    for one in made:
        print_over_generation(one, Console(highlight=False))


def print_tables(
    found: Results,
    metric: str,
    values: str = "delta",
    groups: tuple[str, ...] = (),
    references: Sequence[Reference] = (),
) -> None:
    """Print the transfer tables of some results to the terminal, and below each the published figures beside ours."""
    from rich.console import Console

    from kit.report.terminal import print_table

    console = Console(highlight=False)
    if not any(of_task(cell.at, metric_named(metric).task) for cell in found.cells):
        if found.missing or not found.cells:
            console.print(f"no finished cells ({len(found.missing)} are missing)")
        else:
            console.print(f"{len(found.cells)} finished cells, none of which has {metric}")
        return
    for made in transfer_table(found, metric, groups=language_groups(Catalog.load(), groups)):
        print_table(made, console, values)
        for line in published_lines(made, references):
            console.print(line, markup=False)


@click.command()
@click.argument("run", default="last")
@click.option(
    "--cell",
    "cell",
    required=True,
    metavar="TRAINED_ON:LANGUAGE",
    help="e.g. tiny-qa/de:hi; base:hi for the base; or the beginning of a key.",
)
@click.option("--filter", "keep", type=click.Choice(FILTERS), default="all", show_default=True)
@click.option("--seed", type=int, help="Of this tuning seed only; all of them otherwise.")
@click.option("-n", "count", default=10, show_default=True, help="Examples to show.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write all of them as a page.")
@workspace_options
def show(
    workspace: Workspace,
    run: str,
    cell: str,
    keep: str,
    seed: int | None,
    count: int,
    html: Path | None,
    as_json: bool,
) -> None:
    """List the examples under one cell of RUN's table: gold, the base's answer, the tuned model's answer.

    With --html they are written as a page, on which a browser draws every script and direction rightly.
    """
    found = results(workspace, find_run(workspace.runs, run))
    chosen = _find(found, cell, seed)
    at = chosen[0].at
    base = next(found.select(**_place(chosen[0]), trained_on=""), None)
    if base is None:
        raise UsageError("the base of this cell is not finished", remedy="run the recipe to its end")
    path = workspace.store().slice_path(chosen[0].data)
    gold = {example.id: example for example in read_slice(path, at.language)} if path.exists() else {}
    shown = list(examples_under(base, chosen if at.trained_on else None, gold, keep))
    if html is not None:
        _write_page(html, f"{at.trained_on or 'base'} → {at.dataset}/{at.language}", shown)
    if as_json:
        print_json(
            {
                "keys": [each.key for each in chosen],
                "total": len(shown),
                "examples": [asdict(item) for item in shown[:count]],
            }
        )
        return
    if html is not None:
        click.echo(f"{len(shown)} examples ({keep}) in {html}")
        return
    for item in shown[:count]:
        click.echo(as_text(item) + "\n")
    click.echo(f"{min(count, len(shown))} of {len(shown)} shown ({keep})")


def _write_page(path: Path, name: str, shown: Sequence[Shown]) -> None:
    try:
        atomic_write(path, as_html(name, shown))
    except OSError as problem:
        raise StorageError(
            f"the page cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="name another file",
        ) from problem


def _place(cell: CellData) -> dict[str, object]:
    at = cell.at
    return {
        "model": at.model,
        "dataset": at.dataset,
        "language": at.language,
        "prompt": at.prompt,
        "task": at.task,
    }


def _find(found: Results, words: str, seed: int | None) -> list[CellData]:
    """The cells that `ROW:COLUMN` names (one a seed), or the one of a key."""
    generated = sorted((cell for cell in found.cells if cell.raw), key=lambda cell: cell.kind != "generate")
    if exact := found.find(words):
        return [exact]
    trained, _, column = words.rpartition(":")
    column, trained = in_own_code(column), in_own_code(trained)
    trained = "" if trained == "base" else row_name(trained)
    named = [
        cell
        for cell in generated
        if cell.at.trained_on == trained
        and column in (cell.at.language, f"{cell.at.dataset}/{cell.at.language}")
        and seed in (None, cell.at.seed)
    ]
    if not named:
        rows = ", ".join(dict.fromkeys(cell.at.trained_on or "base" for cell in generated))
        columns = ", ".join(dict.fromkeys(cell.at.language for cell in generated))
        remedy = f"write ROW:COLUMN; rows: {rows}; columns: {columns}"
        raise UsageError(f"no finished cell {words!r}", remedy=remedy)
    first = named[0]  # a run of several models, steps or prompts has several of that name: the first is meant
    same = {**_place(first), "trained_on": first.at.trained_on, "step": first.at.step}
    return [cell for cell in found.select(**same) if seed in (None, cell.at.seed)]
