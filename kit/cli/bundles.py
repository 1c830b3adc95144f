"""`xlt-kit export` and `xlt-kit verify`: runs as one archive, and that archive checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from kit.api import Verification, Workspace, export, verify
from kit.cli.common import print_json, workspace_options
from kit.errors import ChecksumError, Where
from kit.jobdir import encode
from kit.report.units import human
from kit.schedule.runfolder import find_run

_SHOWN = 40


@click.command("export")
@click.argument("runs", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The archive; RUN.zip, if left out.",
)
@click.option("--anonymous", is_flag=True, help="Without host, user, ids and paths: for double-blind review.")
@workspace_options
def export_command(
    workspace: Workspace, runs: tuple[str, ...], output: Path | None, anonymous: bool, as_json: bool
) -> None:
    """Write RUNS (the last one where none is named) as one archive: outputs, tables, verdicts, report, checksums.

    The same runs give the same bytes. Data sets of others are not in it: outputs are kept by id, gold answers masked.
    """
    folders = [find_run(workspace.runs, name) for name in dict.fromkeys(runs or ("last",))]
    target = (output or Path(f"{folders[-1].name}.zip")).absolute()
    made = export(workspace, folders, target, anonymous)
    if as_json:
        print_json(
            {"path": str(made.path), "sha256": made.digest, "bytes": made.size, "facts": encode(made.facts),
             "naming": made.naming}
        )  # fmt: skip
        return
    facts = made.facts
    click.echo(f"{made.path}: {facts.cells} of {facts.wanted} cells, {human(made.size)}")
    click.echo(f"sha256 {made.digest}")
    if facts.masked:
        click.echo(f"gold answers and choices of {', '.join(facts.masked)} are masked")
    for name in made.naming:
        click.echo(f"! {name} still holds a name of this machine or its user: look at it before you send it")
    if anonymous:
        click.echo("models, data sets and adapters keep their names: look whether any of them names you")
    click.echo(f"check it with: xlt-kit verify {made.path.name}")


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@workspace_options
def verify_command(workspace: Workspace, bundle: Path, as_json: bool) -> None:
    """Check BUNDLE, an archive of `xlt-kit export` or the folder it was unpacked into; no GPU, nothing is fetched.

    Checksums are read again; where the data is at hand every output is scored again, elsewhere stored item scores are
    aggregated again; every table and verdict is made again and compared. Ends with 6 where anything differs.
    """
    found = verify(workspace, bundle)
    if as_json:
        print_json({"bundle": str(bundle), "whole": found.whole, **_plain(found)})
    else:
        click.echo("\n".join(_lines(bundle, found)))
    if not found.whole:
        first = found.differences[0]
        raise ChecksumError(
            f"{len(found.differences)} things differ from what was shipped, first {first.name}: {first.says}",
            where=Where(str(bundle)),
            remedy="take none of its figures on trust: ask its maker, or run it again",
        )


def _plain(found: Verification) -> dict[str, object]:
    return {
        "facts": encode(found.facts),
        "files": found.files,
        "rescored": found.rescored,
        "aggregated": found.aggregated,
        "figures": found.figures,
        "unchecked": found.unchecked,
        "notes": found.notes,
        "differences": [asdict(each) for each in found.differences],
    }


def _lines(bundle: Path, found: Verification) -> Iterator[str]:
    facts = found.facts
    yield f"{bundle}: {', '.join(facts.runs)}; {facts.cells} of {facts.wanted} cells, by xlt-kit {facts.kit}"
    yield f"  {found.files} files as listed"
    yield f"  {found.rescored} cells scored again from their outputs"
    yield f"  {found.aggregated} cells aggregated again from stored item scores"
    yield f"  {found.figures:,} figures of tables and verdicts made again and compared"
    if found.unchecked:
        yield f"  {found.unchecked:,} could not be made again without the data"
    for note in found.notes:
        yield f"  note: {note}"
    for each in found.differences[:_SHOWN]:
        yield f"✗ {each.what}: {each.name}: {each.says}"
    if len(found.differences) > _SHOWN:
        yield f"✗ and {len(found.differences) - _SHOWN} more (--json lists all)"
    yield "✓ nothing differs" if found.whole else f"✗ {len(found.differences)} things differ"
