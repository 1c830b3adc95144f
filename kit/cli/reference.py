"""`xlt-kit reference`: published tables that a user has typed in."""

from __future__ import annotations

from pathlib import Path

import click

from kit.api import ReferenceTable, Workspace, add_reference, list_references, remove_reference
from kit.cli.common import print_json, workspace_options
from kit.jobdir import encode


@click.group()
def reference() -> None:
    """Lay published figures beside your own: in tables and under claims.

    A table is a CSV file with the columns model, trained_on (empty: base), dataset, language, metric, value, source,
    page, and step where it is known. None is shipped.
    """


@reference.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--name", help="Its name; the file's, if left out.")
@workspace_options
def add(workspace: Workspace, file: Path, name: str | None, as_json: bool) -> None:
    """Check FILE and keep a copy of it; one of the same name is replaced."""
    table = add_reference(workspace, file, name)
    if as_json:
        print_json({"name": table.name, "path": str(table.path), "figures": len(table.figures)})
        return
    click.echo(f"{table.name}: {_told(table)}")


@reference.command(name="list")
@workspace_options
def list_(workspace: Workspace, as_json: bool) -> None:
    """List the tables that were added."""
    tables = list_references(workspace)
    if as_json:
        print_json(
            [
                {"name": table.name, "path": str(table.path), "figures": encode(table.figures)}
                for table in tables
            ]
        )
        return
    for table in tables:
        click.echo(f"{table.name:20}  {_told(table)}")
    if not tables:
        click.echo("none yet: xlt-kit reference add FILE.csv")


@reference.command()
@click.argument("name")
@workspace_options
def remove(workspace: Workspace, name: str, as_json: bool) -> None:
    """Remove the table NAME."""
    remove_reference(workspace, name)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"removed {name}")


def _told(table: ReferenceTable) -> str:
    """How many figures, and from where."""
    count = len(table.figures)
    sources = ", ".join(dict.fromkeys(figure.source for figure in table.figures))
    return f"{count} figure{'s' * (count != 1)} from {sources}"
