"""Images of the job world: built from this checkout, found by their labels, carried as archives."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kit import __version__
from kit.errors import EnvironmentError_, MissingInputError, Where
from kit.executors.docker import engine_errors

ROOT = Path(__file__).resolve().parents[2]
FLAVOURS = {"cpu": ("images/Dockerfile.cpu", "images/lock-cpu.txt")}
"""For each flavour its Dockerfile and its lock."""


def image_name(flavour: str) -> str:
    """The name of this kit's image of a flavour."""
    return f"xlt-kit-job:{__version__}-{flavour}"


def build(
    client: Any,
    flavour: str,
    base: str | None,
    wheels: Path | None,
    revision: str,
    tell: Callable[[str], None],
) -> str:
    """Build the image of a flavour; returns its name. `tell` gets the engine's lines as they come.

    Args:
        base: the base image, else the Dockerfile's own.
        wheels: a folder with the lock's wheels, for machines without an index.
        revision: of the checkout, for the label.

    Raises:
        MissingInputError: no checkout, or no such folder. EnvironmentError_: the engine refuses, or a step fails.
    """
    dockerfile, lock = (ROOT / name for name in FLAVOURS[flavour])
    if not dockerfile.is_file():
        raise MissingInputError(
            "images are built from a checkout of the project",
            where=Where(str(dockerfile)),
            remedy="clone it, or import an image: xlt-kit image import FILE",
        )
    with tempfile.TemporaryDirectory(prefix="xlt-kit-image-") as name:
        context = Path(name)
        _lay_out(context, dockerfile, lock, wheels)
        arguments = {
            "KIT_VERSION": __version__,
            "KIT_REVISION": revision,
            "LOCK_SHA256": hashlib.sha256(lock.read_bytes()).hexdigest(),
            "PIP_EXTRA_INDEX_URL": os.environ.get("TORCH_INDEX", ""),
        }
        if base:
            arguments["BASE_IMAGE"] = base
        tag = image_name(flavour)
        with engine_errors():
            for line in client.api.build(path=name, tag=tag, rm=True, decode=True, buildargs=arguments):
                if "error" in line:
                    raise EnvironmentError_(
                        f"the image cannot be built: {line['error'].strip()}",
                        remedy="without a registry give --base, without an index --wheels",
                    )
                if text := str(line.get("stream", "")).strip():
                    tell(text)
    return tag


def listed(client: Any) -> list[dict[str, Any]]:
    """Our images: name, id, size in bytes, version, flavour, revision."""
    with engine_errors():
        found = client.images.list(filters={"label": "xlt-kit.flavour"})
    return [
        {
            "name": tag,
            "id": image.id,
            "bytes": image.attrs["Size"],
            "version": image.labels.get("xlt-kit.version", ""),
            "flavour": image.labels.get("xlt-kit.flavour", ""),
            "revision": image.labels.get("org.opencontainers.image.revision", ""),
            "lock": image.labels.get("xlt-kit.lock", ""),
        }
        for image in found
        for tag in image.tags
    ]


def archive(client: Any, name: str) -> Iterator[bytes]:
    """An image as the pieces of a tar file."""
    with engine_errors():
        yield from client.images.get(name).save(named=True)


def _lay_out(context: Path, dockerfile: Path, lock: Path, wheels: Path | None) -> None:
    """The build context: the kit's code, the lock, the wheels that it names, and nothing else of the checkout."""
    shutil.copy(dockerfile, context / "Dockerfile")
    shutil.copy(lock, context / "lock.txt")
    shutil.copytree(ROOT / "kit", context / "kit", ignore=shutil.ignore_patterns("__pycache__"))
    (context / "wheels").mkdir()
    if wheels is None:
        return
    if not wheels.is_dir():
        raise MissingInputError("there is no such folder", where=Where(str(wheels)), remedy="check --wheels")
    for wheel in wheels.glob("*.whl"):
        shutil.copy(wheel, context / "wheels" / wheel.name)
