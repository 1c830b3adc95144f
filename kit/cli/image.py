"""`xlt-kit image`: the images in which jobs run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from kit.api import Workspace
from kit.cli.common import print_json, workspace_options
from kit.errors import DataError, EnvironmentError_, MissingInputError, Where
from kit.executors import connect, image_trial
from kit.executors import image as images
from kit.executors.engine import engine_errors
from kit.executors.flavour import FLAVOURS, ROOT, for_driver
from kit.executors.gpus import of_host
from kit.executors.image import Image
from kit.jobdir import encode, sha256_file
from kit.manifest import git_state
from kit.report.units import human


def _flavour(text: str | None) -> str:
    """The flavour asked for, else the one that this machine's driver can carry."""
    if text:
        return text
    gpus = of_host()
    return for_driver(gpus[0].driver if gpus else None).name


_FLAVOUR = click.option(
    "--flavour",
    type=click.Choice(list(FLAVOURS)),
    help="Which image: for the CPU, CUDA 12 or CUDA 13. [what this machine's driver carries]",
)


@click.group()
def image() -> None:
    """Build, list, inspect, try, export and import the images in which jobs run."""


@image.command("build")
@_FLAVOUR
@click.option("--base", help="The base image; images/base-debian.sh makes one without a registry.")
@click.option(
    "--wheels",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder with the lock's wheels, for machines without an index.",
)
@workspace_options
def build_image(
    workspace: Workspace, flavour: str | None, base: str | None, wheels: Path | None, as_json: bool
) -> None:
    """Build the image of this kit.

    The locked wheels are fetched by this machine's own pip into the home's cache; the build itself has no network.
    """
    chosen = FLAVOURS[_flavour(flavour)]
    state = git_state(ROOT) or {}
    revision = str(state.get("revision", "")) + ("-dirty" if state.get("dirty") else "")
    quiet = (lambda text: None) if as_json else click.echo
    client = connect().client
    if wheels is None:
        if workspace.offline:
            raise EnvironmentError_(
                "the wheels cannot be fetched: --offline", remedy="give a folder that has them: --wheels DIR"
            )
        wheels = workspace.home / "cache" / "wheels" / chosen.name
        quiet(f"wheels of {chosen.lock} into {wheels}")
        images.fetch_wheels(chosen, wheels, _machine(client), quiet)
    name = images.build(client, chosen, base, wheels, revision, quiet)
    found = images.find(client, name)
    if as_json:
        print_json(encode(found))
    else:
        click.echo(f"built {name}, {human(found.bytes)}, {found.id}")


@image.command("list")
@workspace_options
def list_images(workspace: Workspace, as_json: bool) -> None:
    """List the images of this and other versions of the kit."""
    found = images.listed(connect().client)
    if as_json:
        print_json([encode(one) for one in found])
        return
    for one in found:
        fits = "" if not one.fits else f"  does not fit: {one.fits}"
        click.echo(f"{one.name:32} {human(one.bytes):>9}  {one.id[7:19]}  {one.revision[:12]:12}{fits}")
    if not found:
        click.echo("no images yet; make one: xlt-kit image build")


@image.command("inspect")
@_FLAVOUR
@click.argument("name", required=False)
@workspace_options
def inspect_image(workspace: Workspace, name: str | None, flavour: str | None, as_json: bool) -> None:
    """Show what an image is made of, and whether it fits this kit and this machine's driver.

    NAME is any image; without it the image of this kit is meant.
    """
    found = images.find(connect().client, name or FLAVOURS[_flavour(flavour)].image)
    driver, gpus = getattr(FLAVOURS.get(found.flavour), "driver", ""), of_host()
    facts: dict[str, Any] = {**encode(found), "lock_here": _lock_here(found), "driver_needed": driver}
    facts["driver_here"] = gpus[0].driver if gpus else ""
    if as_json:
        print_json(facts)
        return
    same = {True: "the same as this checkout's", False: "another than this checkout's", None: "unknown here"}
    click.echo(f"image     {found.name}\ndigest    {found.id}")
    click.echo(
        f"size      {human(found.bytes)}\nmade      {found.created}\nkit       {found.version or '(none)'}"
    )
    click.echo(f"revision  {found.revision or '(none)'}\nflavour   {found.flavour or '(none)'}")
    click.echo(f"lock      {same[facts['lock_here']]}\nuser      {found.user or 'root'}")
    click.echo(f"fits      {'yes' if not found.fits else 'no: ' + found.fits}")
    if driver:
        click.echo(f"driver    needs {driver}; this machine has {facts['driver_here'] or 'none'}")


@image.command("check")
@_FLAVOUR
@workspace_options
def check_image(workspace: Workspace, flavour: str | None, as_json: bool) -> None:
    """Start a container as a job would, import torch, multiply two matrices, and say what was there."""
    chosen = FLAVOURS[_flavour(flavour)]
    facts = image_trial.attempt(connect(), chosen)
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        click.echo(f"{key:12} {value}")


@image.command("export")
@_FLAVOUR
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@workspace_options
def export_image(workspace: Workspace, flavour: str | None, file: Path, as_json: bool) -> None:
    """Write the image into FILE, one archive for a machine without a network."""
    target = file.absolute()
    if not target.parent.is_dir():
        raise MissingInputError(
            "there is no such folder", where=Where(str(target.parent)), remedy="make it, or name another"
        )
    client, chosen = connect().client, FLAVOURS[_flavour(flavour)].image
    images.find(client, chosen)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            for piece in images.archive(client, chosen):
                stream.write(piece)
        os.chmod(name, 0o644)
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
        names = [tag for found in connect().client.images.load(stream) for tag in found.tags]
    if not names:
        raise DataError(
            "the archive holds no image with a name", where=Where(str(file)), remedy="export it again"
        )
    if as_json:
        print_json({"images": names})
    else:
        click.echo(f"imported {', '.join(names)}")


def _lock_here(found: Image) -> bool | None:
    lock = ROOT / FLAVOURS[found.flavour].lock if found.flavour in FLAVOURS else None
    return sha256_file(lock) == found.lock if lock and lock.is_file() else None


def _machine(client: Any) -> str:
    """The engine's processor, as wheels name it."""
    with engine_errors():
        said = str(client.info().get("Architecture") or "x86_64")
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(said, said)
