"""Scoring a generated cell as it lands, so that its scores outlive the gold data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.data.example import Example
from kit.errors import DataError, StorageError, Where
from kit.jobdir import atomic_write
from kit.results.items import GeneratedItem, StoredScore, read_facts, read_generated
from kit.score import METRICS_VERSION, ItemScore, score_item

_written = json.JSONEncoder(ensure_ascii=False).encode

Memo = dict[tuple[str, tuple[str, ...], str], ItemScore]
"""Scores already worked out, by output, gold answers and language: base and tuned often say the same."""


def score_generation(cell_folder: Path, examples: Sequence[Example]) -> None:
    """Write `scores.jsonl` into the folder of a finished `generate` cell, whole or not at all.

    `examples` are the items of the cell's slice, with their language. A line holds id, context_id, the
    fields of `kit.score.ItemScore` and the `metrics_version` that they were made with.

    Raises:
        DataError: the cell is damaged, or an item has no example.
        StorageError: the folder cannot be written.
    """
    items = read_generated(cell_folder, read_facts(cell_folder).n)
    scores = score_items(items, examples, cell_folder)
    lines = "".join(_written(_row(score)) + "\n" for score in scores)
    try:
        atomic_write(cell_folder / "scores.jsonl", lines)
    except OSError as problem:
        raise StorageError(
            f"the scores of a cell cannot be written: {problem.strerror}",
            where=Where(str(cell_folder)),
            remedy="free some space or change the folder's permissions, and run the same command again",
        ) from problem


def score_items(
    items: Sequence[GeneratedItem],
    examples: Sequence[Example],
    cell_folder: Path,
    memo: Memo | None = None,
) -> list[StoredScore]:
    """Score outputs against their examples, in the order of the items.

    Raises:
        DataError: an item has no example.
    """
    known = {} if memo is None else memo
    gold: Mapping[str, Example] = {example.id: example for example in examples}
    scores = []
    for item in items:
        example = gold.get(item.id)
        if example is None:
            raise DataError(
                f"item {item.id!r} is not among the {len(gold)} examples of the cell's slice",
                where=Where(str(cell_folder / "items.jsonl")),
                remedy="remove the cell's folder and run the recipe again",
            )
        # An unanswerable question has the empty gold answer, as in SQuAD v2.
        asked = (item.raw, example.answers or ("",), example.language)
        score = known.get(asked)
        if score is None:
            score = known[asked] = score_item(*asked)
        scores.append(StoredScore(item.id, example.context_id, score, METRICS_VERSION))
    return scores


def _row(score: StoredScore) -> dict[str, object]:
    return {
        "id": score.id,
        "context_id": score.context_id,
        **score.score._asdict(),
        "metrics_version": score.metrics_version,
    }
