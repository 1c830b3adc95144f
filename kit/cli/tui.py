"""`xlt-kit` alone: the terminal UI."""

from __future__ import annotations

from pathlib import Path

import click

from kit.api import Workspace
from kit.cli.common import workspace_options


@click.command()
@click.option(
    "--recipes",
    default="recipes",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder whose recipes are listed.",
)
@workspace_options
def tui(workspace: Workspace, recipes: Path, as_json: bool) -> None:
    """Choose a recipe, watch it run, read its table. Leaving it leaves the runs alive."""
    from kit.tui.app import XltKit

    del as_json
    workspace.store()  # a home that cannot be written is told before the screen is taken
    XltKit(workspace, recipes.absolute()).run()
