"""What a run was set to: its switches beside the paper's, and all else that differs from the paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any

from kit.recipe import PAPER, Switches, expanded
from kit.recipe.model import Recipe
from kit.report.page.facts import Facts, RunFacts
from kit.report.page.parts import Cell, Part, table, word

_COMPARED = (
    "prompts",
    "train_prompt",
    "lora",
    "trainer",
    "sequence_limit",
    "answer_limit",
    "sampling",
    "seeds",
    "replicates",
    "checkpoints",
)
"""Keys of a recipe, beside the switches, whose default is what the paper did."""
_OWN = ("stop", "decoding", "stream", "limit", "only", "ban", "layers")
"""What a task may set instead of the switches."""


def switch_parts(facts: Facts) -> Iterator[Part]:
    """Every switch: what it is, its value in each run, the paper's."""
    runs = [run for run in facts.runs if run.recipe]
    if not runs:
        return
    rows: list[list[Cell]] = [
        [
            word("fidelity", "group of the switches"),
            *(word(run.recipe.get("fidelity", "")) for run in runs),
            word("paper"),
            word("the group that fills in what a recipe does not set"),
        ]
    ]
    for name, field in Switches.model_fields.items():
        paper = getattr(PAPER, name)
        values = [run.recipe.get("switches", {}).get(name, "") for run in runs]
        rows.append(
            [
                word(name),
                *(word(value, kind="" if value == paper else "differs") for value in values),
                word(paper),
                word((field.description or "").replace("`", "")),
            ]
        )
    heads = ("switch", *_run_heads(runs), "paper's", "what it sets")
    yield Part(tables=(table("Switches and their settings", heads, rows),))


def deviation_parts(facts: Facts) -> Iterator[Part]:
    """What of a run differs from the paper's protocol, as its recipe has it."""
    for run in facts.runs:
        if not run.recipe:
            continue
        rows = [[word(name), word(own), word(paper)] for name, own, paper in _deviations(run, facts)]
        told = f"{run.name}: what differs from the paper's protocol"
        if rows:
            yield Part(tables=(table(told, ("what", "here", "paper's"), rows),))
        else:
            yield Part(lines=(f"{run.name}: every switch and setting is the paper's.",))


def _run_heads(runs: Sequence[RunFacts]) -> tuple[str, ...]:
    return ("this run",) if len(runs) == 1 else tuple(run.name for run in runs)


def _deviations(run: RunFacts, facts: Facts) -> Iterator[tuple[str, str, str]]:
    recipe, paper = run.recipe, _paper()
    yield from _models(run, facts)
    for name, value in recipe.get("switches", {}).items():
        if name in paper["switches"] and value != paper["switches"][name]:
            yield name, _words(value), _words(paper["switches"][name])
    for name in _COMPARED:
        yield from _different(name, recipe.get(name), paper.get(name))
    for task in recipe.get("tasks", []):
        own = {key: task[key] for key in _OWN if task.get(key)}
        if task.get("kind") == "generate" and own:
            yield "a generate task", _words(own), "as the switches"
    for use in ("train", "evaluate"):
        for entry in recipe.get(use, []):
            if entry.get("limit"):
                name = entry.get("dataset") or entry.get("name") or PurePath(str(entry.get("file"))).name
                yield f"{use} {name}", f"the first {entry['limit']} items a language", "all items"


def _models(run: RunFacts, facts: Facts) -> Iterator[tuple[str, str, str]]:
    """Models that the claims do not speak of; none where there are no claims."""
    verdicts = facts.judged.verdicts if facts.judged else ()
    claims = [verdict.claim for verdict in verdicts if run.results.recipe in verdict.claim.recipes]
    named = dict.fromkeys(model for claim in claims for model in claim.models)
    own = dict.fromkeys(cell.at.model for cell in run.results.wanted.cells)
    if claims and (others := [model for model in own if model not in named]):
        yield "models", ", ".join(others), f"the claims speak of {', '.join(named)}"
    for model in own:
        if model in run.toys:
            yield (
                "size of models",
                f"{model}: too small to say anything of language models",
                "pre-trained at scale",
            )


def _different(name: str, own: Any, paper: Any) -> Iterator[tuple[str, str, str]]:
    """Where two values differ, leaf by leaf; what an older kit's recipe does not have says nothing."""
    if own is None or own == paper:
        return
    if isinstance(own, Mapping) and isinstance(paper, Mapping):
        for key in dict.fromkeys((*paper, *own)):
            if key in own or key in paper:
                yield from _different(f"{name}.{key}", own.get(key), paper.get(key))
        return
    yield name, _words(own), _words(paper)


@cache
def _paper() -> dict[str, Any]:
    """The recipe of someone who says nothing but `fidelity: paper`, in its canonical form."""
    named = {"schema": 1, "name": "paper", "fidelity": "paper", "models": [{"name": "any"}]}
    return expanded(Recipe.model_validate(named))


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_words(one)}" for key, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_words, value))
    return "–" if value is None else str(value)
