"""Two runs side by side: in words, as JSON, as CSV."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kit.plan.types import Coordinates
from kit.report.examples import Shown, as_text
from kit.report.formats import csv_text, ends_of, json_text
from kit.report.text import SIGNIFICANT, interval, number, signed
from kit.results.difference import CellDifference, MetricDifference, RunDifference, Standing
from kit.results.likely import Cause, Change, Compared

SCHEMA = 1
SIGNS: dict[Standing, str] = {
    "identical": "=",
    "within noise": "≈",
    "beyond noise": "≠",
    "not comparable": "?",
}
"""How a cell stands, told apart without colour."""
HEADS = ("metric", "A", "B", "B - A", "flips", "interval", "n", "outputs")
"""What is told of a cell: the metric on either side, and how many raw outputs differ."""
_ORDER: tuple[Standing, ...] = ("beyond noise", "within noise", "not comparable", "identical")
_LISTED = 12
_CHANGES = 8
_EVIDENCE = 2


def summary(found: RunDifference) -> str:
    """How many cells stand how, in one line."""
    if not found.cells:
        return f"no cell is on both sides ({_alone_words(found) or 'neither has any'})"
    counts = [f"{len(found.standing(name))} {name}" for name in _ORDER if found.standing(name)]
    alone = _alone_words(found)
    return f"{len(found.cells)} cells compared: {', '.join(counts)}{f'; {alone}' if alone else ''}"


def notes(found: RunDifference) -> list[str]:
    """What a reader must know of the figures."""
    level = f"{found.bootstrap.level:.0%}"
    lines = [
        f"{one.name} is {one.a} in all of A and {one.b} in all of B: cells are matched across it"
        for one in found.bridges
    ]
    tests = sum(cell.moved for cell in found.cells)
    lines.append(
        f"{SIGNIFICANT} the {level} interval of B - A excludes 0 (paired bootstrap over contexts); ≠ is beyond noise: "
        f"p after Holm over the cells that moved ({tests}) below {1 - found.bootstrap.level:.2g}, and more than "
        "what noise was measured"
    )
    for name, floor in found.floors.items():
        for kind, noise in (("replicates", floor.replicates), ("exact and fast mode", floor.modes)):
            if noise:
                lines.append(
                    f"noise of {name}: {kind} differ in {100 * noise.differing:.1f} % of answers and by "
                    f"{noise.mean:.2f} (sd of a mean)"
                )
    if not found.floors:
        lines.append(
            "noise between evaluations was not measured: neither run has replicates or cells in both modes"
        )
    return lines


def names(found: RunDifference) -> dict[int, str]:
    """A name for each cell by its place: subject → evaluation set, and what else tells the compared cells apart."""
    places = [cell.pair.a.at for cell in found.cells]
    telling = [
        field.name
        for field in fields(Coordinates)
        if field.name in ("model", "step", "split", "prompt", "task", "replicate")
        and len({getattr(at, field.name) for at in places if at.trained_on or field.name != "step"}) > 1
    ]
    return {number_: place_name(at, telling) for number_, at in enumerate(places)}


def place_name(at: Coordinates, telling: Sequence[str] = ()) -> str:
    """`dataset/language seed 1 → dataset/language`, and the values of the coordinates that are to be told as well, but
    for the task of most cells.
    """
    seed = f" seed {at.seed}" if at.seed is not None else ""
    values = {name: getattr(at, name) for name in telling}
    more = [
        f"{name} {value}" if name in ("step", "replicate") else str(value)
        for name, value in values.items()
        if value != "generate"
    ]
    told = f" ({', '.join(more)})" if more else ""
    return f"{at.trained_on or 'base'}{seed} → {at.dataset}/{at.language}{told}"


def largest_first(found: RunDifference) -> list[int]:
    """The places of the cells that differ, beyond noise first, then by how far they moved and how many flipped."""

    def turn(at: int) -> tuple[int, float, int]:
        cell = found.cells[at]
        flips = len(cell.flips.to_right) + len(cell.flips.to_wrong) if cell.flips else 0
        return _ORDER.index(cell.standing), -cell.size, -flips

    return sorted((at for at, cell in enumerate(found.cells) if cell.standing != "identical"), key=turn)


def cause_words(cause: Cause) -> str:
    """What it is, and how it is spread: `(3 of 4 differing, 0 of 9 equal)`."""
    spread = f"{cause.differing} of {cause.of_differing} differing, {cause.equal} of {cause.of_equal} equal"
    return f"{cause.what} ({spread})"


def figures(cell: CellDifference, one: MetricDifference) -> tuple[str, ...]:
    """The figures under `HEADS`: flips are those to right and wrong with McNemar's p."""
    decimals = 1 if one.metric.unit == "percent" else 2

    def write(value: float) -> str:
        return signed(value, decimals)

    sure = SIGNIFICANT if one.difference.excludes(0) else ""
    return (
        *(one.metric.name, number(one.a, decimals), number(one.b, decimals)),
        *(f"{write(one.difference.value)}{sure}", flip_words(cell), interval(one.difference, write)),
        *(str(one.difference.n_items), "" if cell.outputs is None else str(cell.outputs)),
    )


