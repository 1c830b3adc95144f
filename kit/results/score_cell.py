"""Scoring a generated cell as it lands, so that its scores outlive the gold data."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from kit.data.example import Example, foils
from kit.errors import DataError, StorageError, Where
from kit.jobdir import atomic_write
from kit.results.items import GeneratedItem, StoredScore, read_facts, read_generated
from kit.score import METRICS_VERSION, Form, ItemScore, forms
from kit.score import score_items as score_outputs

_written = json.JSONEncoder(ensure_ascii=False).encode

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
    items = read_generated(cell_folder, read_facts(cell_folder).n)
    scores = score_items(items, examples, cell_folder)
    found = form_items([item.id for item in items], [item.raw for item in items], examples)
    rows = zip(scores, found, strict=True)
    lines = "".join(_written(_row(score._replace(form=form))) + "\n" for score, form in rows)
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
    """Score outputs against their examples, in the order of the items. A `memo` serves the cells of one slice.

    Raises:
        DataError: an item has no example.
    """
    known = {} if memo is None else memo
    gold: Mapping[str, Example] = {example.id: example for example in examples}
    asked = [(item.id, item.raw) for item in items]
    new: dict[str, dict[tuple[str, str], tuple[str, ...]]] = defaultdict(dict)
    for output in asked:
        example = gold.get(output[0])
        if example is None:
            raise DataError(
                f"item {output[0]!r} is not among the {len(gold)} examples of the cell's slice",
                where=Where(str(cell_folder / "items.jsonl")),
                remedy="remove the cell's folder and run the recipe again",
            )
        if output not in known:
            # An unanswerable question has the empty gold answer, as in SQuAD v2.
            new[example.language][output] = example.answers or ("",)
    for language, golds in new.items():
        scores = score_outputs([raw for _, raw in golds], list(golds.values()), language)
        known.update(zip(golds, scores, strict=True))
    return [
        StoredScore(output[0], gold[output[0]].context_id, known[output], METRICS_VERSION) for output in asked
    ]


def form_items(ids: Sequence[str], raws: Sequence[str], examples: Sequence[Example]) -> list[Form]:
    """The form of outputs whose examples are all there; a foil is a gold answer of another question on the context."""
    gold = {example.id: example for example in examples}
    others = foils(examples)
    return forms(raws, [gold[id_].answers or ("",) for id_ in ids], [others[id_] for id_ in ids])


def _row(score: StoredScore) -> dict[str, object]:
    return {
        "id": score.id,
        "context_id": score.context_id,
        **score.score._asdict(),
        "metrics_version": score.metrics_version,
        **({"form": list(score.form)} if score.form else {}),
    }
