"""GPUs, their driver against the images, and whether the engine can give them to a container."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from kit.api.doctor.finding import Finding, Surroundings, of_error
from kit.errors import KitError
from kit.executors.engine import explain
from kit.executors.flavour import FLAVOURS, check_driver, for_driver
from kit.executors.gpus import gives_gpus

_PCI = Path("/sys/bus/pci/devices")
_NVIDIA = "0x10de"
_DISPLAY = ("0x0300", "0x0302")


def gpus(here: Surroundings) -> Iterator[Finding]:
    """The GPUs, and which images the driver carries."""
    if not here.gpus:
        yield _none(shutil.which("nvidia-smi") is not None, _cards())
        yield Finding("driver", "skipped", "no GPU")
        return
    seen = here.gpus_seen
    names = ", ".join(f"{gpu.name} ({gpu.memory / 1e9:.0f} GB)" for gpu in seen)
    if seen:
        yield Finding("GPUs", "fine", names)
    else:
        says = f"CUDA_VISIBLE_DEVICES hides all {len(here.gpus)} GPUs"
        yield Finding("GPUs", "warning", says, "unset CUDA_VISIBLE_DEVICES")
    yield from _driver(here, here.gpus[0].driver)


def toolkit(here: Surroundings) -> Iterator[Finding]:
    """Whether the engine can give GPUs to containers, by what it says of itself; no container is started."""
    what = "NVIDIA toolkit"
    if not here.gpus:
        yield Finding(what, "skipped", "no GPU")
    elif isinstance(here.engine, KitError):
        yield Finding(what, "skipped", "no engine")
    elif gives_gpus(here.facts):
        yield Finding(what, "fine", "the engine can give GPUs; to try it: xlt-kit image check")
    elif here.engine.kind == "podman":
        says = "Podman does not say whether it can give GPUs"
        yield Finding(
            what,
            "skipped",
            says,
            "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml; xlt-kit image check",
        )
    else:
        says = "the engine names neither an NVIDIA runtime nor CDI devices: it cannot give a container a GPU"
        yield Finding(what, "warning", says, explain("nvidia")[1])


def _none(has_tool: bool, cards: int) -> Finding:
    if has_tool:
        says = "nvidia-smi is here and lists no GPU: the driver does not answer"
        return Finding(
            "GPUs", "problem", says, "run nvidia-smi and do what it says; after an upgrade: reboot"
        )
    if cards:
        says = f"{cards} NVIDIA card{'s' * (cards > 1)} on the bus, and no driver (no nvidia-smi)"
        return Finding("GPUs", "warning", says, "install the NVIDIA driver, then: nvidia-smi")
    return Finding("GPUs", "skipped", "none: jobs run on the CPU")


def _cards() -> int:
    """NVIDIA's display and compute devices on the PCI bus, driver or not."""
    return sum(
        _text(device / "vendor") == _NVIDIA and _text(device / "class").startswith(_DISPLAY)
        for device in _PCI.glob("*")
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _driver(here: Surroundings, driver: str) -> Iterator[Finding]:
    """The driver against every flavour, and against the images that are there."""
    try:
        for_driver(driver)
    except KitError as problem:
        yield of_error("driver", problem)
        return
    parts = [
        f"{flavour.name} {'yes' if flavour.drives(driver) else f'no (needs {flavour.driver})'}"
        for flavour in FLAVOURS.values()
        if flavour.driver
    ]
    refused = None if isinstance(here.engine, KitError) else _refused(here, driver)
    if refused:
        yield of_error("driver", refused, "warning")
    else:
        yield Finding("driver", "fine", f"{driver}; images that it carries: {', '.join(parts)}")


def _refused(here: Surroundings, driver: str) -> KitError | None:
    """Why an image that is there and made for a GPU would be refused."""
    for image in here.images:
        if getattr(FLAVOURS.get(image.flavour), "driver", ""):
            try:
                check_driver(image.name, image.flavour, driver)
            except KitError as problem:
                return problem
    return None
