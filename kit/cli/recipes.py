"""`xlt-kit recipes` and `xlt-kit schema`."""

from __future__ import annotations

from pathlib import Path

import click

from kit.cli.common import print_json
from kit.recipe import find_recipes, json_schema


@click.command()
@click.argument("folder", default="recipes", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
def recipes(folder: Path, as_json: bool) -> None:
    """List the recipes under FOLDER: what each answers and needs."""
    heads = find_recipes(folder)
    if as_json:
        print_json([{"path": str(h.path), "name": h.name, "title": h.title, "needs": h.needs} for h in heads])
        return
    if not heads:
        click.echo(f"no recipes under {folder}")
    for head in heads:
        click.echo(f"{head.path}\n    {head.title}\n    needs: {head.needs or 'not said'}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of recipes, so that an editor completes and checks keys."""
    print_json(json_schema())
