"""What of each recipe fits on this machine, and how long it would take here; nothing is fetched for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kit.api.doctor.finding import Surroundings
from kit.api.forecast import Need, needs
from kit.api.planning import Prepared, prepare
from kit.errors import CatalogError, DataError, KitError, MissingInputError, RecipeError, RecipeErrors
from kit.recipe import RecipeHead, find_recipes

_WEEKS = 14 * 86_400.0
_AWAY = " is not on this machine"
"""In the message of what would have to be fetched."""
_FAULTS = (RecipeError, RecipeErrors, CatalogError, DataError)

Standing = Literal["fits", "slow", "lacks", "unknown", "faulty"]
ORDER: tuple[Standing, ...] = ("fits", "slow", "lacks", "unknown", "faulty")


@dataclass(frozen=True)
class Fit:
    """A recipe against this machine. `slow`: it fits, and would take weeks. `unknown`: it cannot be planned here, as a
    rule because its data are not here.

    `seconds` is all its work on one slot, None where it is not known; `time` says it, and how long it is here.
    """

    recipe: Path
    name: str
    standing: Standing
    says: str
    time: str = ""
    seconds: float | None = None
    remedy: str = ""


def fits(here: Surroundings, folder: Path, factor: float | None = None, able: bool = True) -> Iterator[Fit]:
    """Each recipe below a folder, in the order of their paths.

    Args:
        factor: seconds measured over seconds assumed, of this machine's CPU.
        able: whether jobs can run here at all.
    """
    for head in find_recipes(folder) if folder.is_dir() else ():
        yield fit(here, head, factor, able)


def in_order(found: list[Fit]) -> list[Fit]:
    """Those that fit first, the quicker before the slower."""
    return sorted(found, key=lambda one: (ORDER.index(one.standing), one.seconds or 0.0, str(one.recipe)))


def fit(here: Surroundings, head: RecipeHead, factor: float | None, able: bool) -> Fit:
    """One recipe."""
    near = replace(here.workspace, offline=True)
    try:
        prepared = prepare(near, head.path, fetch=False, factor=factor or 1.0)
        if _on_gpu(here, prepared):
            prepared = prepare(near, head.path, fetch=False, device="cuda")
        return _judged(head, prepared, needs(near, prepared), able)
    except KitError as problem:
        if isinstance(problem, MissingInputError) and _AWAY in problem.message:
            says = f"to fetch first: {problem.message.partition(_AWAY)[0]}, for one"
            return Fit(head.path, head.name, "unknown", says, remedy=f"xlt-kit fetch {head.path}")
        return _refused(head, problem)


def _on_gpu(here: Surroundings, prepared: Prepared) -> bool:
    device = prepared.loaded.recipe.resources.device
    return device == "cuda" or (device == "auto" and bool(here.gpus_seen))


def _refused(head: RecipeHead, problem: KitError) -> Fit:
    """A recipe that cannot be planned, by the first of its faults."""
    faults = problem.errors if isinstance(problem, RecipeErrors) else (problem,)
    place = f"{faults[0].where}: " if faults[0].where else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    standing: Standing = "faulty" if isinstance(problem, _FAULTS) else "unknown"
    remedy = faults[0].remedy or f"xlt-kit plan {head.path}"
    return Fit(head.path, head.name, standing, f"{place}{faults[0].message}{more}", remedy=remedy)


def _judged(head: RecipeHead, prepared: Prepared, found: list[Need], able: bool) -> Fit:
    if not prepared.plan.jobs:
        return Fit(head.path, head.name, "fits", "everything is in the store", "nothing to do", 0.0)
    seconds = sum(job.cost.seconds for job in prepared.plan.jobs)
    time = _time(seconds, found)
    made_for = f"it is made for {head.needs}; all of it: xlt-kit plan {head.path}"
    lacks = [f"{need.what}: {need.takes}, here {need.here}" for need in found if need.enough is False]
    if lacks or not able:
        says = "; ".join(lacks if able else ("nothing that jobs can run in", *lacks))
        return Fit(head.path, head.name, "lacks", says, time, seconds, made_for if able else "see jobs above")
    away = [m.wanted.name for m in prepared.inputs.models if m.path is None and m.wanted.spec is None]
    says = f"weights to fetch: {', '.join(away)}" if away else "everything it reads is here"
    if seconds > _WEEKS:
        return Fit(head.path, head.name, "slow", says, time, seconds, made_for)
    return Fit(
        head.path, head.name, "fits", says, time, seconds, f"xlt-kit fetch {head.path}" if away else ""
    )


def _time(seconds: float, found: list[Need]) -> str:
    """As a plan says it; of what takes weeks only the size."""
    if seconds <= _WEEKS:
        return next((f"{need.takes}: {need.here}" for need in found if need.what == "time"), "")
    days = seconds / 86_400
    return f"about {days / 365:.0f} years of work" if days > 730 else f"about {days:.0f} days of work"
