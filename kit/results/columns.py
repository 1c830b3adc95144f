"""The named columns: what each metric is, its unit, and how it is read off items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kit.errors import UsageError
from kit.jobdir import ScoreTask
from kit.plugins import loaded, names, plugin
from kit.results.choices import TASK as CHOICES
from kit.results.choices import choice_columns
from kit.results.contrast import CLOSED, CONTEXT, SWAPPED, contrast_columns, is_contrast
from kit.results.items import GeneratedItem, ScoredItem
from kit.results.types import Floats
from kit.score import Form, ItemScore, cut


@dataclass(frozen=True)
class Metric:
    """A column. `percent` metrics are kept from 0 to 1 for an item and shown from 0 to 100 in tables.

    `signed` metrics may be negative and so have no ratio. `better`: which way is better, where there is one. `task`:
    the kind or the name of the task whose cells make its table. `package`: name and version of the one that it is of,
    if not of the kit.
    """

    name: str
    title: str
    unit: Literal["percent", "words", "ratio", "nats", "nats a token"]
    better: Literal["higher", "lower", "neither"] = "higher"
    signed: bool = False
    task: str = "generate"
    package: str = ""

    @property
    def stored(self) -> str:
        """Its name in files: with package and version, where it is another package's."""
        return f"{self.name} ({self.package})" if self.package else self.name

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
        Metric("f1_span", "F1 of the answer's best span", "percent"),
        Metric("lost_over", "F1 lost by running on", "percent", "lower"),
        Metric("lost_lead", "F1 lost by leading in", "percent", "lower"),
        Metric("f1_length", "F1 of the best span as long as the gold", "percent"),
        Metric(
            "lost_stop",
            "F1 lost by not stopping there, with and without a mask of scripts",
            "percent",
            "lower",
            signed=True,
        ),
        Metric(
            "lost_language",
            "F1 lost to other scripts, with and without that length",
            "percent",
            "lower",
            signed=True,
        ),
        Metric("f1_free", "F1 of the best span as long as the gold, in its own script", "percent"),
        Metric("f1_foil", "F1 of the span that fits another answer best", "percent", "neither"),
        Metric("script_own", "letters of the answer in the language's own script", "percent"),
        Metric("answer_words", "answer length", "words", "neither"),
        Metric("gold_words", "gold length", "words", "neither"),
        Metric("raw_words", "length of the whole output", "words", "neither"),
        Metric("length_ratio", "answer length / gold length", "ratio", "neither"),
        Metric("at_limit", "stopped by the token limit", "percent", "lower"),
        Metric("p_stop", "p(stop) after the gold answer", "percent"),
        Metric("gold_logprob", "log-likelihood of the gold answer", "nats a token", signed=True),
        Metric("span_first", "gold ranked first among spans, after the prompt", "percent"),
        Metric("span_share", "share of the gold among spans, after the prompt", "percent"),
        Metric("span_f1", "F1 of the likeliest span, after the prompt", "percent"),
        Metric("span_ceiling", "F1 of the best span that there is", "percent", "neither"),
        Metric("known", "gold ranked first among spans, after the model's own words", "percent"),
        Metric("known_share", "share of the gold among spans, after the model's own words", "percent"),
        Metric("known_measured", "answers that name something of their context", "percent", "neither"),
        Metric("p_stop_own", "p(stop) after the gold answer, after the model's own words", "percent"),
        Metric("acc", "accuracy over choices", "percent", task=CHOICES),
        Metric("acc_norm", "accuracy over choices, by likelihood a character", "percent", task=CHOICES),
        Metric("acc_bytes", "accuracy over choices, by likelihood a byte", "percent", task=CHOICES),
        Metric("choice_share", "share of the right choice", "percent", task=CHOICES),
        Metric("choice_ties", "right choice as likely as another", "percent", "neither", task=CHOICES),
        Metric("choice_chance", "chance level over choices", "percent", "neither", task=CHOICES),
        Metric("context_nats", "true context over others", "nats", "neither", signed=True, task=CONTEXT),
        Metric("context_above", "other contexts below the true one", "percent", "neither", task=CONTEXT),
        Metric("swap_nats", "the same, a swapped answer", "nats", "neither", signed=True, task=CONTEXT),
        Metric("closed_nats", "gold over others, no context", "nats", "neither", signed=True, task=CLOSED),
        Metric("closed_above", "others below the gold, no context", "percent", "neither", task=CLOSED),
        Metric(
            "swapped_nats", "gold over others, wrong context", "nats", "neither", signed=True, task=SWAPPED
        ),
        Metric("swapped_above", "others below the gold, wrong context", "percent", "neither", task=SWAPPED),
        Metric("mass_own", "probability on the language's own script, at the output", "percent"),
        Metric("mass_other", "probability on other scripts, at the output", "percent", "lower"),
        Metric("mass_none", "probability on no script, at the output", "percent", "neither"),
        Metric("mass_own_inside", "probability on the language's own script, in inner layers", "percent"),
        Metric("mass_other_inside", "probability on other scripts, in inner layers", "percent", "lower"),
    )
}
"""Every metric by its name, in the order of the tables."""


def metric_named(name: str) -> Metric:
    """The metric of that name: the kit's own, or one of another package, whose name and version are in the title.

    Raises:
        UsageError: there is none; the message names all. EnvironmentError_: that of another package cannot be loaded.
    """
    if name in METRICS:
        return METRICS[name]
    if found := plugin("metrics", name):
        package = f"{found.package} {found.version}"
        return Metric(name, f"{name} ({package})", "percent", package=package)
    remedy = f"choose one of {', '.join((*METRICS, *names('metrics')))}"
    raise UsageError(f"no metric is called {name!r}", remedy=remedy)


