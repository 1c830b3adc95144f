"""`xlt-kit interchange`: does the direction of an interfering script do what tuning did, and is it needed for it?"""

from __future__ import annotations

import click

from kit.api import Workspace, results
from kit.cli.common import print_form, workspace_options
from kit.errors import UsageError
from kit.results import swap_tables
from kit.schedule.runfolder import find_run


@click.command()
@click.argument("run", default="last")
@click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), help="Print as a file would be written."
)
@click.option("--layers", is_flag=True, help="Every layer as well: direction, and the whole hidden state.")
@workspace_options
def interchange(workspace: Workspace, run: str, form: str | None, layers: bool, as_json: bool) -> None:
    """Show the interchanges between tuned models and their base in RUN (the last one where none is named).

    Needs a recipe with a task of kind `interchange`.
    """
    tables = swap_tables(results(workspace, find_run(workspace.runs, run)))
    if not tables:
        raise UsageError(
            "there are no finished cells of that kind",
            remedy="add {kind: interchange, interferer: …} to the recipe's tasks and run it; "
            "xlt-kit status says what is missing",
        )
    if as_json or form:
        from kit.report.interchange import swap_csv, swap_json

        print_form(lambda: swap_csv(tables), lambda: swap_json(tables), form, as_json)
        return
    from rich.console import Console

    from kit.report.interchange import swap_view

    console = Console(highlight=False)
    for table in tables:
        console.print(swap_view(table, layers))
