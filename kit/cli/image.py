"""`xlt-kit image`: the images in which jobs run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from kit.api import Workspace
from kit.cli.common import print_json, workspace_options
from kit.cli.store import human
from kit.errors import DataError, MissingInputError, Where
from kit.executors.docker import connect, engine_errors
from kit.executors.image import FLAVOURS, archive, build, image_name, listed
from kit.manifest import git_state

_FLAVOUR = click.option(
    "--flavour", type=click.Choice(list(FLAVOURS)), default="cpu", show_default=True, help="Which image."
)


@click.group()
def image() -> None:
    """Build, list, export and import the images in which jobs run."""


@image.command("build")
@_FLAVOUR
@click.option("--base", help="The base image; images/base-debian.sh makes one without a registry.")
@click.option(
    "--wheels", type=click.Path(file_okay=False, path_type=Path), help="Wheels, instead of an index."
)
@workspace_options
def build_image(
    workspace: Workspace, flavour: str, base: str | None, wheels: Path | None, as_json: bool
) -> None:
    """Build the image of this kit, from an index or from a folder of wheels."""
    state = git_state(Path(__file__).resolve().parents[2]) or {}
    revision = str(state.get("revision", "")) + ("-dirty" if state.get("dirty") else "")
    quiet = (lambda text: None) if as_json else click.echo
    name = build(connect(), flavour, base, wheels, revision, quiet)
    found = next(one for one in listed(connect()) if one["name"] == name)
    if as_json:
        print_json(found)
    else:
        click.echo(f"built {name}, {human(found['bytes'])}, {found['id']}")


@image.command("list")
@workspace_options
def list_images(workspace: Workspace, as_json: bool) -> None:
    """List the images of this and other versions of the kit."""
    found = listed(connect())
    if as_json:
        print_json(found)
        return
    for one in found:
        click.echo(f"{one['name']:32} {human(one['bytes']):>9}  {one['id'][7:19]}  {one['revision'][:12]}")
    if not found:
        click.echo("no images yet; make one: xlt-kit image build")


@image.command("export")
@_FLAVOUR
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_options
def export_image(workspace: Workspace, flavour: str, file: Path, as_json: bool) -> None:
    """Write the image into FILE, one archive for a machine without a network."""
    target = file.absolute()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for piece in archive(connect(), image_name(flavour)):
                stream.write(piece)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
    if as_json:
        print_json({"file": str(target), "bytes": target.stat().st_size})
    else:
        click.echo(f"{target}: {human(target.stat().st_size)}; elsewhere: xlt-kit image import {target.name}")


@image.command("import")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_options
def import_image(workspace: Workspace, file: Path, as_json: bool) -> None:
    """Read an image out of FILE into the engine."""
    if not file.is_file():
        raise MissingInputError("there is no such file", where=Where(str(file)), remedy="check the path")
    with engine_errors(), file.open("rb") as stream:
        names = [tag for found in connect().images.load(stream) for tag in found.tags]
    if not names:
        raise DataError(
            "the archive holds no image with a name", where=Where(str(file)), remedy="export it again"
        )
    if as_json:
        print_json({"images": names})
    else:
        click.echo(f"imported {', '.join(names)}")
