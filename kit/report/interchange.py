"""Interchanges in words and as files: a line a tuned row and evaluation set, each way against its controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
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
from kit.results.interchange import LEAST, SwapRow
from kit.stats import Estimate

SCHEMA = 1


def swap_view(table: SwapTable) -> Group:
    """A table for a terminal."""
    first = table.rows[0].swaps
    effect = first.into.effect
    head = [
        Text(f"Interchange: {table.model}, prompt {table.prompt}, {table.task}", style="bold"),
        Text(
            "what moves from interferer to target, in points of mass(interferer) - mass(target) at the prompt's end, "
            "once the part of a hidden state along one direction is the other model's",
            style="dim",
        ),
        Text(f"n = {effect.n_items} on {effect.n_clusters} contexts; {_interval(table)}", style="dim"),
    ]
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("tuned on → evaluated on", "layer", "base", "tuned"):
        grid.add_column(name, justify="left" if "→" in name else "right")
    for name in ("into base", "share", "out of tuned", "share"):
        grid.add_column(name, justify="right")
    grid.add_column("stands")
    for row in table.rows:
        swaps = row.swaps
        grid.add_row(
            f"{row.subject.name} → {row.column.name}",
            "/".join(map(str, sorted(set(swaps.layers)))),
            _masses(row, "base"),
            _masses(row, "tuned"),
            *(cell for way in (swaps.into, swaps.out) for cell in (_figure(way.effect), _share(way))),
            swaps.stands,
        )
    notes = (
        "base, tuned: mass on the interferer / on the target, in percent; share: of what the whole hidden state does",
        f"{SIGNIFICANT} the interval excludes 0; works: it and its lead over each control are above 0; "
        f"undecided: the whole state does less than {LEAST:.0f} points",
        *table.notes,
        *missing_words(table.missing),
    )
    return Group(*head, Text(), grid, Text(), *(Text(line, style="dim") for line in notes))


def _interval(table: SwapTable) -> str:
    return interval_words(table.bootstrap, any(len(row.swaps.layers) > 1 for row in table.rows))


def _masses(row: SwapRow, side: str) -> str:
    return " / ".join(f"{row.swaps.masses[f'{side}_{name}'].value:.1f}" for name in ("interferer", "target"))


def _figure(one: Estimate) -> Text:
    sure = one.excludes(0)
    return Text(signed(one.value, 1) + (SIGNIFICANT if sure else " "), style="bold" if sure else "dim")


def _share(way: Way) -> str:
    return "–" if way.stands == "undecided" else f"{way.share:.0%}"


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
                "keys": list(row.keys),
            }
            for row in table.rows
        ],
        "missing": [missing_json(cell) for cell in table.missing],
        "notes": list(table.notes),
    }


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
