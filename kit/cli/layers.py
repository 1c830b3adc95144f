"""`xlt-kit layers`: what tuning changes through a window of the adapter's layers alone (S4)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from kit.api import Workspace, results
from kit.cli.common import drawn, language_option, print_form, workspace_options
from kit.errors import UsageError
from kit.results import window_tables
from kit.schedule.runfolder import find_run


@click.command()
@click.argument("run", default="last")
@click.option("--metric", default="f1", show_default=True, help="em, f1_length, lost_language …")
@language_option(help="Of this evaluation language, or `dataset/language`, alone.")
@click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), help="Print as a file would be written."
)
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw curves into an .svg, .pdf or .png.",
)
@workspace_options
def layers(
    workspace: Workspace,
    run: str,
    metric: str,
    language: str | None,
    form: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Show what tuning changes in RUN (the last one where none is named) through each window of layers.

    Needs a recipe with a `generate` task that names `layers`.
    """
    tables = [
        replace(table, rows=rows)
        for table in window_tables(results(workspace, find_run(workspace.runs, run)), metric)
        if (
            rows := tuple(
                row for row in table.rows if language in (None, row.column.language, row.column.name)
            )
        )
    ]
    if not tables:
        raise UsageError(
            "there are no answers of windows of layers",
            remedy="add {kind: generate, layers: each/6} to the recipe's tasks and run it",
        )
    if figure is not None:
        from kit.report.window_figure import draw_windows  # the library for plots takes a second to load

        drawn(lambda: draw_windows(tables, figure), figure)
    from kit.report.windows import window_csv, window_json, window_view  # rich takes its time to load

    if as_json or form:
        print_form(lambda: window_csv(tables), lambda: window_json(tables), form, as_json)
        return
    if figure is not None:
        click.echo(f"drawn: {figure}")
        return
    from rich.console import Console

    console = Console(highlight=False)
    for table in tables:
        console.print(window_view(table))