def flip_words(cell: CellDifference) -> str:
    """`+3 -1, p 0.62`: how many turned right and wrong; empty where nothing answers."""
    if cell.flips is None:
        return ""
    right, wrong = len(cell.flips.to_right), len(cell.flips.to_wrong)
    return f"+{right} -{wrong}, p {cell.flips.p:.2g}" if right or wrong else "none"


def difference_view(compared: Compared, every: bool = False) -> Group:
    """All for a terminal: causes first, then the cells that differ (`every`: all), then what else differs."""
    found = compared.difference
    rows: list[RenderableType] = [
        Text(f"A  {compared.a}\nB  {compared.b}", "bold"),
        Text(summary(found)),
        *(line for at, cause in enumerate(compared.causes, 1) for line in _cause_lines(at, cause)),
    ]
    if compared.causes:
        rows.insert(
            2,
            Text(
                "\nlikely causes, the likeliest first (of how many cells that differ and that are equal each holds)",
                "bold",
            ),
        )
    shown = list(range(len(found.cells))) if every else largest_first(found)
    if shown:
        rows += [Text(), _cells(found, shown if every else shown[:_LISTED])]
        if len(shown) > _LISTED and not every:
            rows.append(Text(f"and {len(shown) - _LISTED} more that differ: --all lists every cell", "dim"))
        rows += [Text(line, "dim") for line in notes(found)]
    rows += [Text(line) for line in _alone_lines(found)]
    for section, changed in compared.changes.items():
        rows += [Text(f"\n{section}", "bold"), *(Text(f"  {line}") for line in change_lines(changed))]
    return Group(*rows)


def change_lines(changed: Sequence[Change]) -> list[str]:
    """A line a change, and how many more there are."""
    lines = [change.words for change in changed[:_CHANGES]]
    return [*lines, f"and {len(changed) - _CHANGES} more"] if len(changed) > _CHANGES else lines


def flip_lines(name: str, cell: CellDifference, shown: Sequence[Shown]) -> list[str]:
    """The questions of a cell that flipped, with gold and both answers."""
    lines = [f"{name}: {flip_words(cell) or 'has no answers'}"]
    for item in shown:
        lines += ["", as_text(item, ("A", "B"))]
    return lines


def difference_json(compared: Compared, flips: bool = True) -> str:
    """Every figure, every cause, every change; ids of the flips where they are asked for."""
    found = compared.difference
    named = names(found)
    value = {
        "schema": SCHEMA,
        "a": compared.a,
        "b": compared.b,
        "interval": asdict(found.bootstrap),
        "counts": {name: len(found.standing(name)) for name in _ORDER},
        "causes": [{**asdict(cause), "score": round(cause.score, 6)} for cause in compared.causes],
        "cells": [_cell_json(named[at], cell, flips) for at, cell in enumerate(found.cells)],
        "alone": [asdict(one) for one in found.alone],
        "bridges": [asdict(one) for one in found.bridges],
        "floors": {name: asdict(floor) for name, floor in found.floors.items()},
        "changes": {
            section: [asdict(one) for one in changed] for section, changed in compared.changes.items()
        },
    }
    return json_text(value)


