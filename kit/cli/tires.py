"""`xlt-kit kick-the-tires`: a few minutes, every part, a checklist at the end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from pathlib import Path

import click

from kit.api import Workspace
from kit.api.tires import RECIPE, Check, Part, Tires
from kit.cli.common import print_json, workspace_options
from kit.cli.stopping import StopFlag
from kit.errors import EnvironmentError_, JobFailed, UsageError
from kit.report.units import duration

_PATIENCE = 60.0
"""Seconds in which a table is drawn, however slow the machine."""
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
    for check in Tires(workspace, recipe, StopFlag().is_set, lambda state: None, _above).kick():
        checks.append(check)
        if not quiet:
            took = f"  ({duration(check.seconds)})" if check.seconds >= 1 else ""
            click.echo(f"{SIGNS[check.state]} {check.part}: {check.says}{took}")
    return checks


def _above(tires: Tires) -> tuple[Part, ...]:
    return (
        ("screen: the terminal UI draws the run's table", lambda: asyncio.run(_screen(tires))),
        ("containers: torch works in this kit's image", _container),
    )


async def _screen(tires: Tires) -> str:
    from kit.tui.app import XltKit
    from kit.tui.widgets.heatmap import HeatMap

    app = XltKit(tires.workspace, tires.recipe.parent.absolute())
    async with app.run_test(size=(120, 40)) as pilot:
        end, shown = time.monotonic() + _PATIENCE, False
        while time.monotonic() < end:
            await pilot.pause(0.1)
            if not shown and len(app.screen_stack) > 1:  # the first page is there
                app.show("table", tires.run_folder)
                shown = True
            found = list(app.screen.query(HeatMap))
            if found and found[0].heat.rows:
                heat = found[0].heat
                return f"{len(heat.rows)} rows, {len(heat.columns)} columns"
    raise UsageError("no table was drawn", remedy="open it: xlt-kit, then 4")


def _container() -> str:
    """Skipped, in words, where there is no engine or no image: jobs then run without."""
    from kit.executors import connect
    from kit.executors.flavour import FLAVOURS
    from kit.executors.image import check

    try:
        engine = connect()
        name = check(engine.client, FLAVOURS["cpu"].image).name
    except EnvironmentError_ as problem:
        return f"not looked at: {problem.message}"
    said = engine.client.containers.run(
        name,
        entrypoint=[
            "python3",
            "-c",
            "import torch; print(float((torch.ones(8, 8) @ torch.ones(8, 8)).sum()))",
        ],
        command=[],
        network_mode="none",
        read_only=True,
        remove=True,
    )
    if said.decode().strip() != "512.0":
        raise EnvironmentError_(f"torch in {name} says {said[-100:]!r}", remedy="xlt-kit image build")
    return f"{engine.kind}, {name}"
