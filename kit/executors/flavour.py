"""The flavours of the job image: what each is built from, and which driver it needs. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from kit import __version__
from kit.errors import EnvironmentError_

ROOT = Path(__file__).resolve().parents[2]
_WORLD = ("__init__.py", "data/__init__.py", "data/example.py", "job", "jobdir", "score")
"""What a job runs of the kit: its own world, the contract, the reader of examples, and the scores of answers."""


@dataclass(frozen=True)
class Flavour:
    """One image of the job world. `driver` is the oldest NVIDIA driver that its CUDA runs on.

    Source: CUDA's release notes, "CUDA Toolkit and Minimum Required Driver Version" (minor version compatibility).
    """

    name: str
    dockerfile: str
    driver: str = ""

    @property
    def lock(self) -> str:
        """The lock with hashes, as a path in the checkout."""
        return f"images/lock-{self.name}.txt"

    @property
    def image(self) -> str:
        """The name of this kit's image of the flavour."""
        return f"xlt-kit-job:{__version__}-{self.name}"

    def drives(self, driver: str) -> bool:
        """Whether a driver of that version is new enough."""
        return _numbers(driver) >= _numbers(self.driver)


FLAVOURS = {
    flavour.name: flavour
    for flavour in (
        Flavour("cpu", "images/Dockerfile.cpu"),
        Flavour("cu12", "Dockerfile.gpu", "525.60.13"),
        Flavour("cu13", "Dockerfile.gpu", "580.65.06"),
    )
}


def for_driver(driver: str | None) -> Flavour:
    """The newest flavour that a driver can carry; `cpu` where there is none.

    Raises:
        EnvironmentError_: the driver is too old for all of them.
    """
    if driver is None:
        return FLAVOURS["cpu"]
    fit = [flavour for flavour in FLAVOURS.values() if flavour.driver and flavour.drives(driver)]
    if not fit:
        oldest = FLAVOURS["cu12"]
        raise EnvironmentError_(
            f"the NVIDIA driver {driver} is too old: CUDA 12 needs {oldest.driver} or newer",
            remedy="upgrade the driver, or use the CPU: --set resources.device=cpu",
        )
    return fit[-1]


def check_driver(image: str, flavour: str, driver: str) -> None:
    """Raises EnvironmentError_ where an image's CUDA needs a newer driver, with the command that mends it."""
    known = FLAVOURS.get(flavour)
    if known is None or not known.driver:
        raise EnvironmentError_(
            f"the image {image} ({flavour or 'of no flavour'}) has no CUDA, and the jobs are to use a GPU",
            remedy=f"xlt-kit image build --flavour {for_driver(driver).name}",
        )
    if not known.drives(driver):
        raise EnvironmentError_(
            f"the image {image} needs the NVIDIA driver {known.driver} or newer, this machine has {driver}",
            remedy=f"xlt-kit image build --flavour {for_driver(driver).name}",
        )


def job_files() -> dict[str, Path]:
    """The files of the kit that an image holds: relative names, and where they lie."""
    kit = ROOT / "kit"
    found: list[Path] = []
    for name in _WORLD:
        path = kit / name
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(found)}


def code_digest() -> str:
    """Hex digest of what an image holds of the kit: an image of other code is refused, whatever its version."""
    digest = hashlib.sha256()
    for name, path in job_files().items():
        digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))