FORM_COLUMNS = ("f1_span", "lost_over", "lost_lead", "f1_foil")
"""The columns of `kit.score.Form`, in its order."""


Make = Callable[[], Mapping[str, Floats]]


class Columns(Mapping[str, Floats]):
    """Columns by name, some of them worked out only when one of those is first asked for.

    `later` says for each of those what works it out, perhaps together with others, and `by_plugin` what works out a
    column of another package's metric, once that was named; such columns are not listed.
    """

    def __init__(
        self,
        ready: Mapping[str, Floats],
        later: Mapping[str, Make] | None = None,
        by_plugin: Callable[[str], Floats] | None = None,
    ) -> None:
        self._ready, self._later, self._by_plugin = dict(ready), dict(later or {}), by_plugin

    def __getitem__(self, name: str) -> Floats:
        if name not in self._ready and name in self._later:
            self._ready.update(self._later[name]())
        if name not in self._ready and self._by_plugin and name in self:
            self._ready[name] = self._by_plugin(name)
        return self._ready[name]

    def __contains__(self, name: object) -> bool:
        if name in self._ready or name in self._later:
            return True
        return self._by_plugin is not None and isinstance(name, str) and loaded("metrics", name)

    def __iter__(self) -> Iterator[str]:
        return iter((*self._ready, *(name for name in self._later if name not in self._ready)))

    def __len__(self) -> int:
        return len(set(self._ready) | set(self._later))

    def joined(self, others: Mapping[str, Make]) -> Columns:
        """These columns, and others to be worked out later, which replace those of their name."""
        ready = {name: column for name, column in self._ready.items() if name not in others}
        return Columns(ready, {**self._later, **others}, self._by_plugin)


def plugin_column(name: str, raws: Sequence[str], golds: Sequence[Sequence[str]], language: str) -> Floats:
    """The column of another package's metric, (items,), 0 to 1.

    Raises:
        EnvironmentError_: it fails, or gives something else.
    """
    found = plugin("metrics", name)
    assert found is not None, "a column is asked for once its metric was named"
    try:
        values = [
            float(found.call(cut(raw), list(gold), language)) for raw, gold in zip(raws, golds, strict=True)
        ]
        if outside := [value for value in values if not 0.0 <= value <= 1.0]:
            raise ValueError(f"it gives {outside[0]}, which is not from 0 to 1")
    except Exception as error:  # whatever the code of another raises
        raise found.failed("on an answer", error) from error
    return _floats(values)


STOP_OR_LANGUAGE = ("lost_stop", "lost_language", "f1_free")
LENGTH = "f1_length"


def stop_or_language(plain: Mapping[str, Floats], masked: Mapping[str, Floats]) -> dict[str, Floats]:
    """The columns of `STOP_OR_LANGUAGE` from F1 as it is and with the length oracle, of answers without a constraint
    and of those under a mask of the language's own script; (items,) each. Experiment S3 of the protocol:

        lost_stop = ½ [(L − F) + (L_M − F_M)],  lost_language = ½ [(F_M − F) + (L_M − L)],  f1_free = L_M

    so that F = f1_free − lost_stop − lost_language, item by item and in every mean.
    """
    free, bound = plain["f1"], plain[LENGTH]
    free_masked, bound_masked = masked["f1"], masked[LENGTH]
    stop = ((bound - free) + (bound_masked - free_masked)) / 2
    language = ((free_masked - free) + (bound_masked - bound)) / 2
    return dict(zip(STOP_OR_LANGUAGE, (stop, language, bound_masked), strict=True))


def length_columns(f1s: Sequence[float]) -> dict[str, Floats]:
    """The column of the length oracle, (items,)."""
    return {LENGTH: _floats(f1s)}


def form_columns(forms: Sequence[Form]) -> dict[str, Floats]:
    """The columns of `FORM_COLUMNS`, (items,) each; NaN where a context has no other question."""
    values = zip(*forms, strict=True) if forms else ((),) * len(FORM_COLUMNS)
    return dict(zip(FORM_COLUMNS, map(_floats, values), strict=True))


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


def scored_columns(items: Sequence[ScoredItem], task: ScoreTask) -> dict[str, Floats]:
    """The columns of a `score` cell, (items,) each; what was not measured of an item is NaN.

    p(stop) = p(end token) + p(new line), the two ways in which the protocol's answer ends (its first line
    counts), after the first gold answer. A gold that ties with others for the first rank has a share of it.
    """
    if task.continuations == "choices":
        return choice_columns(items)
    if is_contrast(task):
        return contrast_columns(items, task)
    first = [item.continuations[0] if item.continuations else None for item in items]
    with np.errstate(under="ignore"):
        stops = [np.exp(c.end) + np.exp(c.newline) if c else None for c in first]
    # Two probabilities that were rounded apart may add up to a hair above 1.
    stop = np.minimum(_floats(stops), 1.0)
    if task.continuations != "spans":
        means = [sum(c.tokens) / len(c.tokens) if c and c.tokens else None for c in first]
        return {"p_stop": stop, "gold_logprob": _floats(means)}
    rankings = [item.ranking for item in items]
    ranked_first = _floats([None if r is None else float(r.rank == 1) / (1 + r.ties) for r in rankings])
    shares = _floats([r.share if r else None for r in rankings])
    if task.lead == "own-words":
        measured = _floats([float(r is not None) for r in rankings])
        return {"known": ranked_first, "known_share": shares, "known_measured": measured, "p_stop_own": stop}
    return {
        "span_first": ranked_first,
        "span_share": shares,
        "span_f1": _floats([r.f1 if r else None for r in rankings]),
        "span_ceiling": _floats([r.ceiling if r else None for r in rankings]),
    }


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array(values, dtype=np.float64)  # None becomes NaN
