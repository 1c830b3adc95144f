"""The confusion matrix of planted faults: what was planted, and what the instruments name.

`python -m tests.planted.matrix HOME [SEEDS]` runs `recipes/planted/faults.yaml` with so many seeds of the planting
(5), and writes the counts into `docs/planted.md`. `make planted` does that; with two cores it takes the better part
of an hour.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "planted" / "faults.yaml"
PAGE = ROOT / "docs" / "planted.md"
BEGIN, END = "<!-- counts -->", "<!-- end of counts -->"

TRUTH = {
    "planted-none": "no change",
    "planted-overrun": "over-generation",
    "planted-lead-in": "lead-in",
    "planted-knowledge": "knowledge",
    "planted-both": "over-generation and knowledge",
    "planted-script": "language",
}
"""Models of the recipe, and what has to be named."""
CLAIM = "P1"
NAMES = (*TRUTH.values(), "something else")

Matrix = Mapping[str, Counter[str]]


def named(pair: Mapping[str, Any]) -> str:
    """What the instruments say of one model in one language."""
    if pair["standing"] in ("noise", "open"):
        return "no change"  # it does not pass the gate
    if pair["standing"] != "holds":
        return "something else"
    found = " and ".join(pair["causes"])
    return found if found in NAMES else "something else"


def counted(verdicts: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Counts of what was named, by what was planted; one a model, language and seed."""
    matrix: dict[str, Counter[str]] = {model: Counter() for model in TRUTH}
    for verdict in verdicts:
        if verdict["id"] == CLAIM:  # the others speak of other bases
            matrix[verdict["model"]].update(named(pair) for pair in verdict["pairs"])
    return matrix


def overrides(seed: int) -> list[str]:
    """The recipe with another seed of the planting and of the tunings."""
    each = [f"models.{at}.pretrain.seed={seed}" for at in range(len(TRUTH))]
    return [word for text in (*each, f"seeds=[{seed + 1}]") for word in ("--set", text)]


def run(home: Path, seed: int) -> list[dict[str, Any]]:
    """Run one seed (what is stored is not repeated) and judge it."""
    kit = [str(Path(sys.executable).with_name("xlt-kit"))]
    where = ["--home", str(home), "--json"]
    said = _said([*kit, "run", str(RECIPE), "--executor", "local", *overrides(seed), *where])
    verdicts: list[dict[str, Any]] = _said([*kit, "claims", said["run"], *where])["verdicts"]
    return verdicts


def _said(command: list[str]) -> Any:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def as_table(matrix: Matrix) -> str:
    """Rows: what was planted. Columns: what was named."""
    lines = ["| planted | " + " | ".join(NAMES) + " |", "| --- |" + " ---: |" * len(NAMES)]
    for model, counts in matrix.items():
        cells = (str(counts[name] or "") for name in NAMES)
        lines.append(f"| {model.removeprefix('planted-')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def right(matrix: Matrix) -> tuple[int, int]:
    """How many were named as they were planted, of how many."""
    return sum(matrix[model][TRUTH[model]] for model in TRUTH), sum(c.total() for c in matrix.values())


def main() -> None:
    """Run, count, write the page."""
    home, seeds = Path(sys.argv[1]).absolute(), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    verdicts = []
    for seed in range(seeds):
        verdicts += run(home, seed)
        print(f"seed {seed}\n{as_table(counted(verdicts))}", flush=True)
    matrix = counted(verdicts)
    good, total = right(matrix)
    words = f"{good} of {total} named as planted; {seeds} seeds of the planting, two languages each."
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n{words}\n\n{as_table(matrix)}\n{END}{tail}", "utf-8")


if __name__ == "__main__":
    main()
