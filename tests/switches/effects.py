"""What every switch does to the embedded model, each alone: the table of `docs/switches.md`.

`python -m tests.switches.effects HOME` runs `effects.yaml` with `sound` and once more for each switch, and writes the
table between the markers of the page. `make switches` does that; two cores take some ten minutes.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.api import Workspace, results
from kit.recipe.switches import PAPER, SOUND, Switches
from kit.report.text import number, signed
from kit.results import METRICS, CellData, Grid, grids
from kit.schedule.runfolder import find_run
from kit.stats import Estimate, mean_interval

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Path(__file__).with_name("effects.yaml")
PAGE = ROOT / "docs" / "switches.md"
BEGIN, END = "<!-- effects -->", "<!-- end of effects -->"

OTHER = {"loss_on": "answer", "accumulate": "per-epoch", "weights": "bfloat16"}
"""Where both groups agree: the value that is shown instead."""
BESIDE = {
    "accumulate": ("trainer.accumulation=4",),
    "truncation": ("sequence_limit=34",),
    "stream": ("switches.decoding=sampled", "switches.mode=exact"),
    "shots_from": ("prompts=[{prompt: qa, shots: 1}]",),
}
"""What else is set, on both sides, where a switch alone changes nothing here."""


@dataclass(frozen=True)
class Effect:
    """A switch at `value` against `sound`, with `beside` on both sides; `why` it cannot be shown, where it cannot.

    `f1`: differences by column in points; `words` and `stop` are (sound, here): means over the columns.
    """

    switch: str
    value: str
    beside: tuple[str, ...] = ()
    f1: tuple[Estimate, ...] = ()
    words: tuple[float, float] = (math.nan, math.nan)
    stop: tuple[float, float] = (math.nan, math.nan)
    why: str = ""


def asked() -> list[Effect]:
    """Every switch with the value that is shown: the paper's, or another where the paper's is the sound one."""
    made = []
    for name in Switches.model_fields:
        paper, sound = getattr(PAPER, name), getattr(SOUND, name)
        value = paper if paper != sound else OTHER[name]
        made.append(Effect(name, value, BESIDE.get(name, ())))
    return made


def run(home: Path, overrides: Iterable[str]) -> tuple[Grid | None, str]:
    """Run the recipe (what is stored is not repeated): its grid, or why there is none."""
    kit = str(Path(sys.executable).with_name("xlt-kit"))
    words = [word for text in overrides for word in ("--set", text)]
    command = [kit, "run", str(RECIPE), "--executor", "local", "--home", str(home), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        return None, _fault(done.stderr)
    workspace = Workspace(home)
    found = results(workspace, find_run(workspace.runs, json.loads(done.stdout)["run"]))
    return next(grid for grid in grids(found) if grid.task == "generate"), ""


def _fault(said: str) -> str:
    try:
        return str(json.loads(said.strip().splitlines()[-1])["error"]["message"])
    except (IndexError, KeyError, TypeError, ValueError):
        return f"the run failed: {said.strip()[-200:]}"


def compared(sound: Grid, here: Grid, effect: Effect) -> Effect:
    """The effect in numbers: tuned cells against tuned cells, paired by item and by seed, on the items of both."""
    f1, words, stop = [], [], []
    for column in sound.columns:
        sides = [_cells(grid, column.name) for grid in (sound, here)]
        shared = [item for item in sides[0][0].ids if item in set(sides[1][0].ids)]
        context = dict(zip(sides[0][0].ids, sides[0][0].clusters, strict=True))
        first, second = (_scores(cells, "f1", shared) for cells in sides)
        f1.append(mean_interval(second - first, [context[item] for item in shared]))
        words.append([np.nanmean(_scores(cells, "raw_words", shared)) for cells in sides])
        stop.append([np.nanmean(_scores(cells, "p_stop", shared)) for cells in sides])
    return replace(effect, f1=tuple(f1), words=_means(words), stop=_means(stop))


def _cells(grid: Grid, column: str) -> list[CellData]:
    """The tuned cells of a column, by seed."""
    (tuned,) = [subject for subject in grid.subjects if not subject.is_base]
    (own,) = [one for one in grid.columns if one.name == column]
    return sorted(grid.pool(tuned, own).cells, key=lambda cell: cell.at.seed or 0)


def _scores(cells: Sequence[CellData], metric: str, items: Sequence[str]) -> NDArray[np.float64]:
    """(seeds, items) in the metric's unit."""
    rows = [dict(zip(cell.ids, cell.metrics[metric], strict=True)) for cell in cells]
    return np.array([[row[item] for item in items] for row in rows]) * METRICS[metric].scale


def _means(columns: Sequence[Sequence[float]]) -> tuple[float, float]:
    sound, here = np.mean(columns, axis=0)
    return float(sound), float(here)


def as_table(effects: Iterable[Effect]) -> str:
    """A row a switch."""
    lines = [
        "| switch | here | ΔF1 de → de | ΔF1 de → hi | words of an output | p(stop) after the gold, % |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for one in effects:
        beside = f" (both sides: {', '.join(f'`{text}`' for text in one.beside)})" if one.beside else ""
        cells = (
            [f"cannot be shown here: {one.why}", "", "", ""]
            if one.why
            else [
                *(f"{signed(f1.value, 1)} [{signed(f1.low, 1)}, {signed(f1.high, 1)}]" for f1 in one.f1),
                " → ".join(number(value, 1) for value in one.words),
                " → ".join(number(value, 1) for value in one.stop),
            ]
        )
        lines.append(f"| `{one.switch}` | `{one.value}`{beside} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def rows(page: str) -> list[tuple[str, str]]:
    """The switches and values of the table on a page."""
    body = page.partition(BEGIN)[2].partition(END)[0]
    found = [line.split("|") for line in body.splitlines() if line.startswith("| `")]
    return [(cells[1].strip(" `"), cells[2].strip().split("`")[1]) for cells in found]


def main() -> None:
    """Run, compare, write the page."""
    home = Path(sys.argv[1]).absolute()
    found = []
    for effect in asked():
        sound, why = run(home, effect.beside)
        here = None
        if sound is not None:
            here, why = run(home, (*effect.beside, f"switches.{effect.switch}={effect.value}"))
        shown = compared(sound, here, effect) if sound and here else None
        found.append(shown or replace(effect, why=why))
        print(as_table(found[-1:]).splitlines()[-1], flush=True)
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{as_table(found)}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
