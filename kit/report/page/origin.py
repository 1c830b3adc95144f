"""Where cells come from: computed in this run, taken from the store, or shipped; and in which environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from kit.report.page.facts import Facts, RunFacts
from kit.results import CellData
from kit.results.types import TOLD_APART, environment_words

State = Literal["fresh", "store", "shipped"]
SIGNS: Mapping[State, str] = {"fresh": "●", "store": "○", "shipped": "◆"}
MEANING: Mapping[State, str] = {
    "fresh": "fresh: computed by this run",
    "store": "from the store: computed earlier, and not repeated",
    "shipped": "shipped: computed by someone else, and not repeated here",
}
OTHER = "!"
"""Beside the code of an environment that is not this run's machine."""


@dataclass(frozen=True)
class Environment:
    """Where some cells were computed. `words` tell it from others, as verdicts write it; `facts` are all that was
    recorded, with every value that occurs; `ours`: it is that of this run's machine.
    """

    code: str
    words: str
    facts: tuple[tuple[str, str], ...]
    cells: int
    ours: bool


@dataclass(frozen=True)
class Origin:
    """Where the cells under a figure come from; codes of environments in their order."""

    states: tuple[State, ...] = ()
    environments: tuple[str, ...] = ()
    foreign: bool = False

    @property
    def sign(self) -> str:
        """`●E1`; `●○E1+E2!` where it is mixed, and one is not this machine's."""
        if not self.states:
            return ""
        marks = "".join(SIGNS[state] for state in self.states)
        return f"{marks}{'+'.join(self.environments)}{OTHER if self.foreign else ''}"

    @property
    def sentence(self) -> str:
        """The same in words."""
        if not self.states:
            return ""
        words = " and ".join(MEANING[state].partition(":")[0] for state in self.states)
        told = f"{words}, environment {' and '.join(self.environments)}"
        told += ": several in one comparison" if len(self.environments) > 1 else ""
        return told + (", not this machine's" if self.foreign else "")


class Origins:
    """Of every cell of some runs where it comes from."""

    def __init__(self, facts: Facts) -> None:
        self._states: dict[str, State] = {}
        self._codes: dict[str, str] = {}
        found: dict[str, list[Mapping[str, object]]] = {}
        for run in facts.runs:
            for cell in run.results.cells:
                words = environment_words(cell.environment)
                if cell.key not in self._codes:
                    found.setdefault(words, []).append(cell.environment)
                    self._codes[cell.key] = words
                fresh = cell.key in run.own or self._states.get(cell.key) == "fresh"
                self._states[cell.key] = "shipped" if facts.shipped else "fresh" if fresh else "store"
        ours = frozenset[str]() if facts.shipped else frozenset[str]().union(*map(_ours, facts.runs))
        self.environments = tuple(
            Environment(f"E{at}", words, tuple(_facts(cells)), len(cells), words in ours)
            for at, (words, cells) in enumerate(found.items(), start=1)
        )
        codes = {environment.words: environment.code for environment in self.environments}
        self._codes = {key: codes[words] for key, words in self._codes.items()}
        self._foreign = {environment.code for environment in self.environments if not environment.ours}

    def of(self, keys: Iterable[str]) -> Origin:
        """Of the cells of these keys together; those that are not there say nothing."""
        known = [key for key in keys if key in self._codes]
        states = {self._states[key] for key in known}
        codes = sorted({self._codes[key] for key in known}, key=lambda code: int(code[1:]))
        return Origin(
            tuple(state for state in SIGNS if state in states),
            tuple(codes),
            any(code in self._foreign for code in codes),
        )

    def others(self, words: Iterable[str]) -> list[Environment]:
        """Of the environments that a verdict names, those that are not this machine's."""
        named = set(words)
        return [one for one in self.environments if one.words in named and not one.ours]

    def as_data(self) -> dict[str, dict[str, str]]:
        """Of each key its state and the code of its environment."""
        return {
            key: {"state": self._states[key], "environment": self._codes[key]} for key in sorted(self._codes)
        }


def _ours(run: RunFacts) -> frozenset[str]:
    """The environments of this run's machine: those of its own jobs.

    Where it had nothing left to compute, those of cells that were computed under the system of its host.
    """
    own = {environment_words(cell.environment) for cell in run.results.cells if cell.key in run.own}
    own |= {environment_words(job["environment"]) for job in jobs_of(run) if job.get("environment")}
    return frozenset(own or {environment_words(c.environment) for c in run.results.cells if _at_home(c, run)})


def _at_home(cell: CellData, run: RunFacts) -> bool:
    """Whether a cell was computed under the kernel and on the kind of processor of a host of the run."""
    here = (cell.environment.get("machine"), _kernel(cell.environment.get("platform")))
    hosts = [attempt.get("host", {}) for attempt in run.manifest.get("attempts", [])]
    return None not in here and here in [(host.get("machine"), _kernel(host.get("system"))) for host in hosts]


def _kernel(platform: object) -> str | None:
    """What a container and its host have in common of a platform's name."""
    return platform.partition("-with-")[0] if isinstance(platform, str) else None


def jobs_of(run: RunFacts) -> Iterator[Mapping[str, Any]]:
    """The jobs of every attempt at a run, as its manifest has them."""
    for attempt in run.manifest.get("attempts", []):
        yield from attempt.get("jobs", [])


def _facts(cells: list[Mapping[str, object]]) -> Iterator[tuple[str, str]]:
    names = sorted({name for cell in cells for name in cell})
    first = [name for name in TOLD_APART if name in names]
    for name in (*first, *(name for name in names if name not in first)):
        yield name, ", ".join(sorted({str(cell[name]) for cell in cells if name in cell}))
