"""Scoring a generated cell as it lands, so that its scores outlive the gold data."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from kit.data.example import Example, foils
from kit.errors import DataError, StorageError, Where
from kit.jobdir import atomic_write
from kit.results.collector import uncollected
from kit.results.items import GeneratedItem, read_facts, read_generated
from kit.score import METRICS_VERSION, Form, ItemScore, Targets, forms_against, length_f1s, targets_of
from kit.score import score_items as score_outputs

_written = json.JSONEncoder(ensure_ascii=False).encode
_LINE = "".join(f', "{name}": %r' for name in (*ItemScore._fields, "metrics_version"))
_LINE += f', "form": [{", ".join(["%r"] * len(Form._fields))}]}}'

Memo = dict[tuple[str, str], ItemScore]
"""Scores of one slice already worked out, by item and output: base and tuned often say the same."""


def score_generation(cell_folder: Path, examples: Sequence[Example]) -> None:
    """Write `scores.jsonl` into the folder of a finished `generate` cell, whole or not at all.

    `examples` are the items of the cell's slice, with their language. A line holds id, context_id, the
    fields of `kit.score.ItemScore`, those of `kit.score.Form` as a list under `form`, and the
    `metrics_version` that they were made with.

    Raises:
        DataError: the cell is damaged, or an item has no example.
        StorageError: the folder cannot be written.
    """
    with uncollected():
        lines = _lines(cell_folder, examples)
    try:
        atomic_write(cell_folder / "scores.jsonl", lines)
    except OSError as problem:
        raise StorageError(
            f"the scores of a cell cannot be written: {problem.strerror}",
            where=Where(str(cell_folder)),
            remedy="free some space or change the folder's permissions, and run the same command again",
        ) from problem


def _lines(cell_folder: Path, examples: Sequence[Example]) -> str:
    items = read_generated(cell_folder, read_facts(cell_folder).n)
    scores = score_items(items, {example.id: example for example in examples}, cell_folder)
    ids = [item.id for item in items]
    found = form_items(ids, [item.raw for item in items], examples)
    heads = _slice(_Asked(examples)).heads
    rows = zip(ids, scores, found, strict=True)
    return "".join(f"{heads[id_]}{_numbers(score, form)}\n" for id_, score, form in rows)


def score_items(
    items: Sequence[GeneratedItem],
    gold: Mapping[str, Example],
    cell_folder: Path,
    memo: Memo | None = None,
) -> list[ItemScore]:
    """Score outputs against their examples by id, in the order of the items. A `memo` serves the cells of one slice.

    Raises:
        DataError: an item has no example.
    """
    known = {} if memo is None else memo
    asked = [(item.id, item.raw) for item in items]
    new: dict[str, dict[tuple[str, str], tuple[str, ...]]] = defaultdict(dict)
    for output in asked:
        if output in known:
            continue
        example = gold.get(output[0])
        if example is None:
            raise DataError(
                f"item {output[0]!r} is not among the {len(gold)} examples of the cell's slice",
                where=Where(str(cell_folder / "items.jsonl")),
                remedy="remove the cell's folder and run the recipe again",
            )
        # An unanswerable question has the empty gold answer, as in SQuAD v2.
        new[example.language][output] = example.answers or ("",)
    for language, golds in new.items():
        scores = score_outputs([raw for _, raw in golds], list(golds.values()), language)
        known.update(zip(golds, scores, strict=True))
    return list(map(known.__getitem__, asked))


def form_items(ids: Sequence[str], raws: Sequence[str], examples: Sequence[Example]) -> list[Form]:
    """The form of outputs whose examples are all there; a foil is a gold answer of another question on the context."""
    targets = _slice(_Asked(examples)).targets
    return forms_against(raws, [targets[id_] for id_ in ids])


def length_items(ids: Sequence[str], raws: Sequence[str], examples: Sequence[Example]) -> list[float]:
    """F1 of each output's best span of the gold's length; their examples are all there."""
    answers = {example.id: example.answers or ("",) for example in examples}
    return length_f1s(raws, [answers[id_] for id_ in ids])


class _Asked:
    """The examples of a slice as a key: equal where they are, with a hash that does not read them all."""

    __slots__ = ("examples",)

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = tuple(examples)

    def __hash__(self) -> int:
        return hash((len(self.examples), self.examples[:1], self.examples[-1:]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.examples == other.examples


class _Slice(NamedTuple):
    """What all cells of a slice share, by an example's id: its targets, and how the line of its scores begins."""

    targets: Mapping[str, Targets]
    heads: Mapping[str, str]


@lru_cache(maxsize=64)
def _slice(asked: _Asked) -> _Slice:
    """Remembered for as many slices as a checkpoint is evaluated on: its cells land one after the other."""
    others = foils(asked.examples)
    return _Slice(
        {e.id: targets_of(e.answers or ("",), others[e.id]) for e in asked.examples},
        {e.id: f'{{"id": {_written(e.id)}, "context_id": {_written(e.context_id)}' for e in asked.examples},
    )


def _numbers(score: ItemScore, form: Form) -> str:
    """The rest of a line, from the first score on; by hand, in a third of the time that a JSON encoder takes for it.

    Scores are finite, and Python writes finite numbers as JSON does.
    """
    text = _LINE % (*score, METRICS_VERSION, *form)
    return text.replace("None", "null").replace("True", "true").replace("False", "false")
