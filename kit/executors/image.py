"""Images of the job world: built from this checkout, found by their labels, carried as archives."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kit import __version__
from kit.errors import EnvironmentError_, MissingInputError, Where
from kit.executors.engine import already_gone, engine_errors
from kit.executors.flavour import FLAVOURS, ROOT, Flavour, code_digest, job_files

Tell = Callable[[str], None]

_PYTHON = "3.11"
_CHATTER = ("--->", "Removing intermediate", "[Warning] One or more build-args")
"""What an engine says between the steps of a build."""
_NEWEST_GLIBC = 36
"""Of the base image, Debian 12: wheels for newer ones would not load."""


@dataclass(frozen=True)
class Image:
    """An image of ours as an engine has it. `bytes` is its whole size; `fits` is empty, or says why it is refused."""

    name: str
    id: str
    bytes: int
    created: str
    version: str
    flavour: str
    revision: str
    lock: str
    user: str
    fits: str


def build(client: Any, flavour: Flavour, base: str | None, wheels: Path, revision: str, tell: Tell) -> str:
    """Build the image of a flavour from wheels, without a network; returns its name.

    Args:
        base: the base image, else the Dockerfile's own.
        wheels: a folder with the lock's wheels; `fetch_wheels` fills one.
        revision: of the checkout, for the label.
        tell: gets the engine's lines as they come.

    Raises:
        MissingInputError: no checkout, or no such folder. EnvironmentError_: the engine refuses, or a step fails.
    """
    lock = _of_checkout(flavour.lock)
    if not wheels.is_dir():
        raise MissingInputError("there is no such folder", where=Where(str(wheels)), remedy="check --wheels")
    with tempfile.TemporaryDirectory(prefix="xlt-kit-image-") as name:
        _lay_out(Path(name), flavour, wheels)
        arguments = {
            "FLAVOUR": flavour.name,
            "KIT_VERSION": __version__,
            "KIT_REVISION": revision,
            "KIT_CODE": code_digest(),
            "LOCK_SHA256": _digest(lock),
        }
        if base:
            arguments["BASE_IMAGE"] = base
        with engine_errors():
            steps = client.api.build(
                path=name,
                dockerfile=flavour.dockerfile,
                tag=flavour.image,
                rm=True,
                forcerm=True,
                decode=True,
                buildargs=arguments,
                network_mode="none",
            )
            for line in steps:
                if "error" in line:
                    raise EnvironmentError_(
                        f"the image cannot be built: {str(line['error']).strip()}", remedy=_remedy(line)
                    )
                text = str(line.get("stream", "")).strip()
                if text and not text.startswith(_CHATTER):
                    tell(text)
    return flavour.image


def fetch_wheels(flavour: Flavour, folder: Path, machine: str, tell: Tell) -> Path:
    """Fetch what a lock names into a folder, with this machine's own pip and its index; what is there stays.

    Nothing of the configuration (addresses, certificates, passwords) comes near the build. Returns the folder.

    Raises:
        MissingInputError: no checkout. EnvironmentError_: pip fails; the error has its last words.
    """
    lock = _of_checkout(flavour.lock)
    folder.mkdir(parents=True, exist_ok=True)
    tags = [f"manylinux_2_{minor}" for minor in range(_NEWEST_GLIBC, 4, -1)]
    tags += ["manylinux2014", "manylinux2010", "manylinux1", "linux"]
    words = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "-r", str(lock)]
    words += ["-d", str(folder), "--only-binary=:all:", "--python-version", _PYTHON, "--progress-bar", "off"]
    words += [word for tag in tags for word in ("--platform", f"{tag}_{machine}")]
    last = ""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            if line.startswith("ERROR") or not last.startswith("ERROR"):
                last = line.strip() or last
            if line.strip().startswith(("Downloading", "Saved")):
                tell(line.strip())
    if pip.returncode:
        raise EnvironmentError_(
            f"the wheels of {lock.name} cannot be fetched: {last}",
            remedy="check pip's index, or give a folder that has them: --wheels DIR; the CPU build of torch is not "
            "on every index (PIP_EXTRA_INDEX_URL names one more)",
        )
    return folder


def listed(client: Any) -> list[Image]:
    """Our images, of this and other versions."""
    with engine_errors():
        found = client.images.list(filters={"label": "xlt-kit.flavour"})
    return [_described(image, tag) for image in found for tag in image.tags]


def find(client: Any, name: str) -> Image:
    """The image of that name.

    Raises:
        EnvironmentError_: the engine lacks it.
    """
    import docker

    with engine_errors():
        try:
            return _described(client.images.get(name), name)
        except docker.errors.ImageNotFound:
            raise EnvironmentError_(f"the engine has no image {name}", remedy=_to_build(name)) from None


def check(client: Any, name: str) -> Image:
    """The image of that name, fit for the jobs of this kit.

    Raises:
        EnvironmentError_: the engine lacks it, or it is of another kit; the remedy is the command that mends it.
    """
    found = find(client, name)
    if found.fits:
        raise EnvironmentError_(
            f"the image {name} does not fit: {found.fits}", remedy=_to_build(name, found.flavour)
        )
    return found


def archive(client: Any, name: str) -> Iterator[bytes]:
    """An image as the pieces of a tar file."""
    find(client, name)
    with engine_errors():
        yield from client.images.get(name).save(named=True)


def _described(image: Any, name: str) -> Image:
    labels = image.labels
    return Image(
        name=name,
        id=str(image.id),
        bytes=int(image.attrs["Size"]),
        created=str(image.attrs.get("Created", ""))[:19],
        version=labels.get("xlt-kit.version", ""),
        flavour=labels.get("xlt-kit.flavour", ""),
        revision=labels.get("org.opencontainers.image.revision", ""),
        lock=labels.get("xlt-kit.lock", ""),
        user=str(image.attrs.get("Config", {}).get("User", "")),
        fits=_misfit(labels),
    )


def _misfit(labels: dict[str, str]) -> str:
    """Why an image of these labels is refused; nothing where it fits. Pure but for the code of this kit."""
    version = labels.get("xlt-kit.version")
    if version != __version__:
        return f"it is of xlt-kit {version or '(none)'}, this is {__version__}"
    if labels.get("xlt-kit.code") != code_digest():
        return "it holds other code of the jobs than this kit"
    return ""


def _to_build(name: str, flavour: str = "") -> str:
    guess = flavour or name.rpartition("-")[2]
    return f"make it: xlt-kit image build{f' --flavour {guess}' if guess in FLAVOURS else ''}"


def _of_checkout(name: str) -> Path:
    path = ROOT / name
    if not path.is_file():
        raise MissingInputError(
            "images are built from a checkout of the project",
            where=Where(str(path)),
            remedy="clone it, or import an image: xlt-kit image import FILE",
        )
    return path


def _lay_out(context: Path, flavour: Flavour, wheels: Path) -> None:
    """The build context, laid out as the checkout: what a job runs of the kit, the lock and the wheels."""
    names = (flavour.dockerfile, flavour.lock, "images/install.sh")
    for name, source in {**job_files(), **{name: _of_checkout(name) for name in names}}.items():
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, context / name)
    (context / "wheels").mkdir()
    for wheel in wheels.glob("*.whl"):
        shutil.copy(wheel, context / "wheels" / wheel.name)


def _remedy(line: dict[str, Any]) -> str:
    text = str(line.get("error", "")).lower()
    if "no space left" in text:
        return "free some space: docker system df, docker image prune"
    if any(word in text for word in ("pull", "manifest", "registry", "dial tcp", "resolve")):
        return (
            "without a registry make a base (images/base-debian.sh) and name it: --base xlt-kit-base:debian12"
        )
    return "look at the lines above; a folder given by --wheels must hold every wheel of the lock"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unneeded(client: Any) -> list[Image]:
    """Images of ours that this kit would refuse, and the nameless ones that its builds have left."""
    with engine_errors():
        nameless = client.images.list(filters={"dangling": True}, all=False)
    ours = [i for i in nameless if "xlt-kit.flavour" in i.labels or i.labels.get("xlt-kit.stage") == "build"]
    left = [
        replace(_described(image, f"(no name) {image.short_id}"), fits="a build has left it")
        for image in ours
    ]
    return [image for image in listed(client) if image.fits] + left


def drop(client: Any, image_id: str) -> None:
    """Remove an image, unless a container still needs it."""
    with engine_errors(), already_gone():
        client.images.remove(image_id, force=True)
