"""The table of predictions: cells with named columns, and the cells that are not there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kit.jobdir.cell import LAYERS
from kit.plan.types import Coordinates, Wanted, WantedCell

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


class LensArrays(NamedTuple):
    """`mass` (items, layers, classes): probability, of sum 1 over the classes; the names along its axes.

    `divergence` (2, layers but the last), of a tuned lens: nats from the output, without the maps and through them.
    """

    layers: tuple[str, ...]
    classes: tuple[str, ...]
    mass: NDArray[np.float32]
    divergence: NDArray[np.float32] | None = None


@dataclass(frozen=True, eq=False)
class CellData:
    """One finished cell. Arrays and tuples run over its items, in slice order.

    `metrics` maps a name of `METRICS` to (items,) scores; a metric that the cell does not have is absent, a
    single item without a value is NaN. `raw`, `stops` and `tokens` (new tokens) are empty for all
    but `generate` cells; in those of choices `raw` is what was chosen. `clusters` names the context of each item,
    `data` the slice. `rescored`: scored just now, with gold at hand, rather than read from what was stored when the
    cell landed. `metrics_version` is that of the scoring; `seen` means that the model had met this data before.
    `score_key` is the `score` cell that `p_stop` and `gold_logprob` come from.
    """

    at: Coordinates
    key: str
    data: str
    ids: tuple[str, ...]
    clusters: tuple[str, ...]
    metrics: Mapping[str, Floats]
    raw: tuple[str, ...]
    stops: tuple[str, ...]
    tokens: Counts
    environment: Mapping[str, object]
    adapter_digests: Mapping[str, str]
    rescored: bool
    seen: bool
    metrics_version: int
    score_key: str | None = None
    over_long: int = 0
    """Items whose prompt is longer than the model was made for."""
    lens: Callable[[], LensArrays] | None = None
    """Reads the arrays of a `lens` cell, which are too large to be held by all who read results."""
    twin: Callable[[], CellData | None] = lambda: None
    """Reads what the same weights gave for a `generate` cell in the other mode (`exact`, `fast`), if it is there."""

    @property
    def n(self) -> int:
        """How many items."""
        return len(self.ids)

    @property
    def kind(self) -> str:
        """The kind of task: `generate`, `score` or `lens`."""
        return task_kind(self.at.task)


TOLD_APART = ("machine", "device", "torch", "transformers", "peft")
"""What tells environments apart for a number."""


def environment_words(environment: Mapping[str, object]) -> str:
    """What tells environments apart for a number, as notes, verdicts and reports write it: device and versions."""
    return ", ".join(f"{name} {environment[name]}" for name in TOLD_APART if name in environment)


@dataclass(frozen=True)
class MissingCell:
    """A wanted cell that cannot be shown, and why: unfinished, damaged, or without gold and stored scores."""

    wanted: WantedCell
    reason: str


@dataclass(frozen=True, eq=False)
class Results:
    """All wanted cells of a recipe: those that are there, and those that are not; in the recipe's order.

    `notes` are sentences that belong under every table made from these results.
    """

    wanted: Wanted
    cells: tuple[CellData, ...]
    missing: tuple[MissingCell, ...]
    notes: tuple[str, ...] = ()

    @property
    def recipe(self) -> str:
        """The recipe's name."""
        return self.wanted.recipe

    @property
    def rescored(self) -> Literal["all", "some", "none"]:
        """Which generated cells were scored again from their outputs; the others show stored scores."""
        flags = {cell.rescored for cell in self.cells if cell.kind == "generate"}
        if flags == {True, False}:
            return "some"
        return "none" if flags == {False} else "all"

    def find(self, key: str) -> CellData | None:
        """The cell whose key is, or alone begins with, `key`."""
        found = {cell.key: cell for cell in self.cells if cell.key.startswith(key)}
        return found.get(key) or (next(iter(found.values())) if len(found) == 1 else None)

    def select(self, **where: object) -> Iterator[CellData]:
        """The cells whose coordinates have these values, e.g. `select(language="or", step=0)`.

        `task` may be a kind (`generate`) or a full name. Raises AttributeError for no coordinate's name.
        """
        for cell in self.cells:
            if all(fits(cell.at, name, value) for name, value in where.items()):
                yield cell


_COUNTED = re.compile(",counterfactuals=\\d+")


def fits(at: Coordinates, name: str, value: object) -> bool:
    """Whether a coordinate has a value; a task's kind fits every variant of it."""
    own = getattr(at, name)
    return bool(own == value) or (name == "task" and task_kind(str(own)) == value)


def of_task(at: Coordinates, task: str) -> bool:
    """Whether a cell is of a task, in whatever window of layers, against however many counterfactuals; a kind stands
    for every variant of it.
    """
    return fits(at, "task", task) or _COUNTED.sub("", parted_window(at.task)[0]) == task


def parted_window(task: str) -> tuple[str, str]:
    """A task's name without its window of layers, and the window (`1/6`); empty where it has none."""
    kind, _, different = task.partition(":")
    parts = different.split(",")
    rest = ",".join(part for part in parts if not part.startswith(LAYERS))
    window = next((part.removeprefix(LAYERS) for part in parts if part.startswith(LAYERS)), "")
    return f"{kind}:{rest}" if rest else kind, window


def task_kind(task: str) -> str:
    """The kind in a task's name: what stands before the colon."""
    return task.partition(":")[0]
