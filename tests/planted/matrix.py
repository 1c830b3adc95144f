"""The confusion matrices of planted truth: what was planted, and what the instruments name.

`python -m tests.planted.matrix HOME [SEEDS [RECIPE...]]` runs the recipes of `recipes/planted/` that plant something
(`faults`, `seen`, `modes`) with so many seeds of the planting (5), and writes the counts into `docs/planted.md`.
`make planted` does that; with two cores it takes one to three hours.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "planted.md"
ELSE = "something else"

Verdicts = Iterable[Mapping[str, Any]]
Matrix = Mapping[str, Counter[str]]
"""Counts of what was named, by what was planted."""


@dataclass(frozen=True)
class Planting:
    """A recipe that plants something.

    `truth`: rows of its matrix, and what has to be named there. `named`: what was named, as pairs (row, name), in the
    verdicts on a run. `tuned`: whether it also tunes, which then takes another seed too. `also`: what is told apart
    from something else beside the truths.
    """

    name: str
    models: int
    truth: Mapping[str, str]
    named: Callable[[Verdicts], Iterable[tuple[str, str]]]
    tuned: bool
    also: tuple[str, ...] = ()

    @property
    def recipe(self) -> Path:
        """Its file."""
        return ROOT / "recipes" / "planted" / f"{self.name}.yaml"

    @property
    def names(self) -> tuple[str, ...]:
        """What may be named: the columns."""
        return (*dict.fromkeys((*self.truth.values(), *self.also)), ELSE)

    def counted(self, verdicts: Verdicts) -> dict[str, Counter[str]]:
        """The matrix of the verdicts on one run; what no row may be called counts as something else."""
        matrix: dict[str, Counter[str]] = {row: Counter() for row in self.truth}
        names = self.names
        for row, name in self.named(verdicts):
            matrix[row][name if name in names else ELSE] += 1
        return matrix

    def right(self, matrix: Matrix) -> tuple[int, int]:
        """How many were named as they were planted, of how many."""
        return sum(matrix[row][name] for row, name in self.truth.items()), sum(
            c.total() for c in matrix.values()
        )

    def overrides(self, seed: int) -> list[str]:
        """The recipe with another seed of the planting, and of the tunings."""
        each = [f"models.{at}.pretrain.seed={seed}" for at in range(self.models)]
        tunings = [f"seeds=[{seed + 1}]"] if self.tuned else []
        return [word for text in (*each, *tunings) for word in ("--set", text)]

    def run(self, home: Path, seed: int) -> list[dict[str, Any]]:
        """Run one seed (what is stored is not repeated) and judge it."""
        kit = [str(Path(sys.executable).with_name("xlt-kit"))]
        where = ["--home", str(home), "--json"]
        said = _said([*kit, "run", str(self.recipe), "--executor", "local", *self.overrides(seed), *where])
        verdicts: list[dict[str, Any]] = _said([*kit, "claims", said["run"], *where])["verdicts"]
        return verdicts

    def as_table(self, matrix: Matrix) -> str:
        """Rows: what was planted. Columns: what was named."""
        lines = ["| planted | " + " | ".join(self.names) + " |", "| --- |" + " ---: |" * len(self.names)]
        for row, counts in matrix.items():
            cells = (str(counts[name] or "") for name in self.names)
            lines.append(f"| {row.removeprefix('planted-')} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def _fault(pair: Mapping[str, Any]) -> str:
    """What the instruments say of one model in one language, tuned on clean examples of it."""
    if pair["standing"] in ("noise", "open"):
        return "no change"  # it does not pass the gate
    return " and ".join(pair["causes"]) if pair["standing"] == "holds" else ELSE


def _causes(claim: str) -> Callable[[Verdicts], list[tuple[str, str]]]:
    """What the verdicts on one claim name; the others speak of other bases."""

    def told(verdicts: Verdicts) -> list[tuple[str, str]]:
        own = [verdict for verdict in verdicts if verdict["id"] == claim]
        return [(verdict["model"], _fault(pair)) for verdict in own for pair in verdict["pairs"]]

    return told


def _seen(verdicts: Verdicts) -> Iterable[tuple[str, str]]:
    held: dict[str, list[str]] = {}
    for verdict in verdicts:
        what = {"P2": "contexts seen", "P4": "answers learnt"}.get(verdict["id"])
        for pair in verdict["pairs"] if what else ():
            language = pair["name"].rpartition("/")[2]
            found = held.setdefault(f"{verdict['model']}, {language}", [])
            if pair["standing"] == "holds" and what:
                found.append(what)
            elif pair["standing"] not in ("noise", "open"):
                found.append(pair["standing"])
    return [(row, " and ".join(found) or "nothing") for row, found in held.items()]


FAULTS = Planting(
    name="faults",
    models=6,
    truth={
        "planted-none": "no change",
        "planted-overrun": "over-generation",
        "planted-lead-in": "lead-in",
        "planted-knowledge": "knowledge",
        "planted-both": "over-generation and knowledge",
        "planted-script": "language",
    },
    named=_causes("P1"),
    tuned=True,
)
SEEN = Planting(
    name="seen",
    models=3,
    truth={
        "planted-seen, de": "contexts seen",
        "planted-seen, hi": "nothing",
        "planted-answers, de": "answers learnt",
        "planted-answers, hi": "nothing",
        "planted-unseen, de": "nothing",
        "planted-unseen, hi": "nothing",
    },
    named=_seen,
    tuned=False,
)

MODES = Planting(
    name="modes",
    models=2,
    truth={"planted-mode": "language and suppression", "planted-decoy": "over-generation"},
    named=_causes("P5"),
    tuned=True,
    also=("no change",),  # a mode that German does not take from Odia
)
ALL = {one.name: one for one in (FAULTS, SEEN, MODES)}


def write(planting: Planting, matrix: Matrix, seeds: int) -> None:
    """The counts into the page, between the marks of this planting."""
    begin, end = f"<!-- {planting.name} -->", f"<!-- end of {planting.name} -->"
    good, total = planting.right(matrix)
    words = f"{good} of {total} named as planted; {seeds} seeds of the planting."
    head, _, rest = PAGE.read_text("utf-8").partition(begin)
    _, _, tail = rest.partition(end)
    PAGE.write_text(f"{head}{begin}\n{words}\n\n{planting.as_table(matrix)}\n{end}{tail}", "utf-8")


def main() -> None:
    """Run, count, write the page."""
    home, seeds = Path(sys.argv[1]).absolute(), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for planting in [ALL[name] for name in sys.argv[3:] or ALL]:
        matrix: dict[str, Counter[str]] = {row: Counter() for row in planting.truth}
        for seed in range(seeds):
            for row, counts in planting.counted(planting.run(home, seed)).items():
                matrix[row].update(counts)
            print(f"seed {seed}\n{planting.as_table(matrix)}", flush=True)
        write(planting, matrix, seeds)


def _said(command: list[str]) -> Any:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


if __name__ == "__main__":
    main()
