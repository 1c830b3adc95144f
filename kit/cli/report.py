"""`xlt-kit report`: a run, or several, as one page for a browser."""

from __future__ import annotations

from pathlib import Path

import click

from kit.api import Workspace, bundle_at, page_of, unbundled
from kit.cli.common import print_json, workspace_options
from kit.errors import UsageError
from kit.schedule.runfolder import find_run


@click.command("report")
@click.argument("runs", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file; tables/report.html of the last run that is named, if left out.",
)
@click.option(
    "--claims",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The claims file; that beside the runs' recipes, or below recipes/, if left out.",
)
@click.option("--open", "opened", is_flag=True, help="Show it in the browser.")
@workspace_options
def report_command(
    workspace: Workspace,
    runs: tuple[str, ...],
    output: Path | None,
    claims: Path | None,
    opened: bool,
    as_json: bool,
) -> None:
    """Write RUNS (the last one where none is named) as one HTML file that holds everything and needs nothing else.

    A bundle's file may be named as well: its figures are then those of someone else, and the page says so.

    Verdicts, heat maps, over-generation, lens curves, switches, deviations from the paper, data, environments, times,
    and where every figure comes from. --json prints the data that stand in the page, and writes nothing.
    """
    from kit.api.reporting import PAGE, save

    if len(runs) == 1 and (bundle := bundle_at(runs[0])):
        if output is None and not as_json:
            raise UsageError("a bundle keeps its own report", remedy="name a file: -o report.html")
        with unbundled(workspace, bundle) as (home, folders):
            page = page_of(home, folders, shipped=True, claims=claims)
    else:
        folders = [find_run(workspace.runs, name) for name in runs or ("last",)]
        page = page_of(workspace, folders, claims=claims)
    if as_json:
        print_json(page.data)
        return
    path = save(page, output or folders[-1].tables / PAGE)
    click.echo(f"report of {', '.join(folder.name for folder in folders)}: {path}")
    if opened:
        click.launch(path.absolute().as_uri())
