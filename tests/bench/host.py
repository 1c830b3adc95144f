"""What the host costs around a grid: plan, scores, intervals, tables.

`python -m tests.bench.host`: a plan of 50 training languages x 50 evaluation languages x 5 seeds, with nothing stored
and with half of it; 40 checkpoints x 13 languages x 1,190 answers scored from their files; 10,000 resamples for every
cell and mean of their table, and of their lengths; the tables as text, heat map and SVG. Answers are made up of words
in the languages' scripts, right, longer than right, and wrong.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from kit.api import Prepared, Workspace, prepare
from kit.data.example import Example
from kit.jobdir import encode
from kit.report.heat import heat_of
from kit.report.svg import as_svg
from kit.report.terminal import over_generation_view, render, transfer_view
from kit.results import OverGenerationTable, TransferTable, over_generation_table, transfer_table
from tests.bench.record import keep
from tests.results.cells import ENVIRONMENT, Shelf

T = TypeVar("T")
BAR = 10.0
_ITEMS, _PER_CONTEXT = 1190, 5
_LANGUAGES = ("or", "te", "hi", "mr", "en", "ml", "pa", "ta", "kn", "as", "ur", "bn", "gu")
_LETTERS = {
    "or": 0x0B15, "te": 0x0C15, "ml": 0x0D15, "pa": 0x0A15, "ta": 0x0B95, "kn": 0x0C95,
    "bn": 0x0995, "as": 0x0995, "gu": 0x0A95, "ur": 0x0628, "en": 0x61,
}  # fmt: skip
_RECIPE = """schema: 1
name: grid
title: a large grid
models: [tiny-bloom]
train:
{train}
evaluate:
{evaluate}
seeds: [1, 2, 3, 4, 5]
"""


def timed(act: Callable[[], T]) -> tuple[float, T]:
    """Seconds and what came of it."""
    start = time.perf_counter()
    found = act()
    return time.perf_counter() - start, found


def word(language: str, draw: random.Random) -> str:
    """A word of the language's script."""
    first = _LETTERS.get(language, 0x0915)
    return "".join(chr(first + draw.randrange(24)) for _ in range(draw.randint(2, 8)))


def asked(language: str, answers: Any) -> list[Example]:
    """Questions, five a context."""
    return [
        Example(f"q{at:05}", f"c{at // _PER_CONTEXT}", f"… {answer} …", "?", (answer,), language)
        for at, answer in enumerate(answers)
    ]


def shelf(root: Path, checkpoints: int, languages: int) -> Shelf:
    """Finished cells of a base and of tuned checkpoints, none of them scored yet."""
    draw, made = random.Random(0), Shelf(root, asked)
    for language in _LANGUAGES[:languages]:
        gold = [" ".join(word(language, draw) for _ in range(draw.randint(1, 4))) for _ in range(_ITEMS)]
        where = {"language": language, "gold": gold, "dataset": "xquad-in"}
        made.add([f"{answer} {word(language, draw)}" for answer in gold], **where)
        for at in range(checkpoints - 1):
            answers = [_answer(answer, language, draw) for answer in gold]
            made.add(answers, trained_on=f"xquad-in/l{at // 3}", seed=at % 3 + 1, **where)
    return made


