"""The paper's published probe in words: its slip, its figures at the output, where in the network they move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from kit.data.probe import ITEMS, SLIPPED_SUM, WEIGHT, Probe
from kit.report.text import number, signed

_SHOWN = 6
_POINT = 1.0  # percentage points that count as a movement
_LATE = 0.85  # share of the layers after which a movement is the output's own
TITLE = "The paper's probe: bloomz-7b1 tuned on 103 German examples, one run"
CANNOT = (
    "one run, no items: no interval can be given, and no seed",
    "every token has one language there; digits and punctuation count as English",
    "pieces of characters have a language too, so a language that rises may be unfinished Odia letters (trap 12)",
    "which 103 German examples, and what this adapter scores, is not published",
)


def probe_view(probe: Probe, evaluated: str | None = None) -> Group:
    """The whole in words, for prompts in all languages or in one."""
    parts: list[RenderableType] = [Text(TITLE, style="bold")]
    parts += [Text(line, style="dim") for line in slip_lines(probe)]
    for language in probe.evaluated if evaluated is None else (evaluated,):
        parts += [
            Text(),
            Text(f"prompts in {language}: probability (0–100) at the output, by step", style="bold"),
        ]
        parts += [_table(probe, language), *(Text(line) for line in movement_lines(probe, language))]
    parts += [
        Text(),
        Text("what these arrays cannot tell", style="bold"),
        *(Text(f"- {line}") for line in CANNOT),
    ]
    return Group(*parts)


def slip_lines(probe: Probe) -> list[str]:
    """What the sums of rows prove of how the numbers were made."""
    low, high = probe.sums()
    layers = len(next(iter(probe.arrays.values())))
    shape = f"{len(probe.arrays)} arrays of {layers} layers by {len(probe.languages)} languages"
    if not probe.slipped:
        return [shape, f"rows sum to {low:.4f}…{high:.4f}"]
    half = int(np.ceil(np.log(0.5) / np.log(1 - WEIGHT)))
    return [
        shape,
        f"rows sum to {low:.4f}…{high:.4f}: no means, which would sum to 1, but exponential averages",
        f"with weight 1/{round(1 / WEIGHT)} over {ITEMS} prompts ({SLIPPED_SUM:.4f}): half of each rests on the last "
        f"{half} prompts",
    ]


def largest(probe: Probe, evaluated: str, count: int = _SHOWN) -> list[str]:
    """The languages that are largest at the output, before or after, and the prompts' own."""
    first, last = (probe.arrays[evaluated, step][-1] for step in (probe.steps[0], probe.steps[-1]))
    order = np.argsort(-np.maximum(first, last), kind="stable")
    return list(dict.fromkeys((evaluated, *(probe.languages[at] for at in order[:count]))))[:count]


def movement_lines(probe: Probe, evaluated: str) -> Iterator[str]:
    """For what falls and what rises most at the output: in which layers, and by which step."""
    first, second, last = probe.steps[0], probe.steps[1], probe.steps[-1]
    change = (probe.arrays[evaluated, last] - probe.arrays[evaluated, first])[-1]
    for at, word in ((int(change.argmin()), "falls"), (int(change.argmax()), "rises")):
        name = probe.languages[at]
        by_layer = 100 * (probe.mass(evaluated, last, name) - probe.mass(evaluated, first, name))
        if abs(by_layer[-1]) < _POINT:
            continue
        moved = np.flatnonzero(np.abs(by_layer) >= _POINT)
        early = 100 * (probe.mass(evaluated, second, name) - probe.mass(evaluated, first, name))[-1]
        yield (
            f"{name} {word} most, by {number(abs(by_layer[-1]), 1)} points, {early / by_layer[-1]:.0%} of it by step "
            f"{second}; below layer {moved[0]} it moves by less than {_POINT:g}"
            + (
                ": near the output, so this is behaviour, not yet anything inside"
                if moved[0] > _LATE * (len(by_layer) - 1)
                else ""
            )
        )


def _table(probe: Probe, evaluated: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    grid.add_column("language")
    for step in (*map(str, probe.steps), "change"):
        grid.add_column(step, justify="right", no_wrap=True)
    for name in largest(probe, evaluated):
        values = [100 * float(probe.mass(evaluated, step, name)[-1]) for step in probe.steps]
        figures = [number(value, 1) for value in values]
        grid.add_row(name, *figures, signed(values[-1] - values[0], 1))
    return grid


def probe_json(probe: Probe) -> dict[str, Any]:
    """All arrays, and what their sums say."""
    low, high = probe.sums()
    return {
        "title": TITLE,
        "languages": list(probe.languages),
        "steps": list(probe.steps),
        "row_sums": [low, high],
        "exponential_average": probe.slipped,
        "arrays": [
            {"evaluated": language, "step": step, "mass": array.tolist()}
            for (language, step), array in probe.arrays.items()
        ],
        "cannot_tell": list(CANNOT),
    }
