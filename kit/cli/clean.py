"""`xlt-kit clean`: what kits have left in the container engine, and nothing else."""

from __future__ import annotations

import time

import click

from kit.api import Workspace
from kit.cli.common import print_json, workspace_options
from kit.executors import connect
from kit.executors.containers import left_over, owned, remove
from kit.executors.image import drop, unneeded
from kit.report.units import duration, human


@click.command()
@click.option("--remove", "taking_out", is_flag=True, help="Remove what is listed.")
@click.option(
    "--images", is_flag=True, help="Also images that do not fit this kit, and what builds have left."
)
@workspace_options
def clean(workspace: Workspace, taking_out: bool, images: bool, as_json: bool) -> None:
    """List the containers that nobody needs any more: ended ones, and those whose job's folder is gone.

    Only containers and images that carry this kit's labels, and were started by you, are looked at. What is in the
    home is the matter of `xlt-kit store gc`.
    """
    engine = connect()
    containers = [(one, why) for one in owned(engine) if (why := left_over(one))]
    old = unneeded(engine.client) if images else []
    if taking_out:
        for container, _ in containers:
            remove(engine, container)
        for one in old:
            drop(engine.client, one.id)
    if as_json:
        told = [
            {"name": c.name, "id": c.id, "run": c.run, "running": c.running, "why": w} for c, w in containers
        ]
        pictures = [{"name": one.name, "id": one.id, "bytes": one.bytes, "why": one.fits} for one in old]
        print_json({"removed": taking_out, "containers": told, "images": pictures})
        return
    for container, why in containers:
        state = "running" if container.running else "ended"
        click.echo(
            f"container  {container.name}  {state}, {duration(time.time() - container.created)} old: {why}"
        )
    for one in old:
        click.echo(f"image      {one.name}  {human(one.bytes)}: {one.fits}")
    what = f"{len(containers)} containers" + (f", {len(old)} images" if images else "")
    if not containers and not old:
        click.echo("nothing is left over" + ("" if images else " (--images looks at images too)"))
    else:
        click.echo(
            f"{'removed' if taking_out else 'left over:'} {what}"
            + ("" if taking_out else "; --remove removes them")
        )
