"""What jobs run in: this Python, or the containers of an engine with an image of ours."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib import metadata

from kit import __version__
from kit.api.doctor.finding import LIBRARIES, Finding, Surroundings, of_error
from kit.errors import KitError
from kit.executors.flavour import FLAVOURS, for_driver

INSTALL = "pip install 'xlt-kit[job]'"


def python(here: Surroundings) -> Iterator[Finding]:
    """The kit itself, and the libraries beside it."""
    yield Finding("python", "fine", f"Python {platform.python_version()}, xlt-kit {__version__}")
    missing = [name for name, there in here.libraries.items() if not there]
    if len(missing) == len(LIBRARIES):
        says = f"{', '.join(missing)} are not installed beside the kit: jobs need containers"
        yield Finding("torch", "warning", says, INSTALL)
        return
    if missing:
        yield Finding("torch", "warning", f"not installed beside the kit: {', '.join(missing)}", INSTALL)
        return
    have = {name: _version(name) for name in LIBRARIES}
    said = ", ".join(f"{name} {version or '(of no version)'}" for name, version in have.items())
    old = [
        f"{n} {least} or newer" for n, least in _least().items() if have[n] and not _reaches(have[n], least)
    ]
    if old:
        yield Finding("torch", "warning", f"{said}: the kit needs {', '.join(old)}", f"{INSTALL} --upgrade")
    else:
        yield Finding("torch", "fine", said)


def engine(here: Surroundings) -> Iterator[Finding]:
    """The container engine: where, what, as whom; and our images in it."""
    found = here.engine
    if isinstance(found, KitError):
        yield of_error("engine", found, "warning")
        yield Finding("images", "skipped", "no engine to hold any")
        return
    version = here.facts.get("ServerVersion", "")
    way = "rootless" if found.rootless else "as root"
    name = "Podman" if found.kind == "podman" else "Docker"
    yield Finding("engine", "fine", f"{name} {version} {way}, at {found.address} ({found.why})")
    yield _images(here)


def jobs(here: Surroundings) -> Iterator[Finding]:
    """Whether there is anything at all that jobs can run in."""
    fitting = _fitting(here)
    if here.local:
        beside = ", or in containers (--executor docker)" if fitting else ""
        yield Finding("jobs", "fine", f"run in this Python{beside}")
    elif fitting:
        yield Finding("jobs", "fine", "run in containers")
    elif isinstance(here.engine, KitError):
        says = "can run nowhere: no torch beside the kit, and no engine answers"
        yield Finding("jobs", "problem", says, f"{INSTALL}, or start Docker or Podman")
    else:
        says = "can run nowhere: no torch beside the kit, and no image that fits it in the engine"
        yield Finding("jobs", "problem", says, f"{_build(here)}, or {INSTALL}")


def _images(here: Surroundings) -> Finding:
    if fitting := _fitting(here):
        return Finding("images", "fine", ", ".join(fitting))
    unfit = [f"{image.name} does not fit: {image.fits}" for image in here.images if image.fits]
    if unfit:
        more = f" (and {len(unfit) - 1} more)" if len(unfit) > 1 else ""
        return Finding(
            "images", "warning", unfit[0] + more, f"{_build(here)}; old ones: xlt-kit clean --images"
        )
    if here.local:
        return Finding("images", "skipped", "none yet; only jobs in containers need one", _build(here))
    return Finding("images", "warning", "none yet, and jobs need one", _build(here))


def _fitting(here: Surroundings) -> list[str]:
    """The names of the images that jobs would take."""
    ours = {flavour.image for flavour in FLAVOURS.values()}
    return [image.name for image in here.images if image.name in ours and not image.fits]


def _build(here: Surroundings) -> str:
    try:
        flavour = for_driver(here.gpus[0].driver if here.gpus else None)
    except KitError:  # the driver is too old for all of them, as the look at the driver says
        flavour = FLAVOURS["cpu"]
    return f"xlt-kit image build --flavour {flavour.name}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _least() -> dict[str, str]:
    """The oldest versions that the kit's own metadata allow for jobs."""
    try:
        wanted = metadata.requires("xlt-kit") or ()
    except metadata.PackageNotFoundError:
        return {}
    lines = (re.match(r"([a-z]+)>=([\d.]+)", line) for line in wanted if "job" in line)
    return {found[1]: found[2] for found in lines if found and found[1] in LIBRARIES}


def _reaches(version: str, least: str) -> bool:
    have, need = (tuple(int(n) for n in re.findall(r"\d+", text.split("+")[0])) for text in (version, least))
    return have >= need
