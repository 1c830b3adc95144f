"""Relations over a grid in words and as data: what goes with a change, and whose it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kit.jobdir import encode
from kit.report.formats import estimate_json, json_text
from kit.report.text import SIGNIFICANT, number, signed
from kit.results import Correlation, Relation
from kit.stats import Decomposition, Estimate

SCHEMA = 1
_NAMED = 3
_COVARIATES = {
    "same-script": "both languages have the same script",
    "same-family": "both languages are of the same family",
    "source-share": "log10 of the source's share of BLOOM's pre-training text",
    "target-share": "log10 of the target's share of BLOOM's pre-training text",
    "base": "the base's own score in the target",
}


def relation_view(relation: Relation) -> Group:
    """A relation for a terminal."""
    parts: list[RenderableType] = [
        Text(
            f"Δ{relation.metric} over the grid: {relation.model}, prompt {relation.prompt}, {relation.task}",
            "bold",
        ),
        Text(
            f"{relation.cells} cells, {len(relation.sources)} sources, {len(relation.targets)} targets, each source at "
            "its last step",
            "dim",
        ),
    ]
    if relation.correlations:
        parts += [Text(), _correlations(relation)]
    if relation.parts:
        parts += [Text(), *_decomposed(relation, relation.parts)]
    notes = [
        f"{SIGNIFICANT} the {relation.bootstrap.level:.0%} interval excludes 0; sources and targets are resampled, "
        "each as a whole; p by permutation of both, not corrected for the number of lines",
    ]
    if relation.dropped:
        notes.append(f"the same in all cells, so no covariate: {', '.join(relation.dropped)}")
    return Group(*parts, Text(), *(Text(line, "dim") for line in (*notes, *relation.notes)))


def _correlations(relation: Relation) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column(f"Δ{relation.metric} beside")
    for name in ("ρ", "interval", "p", "cells"):
        grid.add_column(name, justify="right", no_wrap=True)
    for one in relation.correlations:
        rho = one.rho
        p = "–" if math.isnan(rho.value) else f"{one.p:.2g}"
        grid.add_row(_beside(one), _rho(rho), _interval(rho), p, str(rho.n_items))
    return grid


def _beside(one: Correlation) -> str:
    name = _COVARIATES.get(one.change, f"Δ{one.change}")
    return f"{name}, at equal {', '.join(one.given)}" if one.given else name


def _rho(rho: Estimate) -> Text:
    sure = rho.excludes(0)
    words = signed(rho.value, 2) + (SIGNIFICANT if sure else " ")
    return Text("–" if math.isnan(rho.value) else words, style="bold" if sure else "dim")


def _interval(rho: Estimate) -> str:
    return f"{signed(rho.low, 2)}…{signed(rho.high, 2)}" if rho.defined else "–"


def _decomposed(relation: Relation, parts: Decomposition) -> list[RenderableType]:
    source, target, rest = parts.shares
    told = [
        Text(
            f"mean {signed(parts.mean, 1)} points; of the differences between cells {source:.0%} is the source's, "
            f"{target:.0%} the target's, {rest:.0%} the pair's own (noise alone would leave {parts.noise:.0%})"
        )
    ]
    told += [
        Text(f"{who}: {_extremes(names, effects.tolist())}", "dim")
        for who, names, effects in (
            ("sources", relation.sources, parts.rows),
            ("targets", relation.targets, parts.columns),
        )
        if len(names) == len(effects)
    ]
    return list(told)


def _extremes(names: Sequence[str], effects: Sequence[float]) -> str:
    """The first and last few, the largest first."""
    order = sorted(zip(names, effects, strict=True), key=lambda pair: -pair[1])
    shown = order if len(order) <= 2 * _NAMED else [*order[:_NAMED], ("…", math.nan), *order[-_NAMED:]]
    return ", ".join(name if math.isnan(effect) else f"{name} {signed(effect, 1)}" for name, effect in shown)


def relations_json(found: Sequence[Relation]) -> str:
    """Every figure."""
    return json_text({"schema": SCHEMA, "relations": [_as_json(one) for one in found]})


def _as_json(one: Relation) -> dict[str, Any]:
    parts = one.parts
    return {
        "recipe": one.recipe,
        "model": one.model,
        "prompt": one.prompt,
        "task": one.task,
        "metric": one.metric,
        "sources": list(one.sources),
        "targets": list(one.targets),
        "cells": one.cells,
        "interval": encode(one.bootstrap),
        "correlations": [
            {"beside": c.change, "given": list(c.given), "rho": estimate_json(c.rho), "p": c.p}
            for c in one.correlations
        ],
        "parts": parts
        and {
            "mean": _plain(parts.mean),
            "source": [_plain(v) for v in parts.rows.tolist()],
            "target": [_plain(v) for v in parts.columns.tolist()],
            "rest": [[_plain(v) for v in row] for row in parts.rest.tolist()],
            "shares": dict(zip(("source", "target", "rest"), map(_plain, parts.shares), strict=True)),
            "noise": _plain(parts.noise),
        },
        "dropped": list(one.dropped),
        "notes": list(one.notes),
    }


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else float(number(value, 6))
