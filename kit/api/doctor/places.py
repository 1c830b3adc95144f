"""The home, the disks, the mirror; memory and processors, and what a control group leaves of them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from kit.api.doctor.finding import Finding, Surroundings, of_error
from kit.errors import KitError
from kit.report.units import human

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60
_SHORT, _TIGHT = 1e9, 10e9
"""Bytes free below which nothing goes, and below which large weights or an image do not."""
_LITTLE_MEMORY, _FREE_MEMORY = 2e9, 1e9
_ELSEWHERE = "or another place: --home DIR, or XLT_KIT_HOME"
_SHARED = (
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs",
    "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "virtiofs",
)  # fmt: skip


def home(here: Surroundings) -> Iterator[Finding]:
    """Whether the home can be written, whether its store can be read, and what it lies on."""
    place = here.workspace.home
    there = nearest(place)
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as problem:
        says = f"{place} cannot be written: {problem.strerror}"
        yield Finding("home", "problem", says, f"change the permissions of {there}, {_ELSEWHERE}")
        return
    if (place / "store").exists():
        try:
            here.workspace.store()
        except KitError as problem:
            yield of_error("home", problem)
            return
    if (kind := file_system(there)) in _SHARED:
        says = f"{place} lies on a network file system ({kind}): locks and many small files are slow or unsafe on it"
        yield Finding("home", "warning", says, "take a local disk: --home DIR, or XLT_KIT_HOME")
    else:
        new = "" if place.exists() else " (made at the first run)"
        yield Finding("home", "fine", f"{place}{new}, {kind or 'unknown file system'}")


def disks(here: Surroundings) -> Iterator[Finding]:
    """Room in the home, and where the engine keeps its images."""
    room = "xlt-kit store du, xlt-kit store gc; "
    yield _disk("disk", nearest(here.workspace.home), room + _ELSEWHERE)
    if isinstance(here.engine, KitError):
        yield Finding("engine's disk", "skipped", "no engine")
        return
    root = Path(str(here.facts.get("DockerRootDir") or ""))
    if not root.is_absolute() or not root.exists():
        yield Finding("engine's disk", "skipped", "the engine keeps its images where this user cannot look")
        return
    tool = here.engine.kind
    yield _disk("engine's disk", root, f"{tool} system df; {tool} image prune; xlt-kit clean --images")


def memory(here: Surroundings) -> Iterator[Finding]:
    """Memory of the machine and what a control group allows; processors likewise."""
    del here
    now = psutil.virtual_memory()
    total, free = now.total, now.available
    limit = memory_limit()
    most = min(total, limit or total)
    says = f"{human(total)}, {human(free)} free"
    if limit is not None and limit < total:
        says += f"; the control group allows {human(limit)}"
    if most < _LITTLE_MEMORY:
        says += ": too little for most jobs"
        yield Finding(
            "memory", "warning", says, "raise the limit, or run one job at a time: --set resources.slots=1"
        )
    elif min(free, most) < _FREE_MEMORY:
        yield Finding("memory", "warning", says, "close other programs, or: --set resources.slots=1")
    else:
        yield Finding("memory", "fine", says)
    yield _processors(len(os.sched_getaffinity(0)), os.cpu_count() or 1, quota())


def mirror(here: Surroundings) -> Iterator[Finding]:
    """The mirror, where one is named."""
    place = here.workspace.mirror
    if place is None:
        yield Finding("mirror", "skipped", "none given: data are fetched, and kept in the home")
    elif not place.is_dir():
        yield Finding("mirror", "problem", f"{place} is no folder", "check --mirror, XLT_KIT_MIRROR")
    elif not os.access(place, os.R_OK | os.X_OK):
        yield Finding("mirror", "problem", f"{place} cannot be read", f"chmod -R a+rX {place}")
    else:
        yield Finding("mirror", "fine", str(place))


def nearest(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next((each for each in (path, *path.parents) if each.exists()), Path("/"))


def file_system(path: Path) -> str:
    """The kind of file system that a path lies on; empty where the system does not say."""
    real = path.resolve()
    found = [part for part in psutil.disk_partitions(all=True) if real.is_relative_to(part.mountpoint)]
    return max(found, key=lambda part: len(part.mountpoint)).fstype if found else ""


def memory_limit() -> int | None:
    """The bytes that this process's control groups allow, all above it heeded; None where nothing limits it."""
    found = [*_limits("memory.max", ""), *_limits("memory.limit_in_bytes", "memory")]
    numbers = [int(text) for text in found if text.isdigit() and int(text) < _NO_LIMIT]
    return min(numbers, default=None)


def quota() -> float | None:
    """The processors' time that this process's control groups allow, in processors; None for all."""
    found = [text.split() for text in _limits("cpu.max", "")]
    shares = [int(most) / int(period) for most, period in found if most.isdigit() and int(period)]
    return min(shares, default=None)


def _limits(file: str, controller: str) -> Iterator[str]:
    """What that file says in the control group of this process and in those above it.

    `controller` is that of version 1, each of which has a tree of its own; empty for version 2. Within a container its
    own group is the top of the tree, whatever /proc says.
    """
    top = _GROUPS / controller
    try:
        lines = [line.split(":", 2) for line in _OWN_GROUPS.read_text(encoding="utf-8").splitlines()]
    except OSError:
        return
    ways = [line[2] for line in lines if len(line) == 3 and controller in line[1].split(",")]
    for way in ways:
        group = top / way.lstrip("/")
        for each in (group, *group.parents):
            if not each.is_relative_to(top):
                break
            try:
                yield (each / file).read_text(encoding="ascii").strip()
            except (OSError, ValueError):
                continue


def _disk(what: str, place: Path, remedy: str) -> Finding:
    usage = shutil.disk_usage(place)
    says = f"{human(usage.free)} free of {human(usage.total)} at {place}"
    if usage.free < _SHORT:
        return Finding(what, "problem", f"{says}: full", remedy)
    if usage.free < _TIGHT:
        return Finding(
            what, "warning", f"{says}: an image or the weights of a large model will not fit", remedy
        )
    return Finding(what, "fine", says)


def _processors(usable: int, there: int, share: float | None) -> Finding:
    says = f"{usable}" if usable == there else f"{usable} of the machine's {there}"
    if share is not None and share < usable:
        says += (
            f"; the control group allows the time of {share:.1f}: jobs at a time would wait for one another"
        )
        return Finding("processors", "warning", says, f"--set resources.slots={max(1, int(share))}")
    return Finding("processors", "fine", says)
