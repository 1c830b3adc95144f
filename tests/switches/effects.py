"""What every switch does to the embedded model, each alone: the table of `docs/switches.md`.

`python -m tests.switches.effects HOME` runs `effects.yaml` with `sound` and once more for each switch, and writes the
table between the markers of the page. `make switches` does that; two cores take some ten minutes.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kit.api import Workspace, results
from kit.recipe.switches import PAPER, SOUND, Switches
from kit.report.text import number, signed
from kit.results import METRICS, Column, Grid, grids
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
    """The effect in numbers: tuned cells against tuned cells, paired by item and by seed."""
    columns = sound.columns
    pairs = [(_scores(sound, column, "f1"), _scores(here, column, "f1")) for column in columns]
    clusters = [_cells(sound, column)[0].clusters for column in columns]
    return Effect(
        effect.switch,
        effect.value,
        effect.beside,
        tuple(mean_interval(b - a, names) for (a, b), names in zip(pairs, clusters, strict=True)),
        (_mean(sound, "raw_words"), _mean(here, "raw_words")),
        (_mean(sound, "p_stop"), _mean(here, "p_stop")),
    )


def _cells(grid: Grid, column: Column):  # type: ignore[no-untyped-def]
    (tuned,) = [subject for subject in grid.subjects if not subject.is_base]
    column = next(own for own in grid.columns if own.name == column.name)
    return grid.pool(tuned, column).cells


def _scores(grid: Grid, column: Column, metric: str):  # type: ignore[no-untyped-def]
    cells = sorted(_cells(grid, column), key=lambda cell: cell.at.seed)
    return np.stack([cell.metrics[metric] for cell in cells]) * METRICS[metric].scale


def _mean(grid: Grid, metric: str) -> float:
    return float(np.mean([np.nanmean(_scores(grid, column, metric)) for column in grid.columns]))


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
        found.append(shown or Effect(effect.switch, effect.value, effect.beside, why=why))
        print(as_table(found[-1:]).splitlines()[-1], flush=True)
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{as_table(found)}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
