"""Readers and metrics of other packages, found by their entry points: loaded when one is named, and never else.

A reader (group `xlt_kit.readers`) is called as `reader(path, language)` and gives examples, each a
`kit.data.example.Example`. A metric (group `xlt_kit.metrics`) is called as `metric(answer, golds, language)` and gives
a number from 0 to 1; `answer` is the first line of an output, `golds` are the texts of a question's gold answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from kit.errors import EnvironmentError_

Group = Literal["readers", "metrics"]
_loaded: dict[tuple[Group, str], Plugin] = {}


@dataclass(frozen=True)
class Plugin:
    """A reader or a metric of another package, which has a version."""

    name: str
    package: str
    version: str
    call: Callable[..., Any]

    def failed(self, what: str, error: Exception) -> EnvironmentError_:
        """The error to raise where its code has raised one."""
        return EnvironmentError_(
            f"{self.name!r} of the package {self.package} {self.version} has failed {what}: "
            f"{type(error).__name__}: {error}",
            remedy=f"tell the makers of {self.package}, or use another version of it",
        )


def plugin(group: Group, name: str) -> Plugin | None:
    """The one of that name; None where no installed package has it.

    Raises:
        EnvironmentError_: it cannot be loaded, with the package and the remedy, or two packages have that name.
    """
    if (group, name) not in _loaded:
        found = _entries(group).get(name, ())
        if not found:
            return None
        if len(found) > 1:
            packages = " and ".join(sorted(_package(one) for one in found))
            message = f"the packages {packages} both have {name!r} among their {group}"
            raise EnvironmentError_(message, remedy="uninstall one of them")
        _loaded[group, name] = _load(found[0])
    return _loaded[group, name]


def loaded(group: Group, name: str) -> bool:
    """Whether it was named, and so loaded, in this process."""
    return (group, name) in _loaded


def names(group: Group) -> tuple[str, ...]:
    """What the installed packages have."""
    return tuple(_entries(group))


@cache
def _entries(group: Group) -> dict[str, tuple[EntryPoint, ...]]:
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=f"xlt_kit.{group}"):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return found


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else entry.module


def _load(entry: EntryPoint) -> Plugin:
    package = _package(entry)
    try:
        call = entry.load()
    except Exception as error:  # whatever the module of another raises
        raise EnvironmentError_(
            f"{entry.name!r} of the package {package} cannot be loaded: {type(error).__name__}: {error}",
            remedy=f"install {package} anew with all that it needs, or uninstall it",
        ) from error
    if not callable(call):
        raise EnvironmentError_(
            f"{entry.name!r} of the package {package} is no function", remedy=f"tell the makers of {package}"
        )
    return Plugin(entry.name, package, entry.dist.version if entry.dist else "", call)
