"""What a plan is made of: wanted cells with their coordinates, and the jobs that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kit.jobdir import AdapterSpec, CellSpec, EvaluateSpec, PretrainSpec, SeriesSpec

SCHEMA = 1
THEN = " → "
"""Between the training sets of tunings that go on from one another, in the name of the last."""


@dataclass(frozen=True)
class Coordinates:
    """Where a cell stands in the tables.

    `trained_on` is empty for a base, else `dataset/language` of a training set (`dataset~control/language` of one that
    is a control; behind those that its tuning goes on from: `first/or → second/hi`) or a ready-made adapter's name.
    `step` counts optimizer steps (0: base); `seed` is that of the tuning (None: base, ready-made). `task` is
    `generate` or `score`, with what differs from the recipe's switches behind a colon.
    """

    model: str
    trained_on: str
    train_language: str
    step: int
    seed: int | None
    dataset: str
    language: str
    split: str
    prompt: str
    task: str
    replicate: int = 0


@dataclass(frozen=True)
class WantedCell:
    """A cell that the recipe asks for; `items` counts its questions."""

    key: str
    at: Coordinates
    spec: CellSpec
    items: int
    seen_by_model: bool = False


@dataclass(frozen=True)
class Wanted:
    """`wanted.json` of a run: every cell that its tables show, in the recipe's order."""

    recipe: str
    cells: tuple[WantedCell, ...]
    schema: int = SCHEMA


@dataclass(frozen=True)
class WantedTuning:
    """A tuning, and the optimizer steps whose adapters are asked for; or an adapter that is derived from one of them.
    `examples` counts its training items.
    """

    key: str
    spec: AdapterSpec
    examples: int
    steps: tuple[int, ...]


@dataclass(frozen=True)
class WantedModel:
    """A base model: ready on disk or in a hub (`spec` None), or to be pre-trained. `parameters` may be unknown."""

    name: str
    id: str
    parameters: int | None
    spec: PretrainSpec | None = None


@dataclass(frozen=True)
class Demand:
    """All that a recipe asks for, by key, before looking at what is there."""

    wanted: Wanted
    tunings: Mapping[str, WantedTuning]
    models: Mapping[str, WantedModel]


@dataclass(frozen=True)
class Finished:
    """What is there, of what is asked for: a snapshot, so that planning is pure.

    `cells` maps a key to the adapter digests its outputs came from; `adapters` maps `tuning@step` to a digest.
    `outdated` are adapters that were derived from one which is another by now: they, and their cells, do not count.
    """

    cells: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    adapters: Mapping[str, str] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    outdated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cost:
    """An estimate: seconds on one slot, gigabytes of memory and of disk, and what it rests on."""

    seconds: float
    memory_gb: float
    disk_gb: float
    basis: str


@dataclass(frozen=True)
class PlannedJob:
    """A unit of work. `needs` are ids of jobs; `inputs` are content ids that the job reads."""

    id: str
    title: str
    work: AdapterSpec | EvaluateSpec | SeriesSpec | PretrainSpec
    keys: tuple[str, ...]
    needs: tuple[str, ...]
    inputs: tuple[str, ...]
    cost: Cost

    @property
    def pieces(self) -> tuple[str, ...]:
        """The titles of what it does: of a series those of its pieces, else its own."""
        return (
            tuple(one.name for one in self.work.pieces)
            if isinstance(self.work, SeriesSpec)
            else (self.title,)
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the store holds once it is done: keys of cells and models, and adapters as `tuning@step`."""
        if isinstance(self.work, SeriesSpec):
            return tuple(key for piece in self.work.pieces for key in outputs_of(piece.work, piece.keys))
        return outputs_of(self.work, self.keys)


def outputs_of(work: AdapterSpec | EvaluateSpec | PretrainSpec, keys: tuple[str, ...]) -> tuple[str, ...]:
    """What the store holds once this work is done."""
    if isinstance(work, AdapterSpec) and work.save_steps:
        return tuple(f"{keys[0]}@{step}" for step in work.save_steps)
    return keys


@dataclass(frozen=True)
class Plan:
    """What is still to be done for a recipe, in an order that respects `needs`."""

    demand: Demand
    jobs: tuple[PlannedJob, ...]
    missing: frozenset[str]

    @property
    def stored(self) -> int:
        """How many wanted cells are there already."""
        return len({cell.key for cell in self.demand.wanted.cells} - self.missing)
