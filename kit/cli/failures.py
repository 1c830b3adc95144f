"""How failures are told: for people, for machines (`--json`), and in a report for those who mend the kit."""

from __future__ import annotations

import errno
import json
import os
import platform
import re
import sys
import tempfile
import traceback
from pathlib import Path

import click

from kit import __version__
from kit.errors import EnvironmentError_, KitError, RecipeErrors, StorageError, Where

DEFECT_EXIT = 70
_SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|API_?KEY|CREDENTIAL", re.IGNORECASE)
_SECRET_SHAPES = re.compile(r"hf_[A-Za-z0-9]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)")
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_BROKEN = {errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO}
_SHAPE = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}
_POOR = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}


def masked(text: str) -> str:
    """A text without secrets: values of variables that are named like one, and what looks like a token."""
    for name, value in os.environ.items():
        if len(value) >= 6 and _SECRET_NAMES.search(name):
            text = text.replace(value, "***")
    return _SECRET_SHAPES.sub("***", text)


def show(problem: KitError, as_json: bool) -> None:
    """Print an error on standard error: sentences, or one JSON document."""
    if as_json:
        click.echo(masked(json.dumps({"error": problem.as_json()}, ensure_ascii=False)), err=True)
        return
    faults = problem.errors if isinstance(problem, RecipeErrors) else (problem,)
    for fault in faults:
        place = f"{fault.where}: " if fault.where else ""
        click.echo(click.style("error: ", fg="red", bold=True) + masked(place + fault.message), err=True)
        if fault.remedy:
            click.echo(masked(f"  → {fault.remedy}"), err=True)


def of_system(problem: OSError | MemoryError) -> KitError | None:
    """What the system refused, as an error for users; None where it speaks of a defect of the kit."""
    if isinstance(problem, MemoryError):
        return EnvironmentError_("the machine has no memory left for the kit", remedy="close other programs")
    name = problem.filename
    where = Where(os.fsdecode(name)) if isinstance(name, (str, bytes)) else None
    number = problem.errno or 0
    if number in _FULL:
        what = "the disk is full" if where else "the output cannot be written: no space is left on its device"
        return StorageError(what, where=where, remedy="free some space; then the same command goes on")
    reason = problem.strerror or str(problem)
    if number in _FORBIDDEN:
        remedy = "change its permissions, or choose another place with --home or XLT_KIT_HOME"
        return StorageError(f"the system does not allow it: {reason}", where=where, remedy=remedy)
    if number in _POOR:
        remedy = "raise the limit (ulimit -n), or close other programs"
        return EnvironmentError_(
            f"the machine has run out of something: {reason}", where=where, remedy=remedy
        )
    if number in _BROKEN:
        remedy = "look at the disk or the network share it lies on; then run the same command again"
        return StorageError(f"the file system reports a fault: {reason}", where=where, remedy=remedy)
    if number in _SHAPE and where:
        remedy = "was it moved or removed meanwhile? put it back, or choose another place with --home"
        return StorageError(f"it is not as it should be: {reason}", where=where, remedy=remedy)
    return None


def crash(problem: BaseException, words: list[str], as_json: bool, debug: bool) -> int:
    """Write a report of a defect and say where it is; returns the exit code."""
    report = masked(_report(problem, words))
    path = _keep(report, _home(words))
    kept = f"please report it with the file {path}" if path else "please report it with the lines above"
    if debug or path is None:
        click.echo(report, err=True)
    shown = _Defect(
        f"a defect of xlt-kit: {type(problem).__name__}: {problem}",
        where=Where(path) if path else None,
        remedy=f"{kept}; nothing that was finished is lost",
    )
    show(shown, as_json)
    return DEFECT_EXIT


class _Defect(KitError):
    code, exit_code = "defect", DEFECT_EXIT


def _report(problem: BaseException, words: list[str]) -> str:
    kept = {name: value for name, value in os.environ.items() if name.startswith("XLT_KIT_")}
    return "\n".join(
        [
            f"xlt-kit {__version__}, Python {sys.version}, {platform.platform()}",
            f"command: {words}",
            f"environment: {kept}",
            "",
            "".join(traceback.format_exception(problem)),
        ]
    )


def _keep(report: str, home: Path | None) -> str | None:
    for folder in (home / "crashes" if home else None, Path(tempfile.gettempdir())):
        if folder is None:
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="xlt-kit-crash-", suffix=".txt", dir=folder)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as stream:
                stream.write(report)
        except OSError:
            continue
        return name
    return None


def _home(words: list[str]) -> Path | None:
    from kit.store import default_home

    try:
        if "--home" in words[:-1]:
            return Path(words[words.index("--home") + 1]).absolute()
        return default_home()
    except (OSError, RuntimeError):
        return None
