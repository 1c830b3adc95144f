"""All that a page is made of: the same facts give the same bytes, whenever and wherever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kit.claims import Verdict
from kit.results import Results
from kit.schedule import RunState


@dataclass(frozen=True)
class SetFacts:
    """What the catalog says of a data set. `seen` are sentences, by model family, on what such models had met of it."""

    title: str
    licence: str
    source: str
    seen: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class RunFacts:
    """One run. `own` are the keys of cells that its own jobs computed, `toys` its models that show mechanics only.

    `metrics` are the names of the transfer tables, the headline first; `command` is what makes the run again. The
    manifest is empty and the state None where the run has not come so far.
    """

    name: str
    results: Results
    manifest: Mapping[str, Any]
    state: RunState | None
    own: frozenset[str]
    metrics: tuple[str, ...]
    command: str
    toys: frozenset[str] = frozenset()

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe in its canonical form; empty where the manifest is."""
        found: Mapping[str, Any] = self.manifest.get("recipe", {})
        return found

    @property
    def stage(self) -> str:
        """How it ended, or that it has not."""
        return self.state.stage if self.state else "not started"


@dataclass(frozen=True, eq=False)
class Judged:
    """The verdicts on the claims of a file: its name, its title, notes on what was judged."""

    file: str
    title: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Facts:
    """The runs of one page. `judged` is None without a claims file, or where it has a `fault`, which is told then.

    `shipped`: all cells came from someone else. `sets` and `languages` are what the catalog says of data sets, and the
    English names of languages, by name and code.
    """

    runs: tuple[RunFacts, ...]
    judged: Judged | None = None
    fault: str = ""
    shipped: bool = False
    sets: Mapping[str, SetFacts] | None = None
    languages: Mapping[str, str] | None = None
    version: str = ""