def _answer(gold: str, language: str, draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.4:
        return gold
    if kind < 0.7:
        return f"{gold} {word(language, draw)} {word(language, draw)}.\nQ: {word(language, draw)}"
    return " ".join(word(language, draw) for _ in range(draw.randint(1, 6)))


def plan_seconds(folder: Path, side: int) -> tuple[float, float, int]:
    """From a recipe's file to its plan: with an empty store, with one that holds half; and how many cells it has.

    Every set is a file of its own.
    """
    data = folder / f"grid-{side}"
    data.mkdir()
    line = '{{"id": "a", "context": "x {at}", "question": "q", "answers": ["x"]}}\n'
    for at in range(side):
        (data / f"s{at}.jsonl").write_text(line.format(at=at))
    sets = [
        f"  - {{file: {data}/s{at}.jsonl, format: jsonl, language: en, name: s{at}}}" for at in range(side)
    ]
    recipe, home = data / "grid.yaml", Workspace(data / "home")
    recipe.write_text(_RECIPE.format(train="\n".join(sets), evaluate="\n".join(sets)))
    empty, prepared = timed(lambda: prepare(home, recipe))
    fill_half(prepared)
    half, again = timed(lambda: prepare(home, recipe))
    wanted = len(prepared.plan.demand.wanted.cells)
    assert (prepared.plan.stored, again.plan.stored) == (0, -(-wanted // 2))
    return empty, half, wanted


def fill_half(prepared: Prepared) -> None:
    """Every other cell and every other tuning's adapters, as far as a plan looks at them."""
    demand, store = prepared.plan.demand, prepared.store
    for cell in demand.wanted.cells[::2]:
        folder = store.root / "cells" / cell.key
        folder.mkdir(parents=True)
        facts = {
            "schema": 1,
            "key": cell.key,
            "spec": encode(cell.spec),
            "adapter_digests": dict.fromkeys(cell.spec.adapters, "d" * 64),
            "n": 1190,
            "seconds": 60.0,
            "environment": ENVIRONMENT,
        }
        (folder / "cell.json").write_text(json.dumps(facts))
    for key, tuning in list(demand.tunings.items())[::2]:
        for step in tuning.steps:
            path = store.adapter_path(key, step)
            path.mkdir(parents=True)
            (path / "digest.txt").write_text("d" * 64)


def tables(root: Path, checkpoints: int, languages: int) -> list[tuple[str, float]]:
    """Each part, in seconds."""
    made = shelf(root, checkpoints, languages)
    what = f"{checkpoints} x {languages} x {_ITEMS}"
    scored, _ = timed(made.score_all)
    read, results = timed(made.load)
    again, _ = timed(lambda: made.load(gold=False))
    table, [found] = timed(lambda: transfer_table(results, "f1"))
    over, [lengths] = timed(lambda: over_generation_table(results))
    drawn, _ = timed(lambda: drawings(found, lengths))
    return [
        (f"scores as cells land, {what}", scored),
        (f"scores again from the outputs, {what}", read),
        (f"stored scores read, {what}", again),
        (f"10,000 resamples of {len(found.rows)} x {len(found.columns)} cells and their means", table),
        ("the same of lengths and overruns", over),
        ("text, heat map, SVG", drawn),
    ]


def drawings(table: TransferTable, lengths: OverGenerationTable) -> None:
    """As the terminal, the page and a file have them."""
    render(transfer_view(table, width=200), 200, colour=True)
    render(over_generation_view(lengths), 200, colour=True)
    heat_of(table, "delta")
    as_svg([table])


def slope(sizes: list[float], seconds: list[float]) -> str:
    """The exponent of growth."""
    return f"{np.polyfit(np.log(sizes), np.log(seconds), 1)[0]:.2f}"


def main() -> None:
    """Measure and keep; with an argument, a smaller number of checkpoints."""
    checkpoints = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small, large = plan_seconds(folder, 25), plan_seconds(folder, 50)
        half = tables(folder / "half", max(2, checkpoints // 2), 13)
        whole = tables(folder / "whole", checkpoints, 13)
    cells = [small[2], large[2]]
    rows = [
        (f"plan of {large[2]:,} cells, {store}", f"{large[at]:.2f} s", slope(cells, [small[at], large[at]]))
        for at, store in enumerate(("none stored", "half of them stored"))
    ]
    rows += [
        (what, f"{seconds:.2f} s", slope([1, 2], [less, seconds]))
        for (_, less), (what, seconds) in zip(half, whole, strict=True)
    ]
    # Cells are scored once, as they land; a table scores them again where gold is at hand.
    apart = ("as cells land", "stored", "lengths and overruns")
    parts = [seconds for what, seconds in whole if not any(words in what for words in apart)]
    rows.append(
        ("plan, scores, intervals and drawings", f"{large[0] + sum(parts):.2f} s", f"bar {BAR:.0f} s")
    )
    words = f"{len(os.sched_getaffinity(0))} processors; exponents of growth with the number of cells."
    keep("host", "Host", ("what", "measured", "exponent"), rows, words)


if __name__ == "__main__":
    main()
