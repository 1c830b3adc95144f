"""The named columns: what each metric is, its unit, and how it is read off items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kit.errors import UsageError
from kit.results.items import GeneratedItem, ScoredItem
from kit.results.types import Floats
from kit.score import ItemScore


@dataclass(frozen=True)
class Metric:
    """A column. `percent` metrics are kept from 0 to 1 for an item and shown from 0 to 100 in tables.

    `signed` metrics may be negative and so have no ratio. `better`: which way is better, where there is one.
    """

    name: str
    title: str
    unit: Literal["percent", "words", "ratio", "nats a token"]
    better: Literal["higher", "lower", "neither"] = "higher"
    signed: bool = False

    @property
    def scale(self) -> float:
        """From an item's value to the table's unit."""
        return 100.0 if self.unit == "percent" else 1.0


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("em", "EM", "percent"),
        Metric("f1", "F1", "percent"),
        Metric("mlqa_em", "EM (MLQA)", "percent"),
        Metric("mlqa_f1", "F1 (MLQA)", "percent"),
        Metric("aware_em", "EM (language-aware)", "percent"),
        Metric("aware_f1", "F1 (language-aware)", "percent"),
        Metric("overran", "gold contained but overrun", "percent", "lower"),
        Metric("contains_gold", "gold contained", "percent"),
        Metric("answer_words", "answer length", "words", "neither"),
        Metric("gold_words", "gold length", "words", "neither"),
        Metric("raw_words", "length of the whole output", "words", "neither"),
        Metric("length_ratio", "answer length / gold length", "ratio", "neither"),
        Metric("at_limit", "stopped by the token limit", "percent", "lower"),
        Metric("p_stop", "p(stop) after the gold answer", "percent"),
        Metric("gold_logprob", "log-likelihood of the gold answer", "nats a token", signed=True),
    )
}
"""Every metric by its name, in the order of the tables."""


def metric_named(name: str) -> Metric:
    """The metric of that name.

    Raises:
        UsageError: there is none; the message names all.
    """
    if name not in METRICS:
        raise UsageError(f"no metric is called {name!r}", remedy=f"choose one of {', '.join(METRICS)}")
    return METRICS[name]


def generated_columns(items: Sequence[GeneratedItem], scores: Sequence[ItemScore]) -> dict[str, Floats]:
    """Metric name → (items,) of a `generate` cell; MLQA's only where the language is one of its seven."""
    if not scores:
        return {}
    columns = dict(zip(ItemScore._fields, map(_floats, zip(*scores, strict=True)), strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        gold = columns["gold_words"]
        columns["length_ratio"] = np.where(gold > 0, columns["answer_words"] / gold, np.nan)
    columns["at_limit"] = _floats([item.stop == "limit" for item in items])
    return {name: column for name, column in columns.items() if not np.isnan(column).all()}


def scored_columns(items: Sequence[ScoredItem]) -> dict[str, Floats]:
    """`p_stop` and `gold_logprob` of a `score` cell, (items,) each, after the first gold answer.

    p(stop) = p(end token) + p(new line), the two ways in which the protocol's answer ends (its first line
    counts).
    """
    first = [item.continuations[0] if item.continuations else None for item in items]
    with np.errstate(under="ignore"):
        stops = [np.exp(c.end) + np.exp(c.newline) if c else None for c in first]
    means = [sum(c.tokens) / len(c.tokens) if c and c.tokens else None for c in first]
    # Two probabilities that were rounded apart may add up to a hair above 1.
    return {"p_stop": np.minimum(_floats(stops), 1.0), "gold_logprob": _floats(means)}


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)  # None becomes NaN
