"""Which of the shipped recipes fit a budget of memory and hours, and decide the most claims for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit.api.judging import CLAIMS
from kit.api.planning import gpus_here, prepare
from kit.api.tires import RECIPE
from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.claims import load_claims
from kit.errors import KitError, UsageError
from kit.recipe import find_recipes

_PART = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>gb|gib|g|h|hours?|m|min|minutes?)|(?P<cpu>cpu)", re.I
)
_HOURS = 3.0
_LARGE = 100_000_000
"""Models of fewer parameters are evaluated on a CPU."""


@dataclass(frozen=True)
class Budget:
    """Memory of a GPU in GB (0: there is none), and hours."""

    gpu_gb: float
    hours: float

    def __str__(self) -> str:
        return f"{f'{self.gpu_gb:g}gb' if self.gpu_gb else 'cpu'},{self.hours:g}h"


@dataclass(frozen=True)
class Candidate:
    """A recipe that could be run: its estimated hours here, what it computes on, and the memory of a job in GB."""

    name: str
    path: Path
    hours: float
    on: Literal["GPU", "CPU"]
    memory_gb: float


@dataclass(frozen=True)
class Choice:
    """What a budget buys: recipes in their order, the claims that they decide, and why the others are left out."""

    chosen: tuple[Candidate, ...]
    claims: tuple[str, ...]
    left_out: Mapping[str, str]

    @property
    def hours(self) -> float:
        """Estimated, of all."""
        return sum(each.hours for each in self.chosen)


def parse_budget(text: str | None) -> Budget:
    """A budget as it is typed, `24gb,3h` or `cpu,30m`; what is left out is this machine's GPU, and three hours.

    Raises:
        UsageError: it is none.
    """
    gpu: float | None = None
    hours = _HOURS
    for word in filter(None, (text or "").replace(" ", "").split(",")):
        match = _PART.fullmatch(word)
        if match is None:
            raise UsageError(
                f"{word!r} is no part of a budget", remedy="write memory and time: --budget 24gb,3h"
            )
        if match["cpu"]:
            gpu = 0.0
        elif match["unit"].lower().startswith("g"):
            gpu = float(match["number"])
        else:
            hours = float(match["number"]) / (60 if match["unit"].lower().startswith("m") else 1)
    if hours <= 0:
        raise UsageError("a budget needs some time", remedy="write it as 3h, or 30m")
    return Budget(_memory_here() if gpu is None else gpu, hours)


def candidates(
    workspace: Workspace, folder: Path, cpu_factor: float | None = None
) -> tuple[list[Candidate], dict[str, str]]:
    """The recipes below a folder that can be planned here, priced; and why the others cannot.

    `cpu_factor`: how many times slower this machine's CPU is than the estimates take it for.
    """
    found, refused = [], {}
    for head in find_recipes(folder):
        if head.path.parent.name == RECIPE.parent.name:
            continue  # a stage of its own runs it
        try:
            found.append(_priced(workspace, head.name, head.path, cpu_factor))
        except KitError as problem:
            refused[head.name] = problem.message
    return found, refused


def _priced(workspace: Workspace, name: str, path: Path, cpu_factor: float | None) -> Candidate:
    prepared = prepare(workspace, path, fetch=False)
    device = prepared.loaded.recipe.resources.device
    large = max((model.wanted.parameters or 0) for model in prepared.inputs.models) >= _LARGE
    gpu = device == "cuda" or (device == "auto" and large)
    if gpu:
        prepared = prepare(workspace, path, fetch=False, device="cuda")
    jobs = prepared.plan.jobs
    factor = 1.0 if gpu or cpu_factor is None else cpu_factor
    hours = factor * sum(job.cost.seconds for job in jobs) / 3600
    memory = max((job.cost.memory_gb for job in jobs), default=0.0)
    return Candidate(name, path, hours, "GPU" if gpu else "CPU", memory)


def needs_of_claims(folder: Path) -> dict[str, frozenset[str]]:
    """The recipes that each claim of the claims files below a folder needs, by `title of the file: id`.

    Raises:
        ClaimsError: a claims file has a fault.
    """
    catalog, found = Catalog.load(), {}
    for path in sorted(folder.rglob(CLAIMS)):
        if path.parent.name == RECIPE.parent.name:
            continue
        loaded = load_claims(path, catalog)
        for id_, claim in loaded.file.claims.items():
            found[f"{path.parent.name}/{id_}"] = frozenset(loaded.needed(claim))
    return found


def choose(
    budget: Budget,
    found: Sequence[Candidate],
    claims: Mapping[str, frozenset[str]],
    refused: Mapping[str, str],
) -> Choice:
    """The recipes that decide the most claims in the budget: again and again the set of recipes that one more claim
    needs, the most claims an hour first. Pure.
    """
    left = {name: f"cannot be planned here: {why}" for name, why in refused.items()}
    able: dict[str, Candidate] = {}
    for each in found:
        if each.on == "GPU" and not budget.gpu_gb:
            left[each.name] = "it needs a GPU"
        elif each.on == "GPU" and each.memory_gb > budget.gpu_gb:
            left[each.name] = f"a job takes {each.memory_gb:.0f} GB of {budget.gpu_gb:.0f}"
        else:
            able[each.name] = each
    chosen: list[str] = []
    while best := _best(budget, able, claims, chosen):
        chosen += best
    decided = tuple(name for name, needs in claims.items() if needs <= set(chosen))
    used = sum(able[name].hours for name in chosen)
    for name, each in able.items():
        if name not in chosen:
            serves = any(name in needs for needs in claims.values())
            short = f"it takes about {each.hours:.1f} h, and {max(0.0, budget.hours - used):.1f} h are left"
            left[name] = short if serves else "no claim needs it"
    return Choice(tuple(able[name] for name in chosen), decided, left)


def _best(
    budget: Budget, able: Mapping[str, Candidate], claims: Mapping[str, frozenset[str]], chosen: Sequence[str]
) -> list[str]:
    """The recipes to add next; empty where none fits or decides anything more."""
    have = set(chosen)
    room = budget.hours - sum(able[name].hours for name in chosen)
    best, score = [], 0.0
    open_ = {needs - have for needs in claims.values() if needs - have and needs - have <= able.keys()}
    priced = sorted((sum(able[name].hours for name in needs), sorted(needs)) for needs in open_)
    for hours, names in priced:  # of equals the shorter
        if hours > room:
            break
        needs = frozenset(names)
        gained = _decided(claims.values(), have | needs) - _decided(claims.values(), have)
        worth = gained / max(hours, 1e-3)
        if worth > score:
            best, score = names, worth
    return best


def _decided(claims: Iterable[frozenset[str]], have: set[str] | frozenset[str]) -> int:
    return sum(needs <= have for needs in claims)


def _memory_here() -> float:
    return max((gpu.memory / 1e9 for gpu in gpus_here()), default=0.0)