def difference_csv(compared: Compared) -> str:
    """Tidy: one line a cell and metric; flags are 0 or 1."""
    return csv_text(
        [
            {
                **asdict(cell.pair.a.at),
                "key_a": cell.pair.a.key,
                "key_b": cell.pair.b.key,
                "standing": cell.standing,
                "metric": one.metric.name,
                "a": round(one.a, 6),
                "b": round(one.b, 6),
                **{f"difference_{end}": figure for end, figure in ends_of(one.difference).items()},
                "n": one.difference.n_items,
                "contexts": one.difference.n_clusters,
                "p": _figure(one.p),
                "p_holm": _figure(cell.p_holm) if at == 0 else "",
                "only_a": cell.pair.only_a,
                "only_b": cell.pair.only_b,
                "turned_right": len(cell.flips.to_right) if cell.flips else "",
                "turned_wrong": len(cell.flips.to_wrong) if cell.flips else "",
                "p_mcnemar": _figure(cell.flips.p) if cell.flips else "",
                "outputs": "" if cell.outputs is None else cell.outputs,
            }
            for cell in compared.difference.cells
            for at, one in enumerate(cell.metrics)
        ]
    )


def _cause_lines(at: int, cause: Cause) -> list[RenderableType]:
    """A cause with the first of its evidence."""
    lines = [Padding(Text(f"{at}. {cause_words(cause)}"), (0, 0, 0, 2), expand=False)]
    if cause.evidence:
        more = ", …" if len(cause.evidence) > _EVIDENCE else ""
        told = Text(f"{', '.join(cause.evidence[:_EVIDENCE])}{more}", "dim")
        lines.append(Padding(told, (0, 0, 0, 5), expand=False))
    return list(lines)


def _cells(found: RunDifference, shown: Sequence[int]) -> Table:
    """A line a cell and metric."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("cell")
    for name in HEADS:
        grid.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    named = names(found)
    for at in shown:
        cell = found.cells[at]
        head = Text(f"{SIGNS[cell.standing]} {named[at]}", "bold" if cell.standing == "beyond noise" else "")
        for line, one in enumerate(cell.metrics):
            told = figures(cell, one)
            grid.add_row("" if line else head, *((*told[:4], "", *told[5:7], "") if line else told))
        if not cell.metrics:
            grid.add_row(head, *([""] * len(HEADS)))
    return grid


def _cell_json(name: str, cell: CellDifference, flips: bool) -> dict[str, Any]:
    pair = cell.pair
    return {
        "name": name,
        "at": asdict(pair.a.at),
        "keys": [pair.a.key, pair.b.key],
        "standing": cell.standing,
        "n": pair.n,
        "only_a": pair.only_a,
        "only_b": pair.only_b,
        "p_holm": cell.p_holm,
        "outputs": cell.outputs,
        "flips": asdict(cell.flips) if cell.flips and flips else None,
        "metrics": [
            {
                "metric": one.metric.name,
                "a": round(one.a, 6),
                "b": round(one.b, 6),
                "difference": ends_of(one.difference),
                "n": one.difference.n_items,
                "contexts": one.difference.n_clusters,
                "p": one.p,
            }
            for one in cell.metrics
        ],
    }


def _alone_words(found: RunDifference) -> str:
    counts = ((side, sum(one.side == side for one in found.alone)) for side in ("A", "B"))
    return ", ".join(f"{count} only in {side}" for side, count in counts if count)


def _alone_lines(found: RunDifference) -> list[str]:
    """The first few cells that have no partner, and why."""
    other = {"A": "B", "B": "A"}
    lines = [
        f"only in {one.side}: {place_name(one.at)} ({one.at.task}; in {other[one.side]}: {one.reason})"
        for one in found.alone
    ]
    return [*lines[:_LISTED], f"and {len(lines) - _LISTED} more"] if len(lines) > _LISTED else lines


def _figure(p: float | None) -> str:
    return "" if p is None or math.isnan(p) else f"{p:.4g}"
