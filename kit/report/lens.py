"""What a lens saw, in words and as files: a block a subject, a line a layer, a column a class of tokens."""

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
from kit.report.text import OWN, SIGNIFICANT, interval_words, missing_words, number, signed
from kit.results import LensRow, LensTable
from kit.stats import Estimate

SCHEMA = 1
_SETS = {
    "right-right": "items that were right before and after tuning (exact match)",
    "right-wrong": "items that were right before tuning and wrong after (exact match)",
    "wrong-right": "items that were wrong before tuning and right after (exact match)",
    "base-right": "items that the base answers rightly (exact match)",
    "base-wrong": "items that the base answers wrongly (exact match)",
}


def lens_title(table: LensTable) -> str:
    """What the table shows, and of which cells."""
    column = table.column
    return f"Lens: {table.model}, {column.name} ({column.split}), prompt {table.prompt}, task {table.task}"


def lens_caption(table: LensTable) -> list[str]:
    """What the figures are, what they stand on, how sure they are."""
    first = table.rows[0].mass[0][0]
    seeds = max(row.mass[0][0].n_seeds for row in table.rows)
    lines = [
        "probability (0–100) of the next token by its class, at each layer; the last layer is the output",
        f"n = {first.n_items} on {first.n_clusters} contexts" if table.items == "all" else _SETS[table.items],
        interval_words(table.bootstrap, seeds > 1),
    ]
    if table.divergence:
        each = zip(table.layers, table.divergence, strict=False)
        told = ", ".join(
            f"{layer} {number(plain, 2)} → {number(mapped, 2)}" for layer, (plain, mapped) in each
        )
        lines.append(f"tuned lens: nats from the base's output, without its maps → through them: {told}")
    if table.left_out:
        lines.append(f"left out, small in every layer: {', '.join(table.left_out)}")
    return lines


def lens_view(table: LensTable) -> Group:
    """A lens table for a terminal; below the base, what tuning changed in percentage points."""
    parts: list[RenderableType] = [Text(lens_title(table), style="bold")]
    parts += [Text(line, style="dim") for line in lens_caption(table)]
    for row in table.rows:
        changed = row.change is not None
        head = f"{row.subject.name}: {'change against the base' if changed else 'probability'}"
        if table.items != "all":
            head += f", n = {row.mass[0][0].n_items} on {row.mass[0][0].n_clusters} contexts"
        parts += [Text(), Text(head, style="bold"), _block(table, row)]
    marks = [f"{OWN} the evaluation language's own"] if table.own & set(table.classes) else []
    if any(row.change for row in table.rows):
        marks.append(f"{SIGNIFICANT} the interval excludes 0; not corrected for the number of figures")
    notes = (*marks, *table.notes, *missing_words(table.missing))
    return Group(*parts, Text(), *(Text(line, style="dim") for line in notes))


def _block(table: LensTable, row: LensRow) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("layer")
    for name in table.classes:
        grid.add_column(f"{name}{OWN if name in table.own else ''}", justify="right", no_wrap=True)
    for layer, estimates in zip(table.layers, row.change or row.mass, strict=True):
        grid.add_row(layer, *(_figure(one, row.change is not None) for one in estimates))
    return grid


def _figure(one: Estimate, change: bool) -> Text:
    if not change:
        return Text(number(one.value, 1))
    sure = one.excludes(0)
    style = ("bold " if sure else "dim ") + ("blue" if one.value > 0 else "magenta")
    return Text(signed(one.value, 2) + (SIGNIFICANT if sure else " "), style=style if one.value else "")


def lens_json(tables: Sequence[LensTable]) -> str:
    """Every figure of the tables, layer by layer, with interval and counts."""
    return json_text({"schema": SCHEMA, "tables": [_as_json(table) for table in tables]})


def _as_json(table: LensTable) -> dict[str, Any]:
    return {
        "recipe": table.recipe,
        "model": table.model,
        "prompt": table.prompt,
        "task": table.task,
        **encode(table.column),
        "interval": encode(table.bootstrap),
        "layers": list(table.layers),
        "classes": list(table.classes),
        "own_classes": sorted(table.own),
        "items": table.items,
        "left_out": list(table.left_out),
        "divergence": [list(pair) for pair in table.divergence],
        "rows": [
            {
                "trained_on": row.subject.trained_on,
                "train_language": row.subject.train_language,
                "step": row.subject.step,
                "keys": list(row.keys),
                "mass": [[estimate_json(one) for one in layer] for layer in row.mass],
                "change": row.change and [[estimate_json(one) for one in layer] for layer in row.change],
            }
            for row in table.rows
        ],
        "missing": [missing_json(cell) for cell in table.missing],
        "notes": list(table.notes),
    }


def lens_csv(tables: Sequence[LensTable]) -> str:
    """Tidy: one line a row, layer and class; figures in percent."""
    return csv_text([line for table in tables for row in table.rows for line in _lines(table, row)])


def _lines(table: LensTable, row: LensRow) -> Iterator[dict[str, object]]:
    for at, layer in enumerate(table.layers):
        for place, name in enumerate(table.classes):
            mass = row.mass[at][place]
            change = row.change[at][place] if row.change else None
            yield {
                **place_of("mass", table, row.subject, table.column),
                "layer": layer,
                "class": name,
                "own_class": int(name in table.own),
                **{f"mass_{end}": value for end, value in ends_of(mass).items()},
                **{f"change_{end}": value for end, value in ends_of(change).items()},
                "n": mass.n_items,
                "contexts": mass.n_clusters,
                "seeds": mass.n_seeds,
            }


def write_lens(tables: Sequence[LensTable], folder: Path, stem: str = "lens") -> list[Path]:
    """Write the tables as JSON and CSV.

    Raises:
        OSError: the folder cannot be written.
    """
    return write_files({f"{stem}.json": lens_json(tables), f"{stem}.csv": lens_csv(tables)}, folder)
