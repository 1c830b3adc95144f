"""From facts to a page: its head, its verdicts, its sections, and the data that stand in it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from kit.report.claims import as_data
from kit.report.page.facts import Facts, RunFacts
from kit.report.page.inside import lens_parts, swap_parts
from kit.report.page.measured import Measured, measured
from kit.report.page.origin import Origins
from kit.report.page.parts import Part, Section
from kit.report.page.provenance import data_parts, environment_parts, origin_parts, seen_parts, time_parts
from kit.report.page.settings import deviation_parts, switch_parts
from kit.report.page.tables import over_parts, split_parts, transfer_parts, window_parts
from kit.report.page.verdicts import Verdicts, verdicts_of

SCHEMA = 1
"""Version of the data in a page."""


@dataclass(frozen=True)
class Head:
    """A run in the head of the page."""

    name: str
    title: str
    models: str
    stage: str
    cells: str
    n: str


@dataclass(frozen=True)
class Page:
    """A page as the template takes it. `data` is what stands in it for machines."""

    title: str
    heads: tuple[Head, ...]
    banners: tuple[str, ...]
    verdicts: Verdicts | None
    fault: str
    sections: tuple[Section, ...]
    commands: tuple[str, ...]
    version: str
    data: dict[str, Any]


def build(facts: Facts) -> Page:
    """The page of some runs.

    Raises:
        DataError: cells of one table do not hold the same items, or are damaged.
    """
    origins = Origins(facts)
    found = [measured(run) for run in facts.runs]
    names = ", ".join(dict.fromkeys(run.results.recipe for run in facts.runs))
    return Page(
        title=f"xlt-kit report: {names}",
        heads=tuple(map(_head, facts.runs)),
        banners=tuple(_banners(facts)),
        verdicts=verdicts_of(facts, origins),
        fault=facts.fault,
        sections=tuple(section for section in _sections(facts, found, origins) if section.parts),
        commands=tuple(_commands(facts)),
        version=facts.version,
        data=_data(facts, found, origins),
    )


def _head(run: RunFacts) -> Head:
    cells = run.results.wanted.cells
    done, wanted = len({cell.key for cell in run.results.cells}), len({cell.key for cell in cells})
    sizes = sorted({cell.items for cell in cells})
    n = f"{sizes[0]:,}" if len(sizes) == 1 else f"{sizes[0]:,} to {sizes[-1]:,}" if sizes else ""
    return Head(
        run.name,
        str(run.recipe.get("title") or ""),
        ", ".join(dict.fromkeys(cell.at.model for cell in cells)),
        run.stage,
        f"{done:,} of {wanted:,} cells",
        n,
    )


def _banners(facts: Facts) -> Iterator[str]:
    toys = dict.fromkeys(model for run in facts.runs for model in sorted(run.toys))
    if toys:
        yield f"Mechanics only: {', '.join(toys)} shows that the instruments work, and nothing of language models."
    if facts.shipped:
        yield "Shipped: the cells were computed by someone else. Nothing here counts as a verdict of this machine."
    for run in facts.runs:
        missing = len({cell.wanted.key for cell in run.results.missing})
        if missing:
            told = f"{run.name} is not complete: {missing:,} cells are missing ({run.stage})"
            yield f"{told}. Go on with: xlt-kit resume {run.name}"


def _sections(facts: Facts, found: list[Measured], origins: Origins) -> Iterator[Section]:
    languages = facts.languages or {}

    def each(parts: Callable[[Measured], Iterable[Part]]) -> tuple[Part, ...]:
        named = len(found) > 1
        return tuple(
            replace(part, title=f"{one.run.name}: {part.title}") if named else part
            for one in found
            for part in parts(one)
        )

    yield Section("transfer", "Transfer", each(lambda one: transfer_parts(one, origins, languages)))
    yield Section("over", "Over-generation", each(lambda one: over_parts(one, origins, languages)))
    yield Section("split", "What a change is made of", each(lambda one: split_parts(one, origins)))
    yield Section("lens", "Lens curves", each(lambda one: lens_parts(one, origins)))
    yield Section("interchange", "Interchanges", each(lambda one: swap_parts(one, origins)))
    yield Section("layers", "Windows of layers", each(lambda one: window_parts(one, origins)))
    yield Section("switches", "Switches", tuple(switch_parts(facts)))
    yield Section("deviations", "Deviations from the paper", tuple(deviation_parts(facts)))
    yield Section("seen", "Seen data", tuple(seen_parts(facts)))
    yield Section("data", "Data", tuple(data_parts(facts)))
    yield Section("origin", "Where figures come from", tuple(origin_parts(origins)))
    yield Section("environment", "Environment", tuple(environment_parts(facts)))
    yield Section("times", "Times", tuple(time_parts(facts)))


def _commands(facts: Facts) -> Iterator[str]:
    names = " ".join(run.name for run in facts.runs)
    for run in facts.runs:
        yield run.command
    if facts.judged:
        yield f"xlt-kit claims {names} --details"
    for run in facts.runs:
        yield from (f"xlt-kit table {run.name} --metric {metric}" for metric in run.metrics)
    yield f"xlt-kit report {names}"


def _data(facts: Facts, found: list[Measured], origins: Origins) -> dict[str, Any]:
    judged = facts.judged
    return {
        "schema": SCHEMA,
        "shipped": facts.shipped,
        "claims": judged
        and {
            "file": judged.file,
            "title": judged.title,
            "notes": list(judged.notes),
            "verdicts": as_data(judged.verdicts),
        },
        "environments": [asdict(one) | {"facts": dict(one.facts)} for one in origins.environments],
        "origins": origins.as_data(),
        "runs": [
            {
                "run": one.run.name,
                "recipe": one.run.results.recipe,
                "stage": one.run.stage,
                "tables": one.as_data(),
            }
            for one in found
        ],
    }
