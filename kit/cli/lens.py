"""`xlt-kit lens`: what each layer of base and tuned models would say next, by script or language."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from kit.api import Workspace, results
from kit.cli.common import drawn, language_option, print_form, print_json, workspace_options
from kit.errors import UsageError
from kit.results import LensTable, lens_tables
from kit.results.grid import row_name
from kit.results.lens import Items, Mean
from kit.schedule.runfolder import find_run


@click.command()
@click.argument("run", default="last")
@language_option(help="Of this evaluation language, or `dataset/language`, alone.")
@click.option("--row", help="Of the base and this row alone, e.g. tiny-qa/de.")
@click.option("--task", "variant", help="This variant of the lens alone, e.g. lens:positions=answer.")
@click.option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Leave out classes below this share everywhere.",
)
@click.option(
    "--mean",
    type=click.Choice(["items", "published"]),
    default="items",
    show_default=True,
    help="Over all items, or as the authors' script made it, slip and all.",
)
@click.option(
    "--items",
    type=click.Choice(["all", "right-right", "right-wrong", "wrong-right", "base-right", "base-wrong"]),
    default="all",
    show_default=True,
    help="Items by what base and then tuned model answered (exact match).",
)
@click.option(
    "--published", is_flag=True, help="Show the paper's own arrays, which are fetched, instead of a run."
)
@click.option(
    "--format", "form", type=click.Choice(["json", "csv"]), help="Print as a file would be written."
)
@click.option(
    "--figure",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw curves into an .svg, .pdf or .png.",
)
@workspace_options
def lens(
    workspace: Workspace,
    run: str,
    language: str | None,
    row: str | None,
    variant: str | None,
    least: float,
    mean: Mean,
    items: Items,
    published: bool,
    form: str | None,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Show what the lens saw in RUN (the last one where none is named), layer by layer.

    Needs a recipe with the task `lens`.
    """
    if published:
        _published(workspace, language, figure, as_json or form == "json")
        return
    found = results(workspace, find_run(workspace.runs, run))
    tables = lens_tables(found, least, language=language, mean=mean, items=items)
    tables = [_with_row(table, row) for table in tables if variant in (None, table.task)]
    if not tables:
        raise UsageError(
            "there are no finished lens cells of that kind",
            remedy="add `lens` (for --items `generate` too) to the recipe's tasks and run it; "
            "xlt-kit status says what is missing",
        )
    if figure is not None:
        from kit.report.lens_figure import draw  # the library for plots takes a second to load

        drawn(lambda: draw(tables, figure), figure)
    if as_json or form:
        from kit.report.lens import lens_csv, lens_json

        print_form(lambda: lens_csv(tables), lambda: lens_json(tables), form, as_json)
    elif figure is not None:
        click.echo(f"drawn: {figure}")
    else:
        _print(tables)


def _with_row(table: LensTable, row: str | None) -> LensTable:
    if row is None:
        return table
    row = row_name(row)
    kept = tuple(
        one for one in table.rows if one.subject.is_base or row in (one.subject.name, one.subject.trained_on)
    )
    if all(one.subject.is_base for one in kept) and row != "base":
        rows = ", ".join(one.subject.name for one in table.rows)
        raise UsageError(f"no row is called {row!r}", remedy=f"there is {rows}")
    return replace(table, rows=kept)


def _print(tables: list[LensTable]) -> None:
    from rich.console import Console

    from kit.report.lens import lens_view

    console = Console(highlight=False)
    for table in tables:
        console.print(lens_view(table))


def _published(workspace: Workspace, language: str | None, figure: Path | None, as_json: bool) -> None:
    from kit.catalog import Catalog, load_probe
    from kit.inputs import PUBLISHED_PROBE
    from kit.report.probe import probe_json, probe_view

    probe = load_probe(Catalog.load(), PUBLISHED_PROBE, workspace.locations)
    if language not in (None, *probe.evaluated):
        raise UsageError(
            f"no prompts in {language!r} there", remedy=f"there are {', '.join(probe.evaluated)}"
        )
    if figure is not None:
        from kit.report.lens_figure import draw_probe

        drawn(lambda: draw_probe(probe, figure), figure)
    if as_json:
        print_json(probe_json(probe))
    elif figure is not None:
        click.echo(f"drawn: {figure}")
    else:
        from rich.console import Console

        Console(highlight=False).print(probe_view(probe, language))
