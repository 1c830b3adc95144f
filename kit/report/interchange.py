"""Interchanges in words and as files: of each tuned row and evaluation set both ways, against their controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kit.jobdir import encode
from kit.report.formats import (
    csv_text,
    ends_of,
    estimate_json,
    json_text,
    missing_json,
    place_of,
    write_files,
)
from kit.report.text import SIGNIFICANT, interval_words, missing_words, signed
from kit.results import SwapTable, Way
from kit.results.interchange import BOTH_WAYS, LEAST, UNDECIDED, WAYS, LayerSwaps, SwapRow
from kit.stats import Estimate

SCHEMA = 1


def swap_words(table: SwapTable) -> Iterator[str]:
    """A line a row, for where there is little room."""
    for row in table.rows:
        into, out = row.swaps.into, row.swaps.out
        yield (
            f"interchange with {row.swaps.interferer}, {row.subject.name} → {row.column.name}: {row.swaps.stands}; "
            f"into base {_interval_of(into.effect)}, out of tuned {_interval_of(out.effect)}"
        )


def _interval_of(one: Estimate) -> str:
    if not one.defined:
        return signed(one.value, 1)
    return f"{signed(one.value, 1)} [{signed(one.low, 1)}…{signed(one.high, 1)}]"


def swap_view(table: SwapTable, layers: bool = False) -> Group:
    """A table for a terminal: a block a row, a line each way; with `layers` a line each layer below it."""
    effect = table.rows[0].swaps.into.effect
    head = [
        f"n = {effect.n_items} on {effect.n_clusters} contexts; {_interval(table)}",
        "points of mass(interferer) - mass(target) at the prompt's end, moved to the target in the base, and back to "
        "the interferer in the tuned model, where one direction of a layer's hidden state is the other model's",
    ]
    parts: list[RenderableType] = [
        Text(f"Interchange: {table.model}, prompt {table.prompt}, {table.task}", style="bold")
    ]
    parts += [Text(line, style="dim") for line in head]
    for row in table.rows:
        parts += [Text(), *_block(row)]
        if layers and row.by_layer:
            parts += _curves(row.by_layer)
    notes = (
        f"{SIGNIFICANT} the interval excludes 0; a way works where it and its lead over each control are above 0, and "
        f"is undecided where the whole hidden state does less than {LEAST:.0f} points",
        *table.notes,
        *missing_words(table.missing),
    )
    return Group(*parts, Text(), *(Text(line, style="dim") for line in notes))


def _block(row: SwapRow) -> Iterator[RenderableType]:
    swaps = row.swaps
    yield Text(f"{row.subject.name} → {row.column.name}: ", style="bold").append(
        swaps.stands, style="green" if swaps.stands == BOTH_WAYS else ""
    )
    layers = "/".join(map(str, sorted(set(swaps.layers))))
    masses = (
        f"{who} {swaps.masses[f'base_{kind}'].value:.1f} → {swaps.masses[f'tuned_{kind}'].value:.1f}"
        for who, kind in ((swaps.interferer, "interferer"), ("target", "target"))
    )
    yield Text(f"  layer {layers}; base → tuned: {', '.join(masses)}", style="dim")
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("", "direction", "of whole", "less random", "less control"):
        grid.add_column(name, justify="right" if name else "left", no_wrap=True)
    for words, way in (("  into base", swaps.into), ("  out of tuned", swaps.out)):
        control = Text("–") if way.over_control is None else _figure(way.over_control)
        whole = signed(way.whole.value, 1)
        share = whole if way.stands == UNDECIDED else f"{way.share:.0%} of {whole}"
        grid.add_row(words, _figure(way.effect), share, _figure(way.over_random), control)
    yield grid


def _curves(layers: Sequence[LayerSwaps]) -> list[RenderableType]:
    """By block, on the contexts that served the search."""
    one = layers[0].whole[0]
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("  layer", "direction into", "out", "whole state into", "out"):
        grid.add_column(name, justify="right" if name != "  layer" else "left", no_wrap=True)
    for at in layers:
        grid.add_row(f"  {at.block}", *map(_figure, (*at.direction, *at.whole)))
    words = f"  by layer, on the {one.n_clusters} contexts ({one.n_items} items) that served the search"
    return [Text(words, style="dim"), grid]


def _interval(table: SwapTable) -> str:
    return interval_words(table.bootstrap, any(len(row.swaps.layers) > 1 for row in table.rows))


def _figure(one: Estimate) -> Text:
    sure = one.excludes(0)
    return Text(signed(one.value, 1) + (SIGNIFICANT if sure else " "), style="bold" if sure else "dim")


def swap_json(tables: Sequence[SwapTable]) -> str:
    """Every figure with interval and counts."""
    return json_text({"schema": SCHEMA, "tables": [_as_json(table) for table in tables]})


def _as_json(table: SwapTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        "interval": encode(table.bootstrap),
        "rows": [
            {
                "trained_on": row.subject.trained_on,
                "train_language": row.subject.train_language,
                "step": row.subject.step,
                **encode(row.column),
                "interferer": row.swaps.interferer,
                "layers": list(row.swaps.layers),
                "stands": row.swaps.stands,
                "masses": {name: estimate_json(one) for name, one in row.swaps.masses.items()},
                "into": _way_json(row.swaps.into),
                "out": _way_json(row.swaps.out),
                "by_layer": [_layer_json(at) for at in row.by_layer],
                "keys": list(row.keys),
            }
            for row in table.rows
        ],
        "missing": [missing_json(cell) for cell in table.missing],
        "notes": list(table.notes),
    }


def _layer_json(at: LayerSwaps) -> dict[str, Any]:
    parts = {"direction": at.direction, "whole": at.whole}
    named = {
        what: {way: estimate_json(one) for way, one in zip(WAYS, pair, strict=True)}
        for what, pair in parts.items()
    }
    return {"layer": at.block, **named}


def _way_json(way: Way) -> dict[str, Any]:
    return {
        "stands": way.stands,
        "effect": estimate_json(way.effect),
        "whole": estimate_json(way.whole),
        "over_random": estimate_json(way.over_random),
        "over_control": way.over_control and estimate_json(way.over_control),
    }


def swap_csv(tables: Sequence[SwapTable]) -> str:
    """Tidy: one line a row, evaluation set and way; figures in points."""
    return csv_text([line for table in tables for row in table.rows for line in _lines(table, row)])


def write_swaps(tables: Sequence[SwapTable], folder: Path, stem: str = "interchange") -> list[Path]:
    """Write the tables as JSON and CSV.

    Raises:
        OSError: the folder cannot be written.
    """
    return write_files({f"{stem}.json": swap_json(tables), f"{stem}.csv": swap_csv(tables)}, folder)


def _lines(table: SwapTable, row: SwapRow) -> Iterator[dict[str, object]]:
    for name, way in (("into", row.swaps.into), ("out", row.swaps.out)):
        figures = {
            "effect": way.effect,
            "whole": way.whole,
            "over_random": way.over_random,
            "over_control": way.over_control,
        }
        yield {
            **place_of("interchange", table, row.subject, row.column),
            "interferer": row.swaps.interferer,
            "way": name,
            "stands": way.stands,
            **{
                f"{what}_{end}": value for what, one in figures.items() for end, value in ends_of(one).items()
            },
            "n": way.effect.n_items,
            "contexts": way.effect.n_clusters,
            "seeds": way.effect.n_seeds,
        }
