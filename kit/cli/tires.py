"""`xlt-kit kick-the-tires`: a few minutes, every part, a checklist at the end."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from kit.api import Workspace
from kit.api.tires import RECIPE, Check, Tires
from kit.cli.common import print_json, workspace_options
from kit.cli.stopping import StopFlag
from kit.errors import JobFailed
from kit.report.units import duration

SIGNS = {"passed": "✓", "failed": "✗", "skipped": "·"}


@click.command("kick-the-tires")
@click.option(
    "--recipe",
    default=RECIPE,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The recipe that is run.",
    show_default=True,
)
@workspace_options
def kick_the_tires(workspace: Workspace, recipe: Path, as_json: bool) -> None:
    """Check that every part of the kit works here: a minute or two, no network, no GPU; ends in a checklist.

    A model is tuned, evaluated and looked into; tables, verdicts and a bundle are made of it; the bundle is checked.
    """
    checks = kick(workspace, recipe, quiet=as_json)
    failed = [check for check in checks if check.state == "failed"]
    if as_json:
        print_json({"passed": not failed, "checks": [asdict(check) for check in checks]})
    elif not failed:
        total = duration(sum(check.seconds for check in checks))
        click.echo(f"all {len(checks)} parts work; {total} in all")
    if failed:
        raise JobFailed(f"{failed[0].part}: {failed[0].says}", remedy="look at the line marked ✗ above")


def kick(workspace: Workspace, recipe: Path, quiet: bool) -> list[Check]:
    """Do the checks and print each as it is done."""
    checks = []
    if not quiet:
        click.echo("about a minute on two cores:")
    for check in Tires(workspace, recipe, StopFlag().is_set, lambda state: None).kick():
        checks.append(check)
        if not quiet:
            took = f"  ({duration(check.seconds)})" if check.seconds >= 1 else ""
            click.echo(f"{SIGNS[check.state]} {check.part}: {check.says}{took}")
    return checks
