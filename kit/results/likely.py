"""Why two runs differ, as far as it is recorded: what was asked, data, models, adapters, libraries, machines, scoring.

A cause is ranked by the share of the differing cells that it applies to, minus the share of the equal ones: what holds
of cells that came out the same explains little, however different it looks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from kit.jobdir import encode
from kit.plan.types import THEN
from kit.plan.why import flat
from kit.results.difference import CellDifference, RunDifference
from kit.results.matching import Pair
from kit.results.types import CellData

Kind = Literal["altered", "asked", "data", "model", "adapter", "library", "hardware", "scoring", "chance"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""What is asked for comes before what follows from it: other data are often asked for, other adapters come of both."""
HARDWARE = ("device", "machine", "platform", "cpus", "threads")
_TUNING = (
    *("train.", "lora.", "trainer.", "train_prompt", "sequence_limit", "adapters"),
    *("switches.end_token", "switches.loss_on", "switches.truncation", "switches.accumulate"),
    *("switches.loss_mean", "switches.weights", "switches.autocast", "switches.start_token"),
)
"""Where a recipe decides on a tuning, but for its seeds, which are coordinates of a cell."""
_PLACES = (".languages", ".dataset", ".split")
"""What of a recipe tells cells apart, and so is the same in both of a pair."""
_ELSEWHERE = ("base", "data", "adapters", "label", "version", "prompt.shots")
"""Parts of a cell's key that are told by other words."""
_EVIDENCE = 6


@dataclass(frozen=True)
class Change:
    """One thing that is recorded of both runs and differs; empty where a side has nothing of the kind."""

    what: str
    a: str
    b: str

    @property
    def words(self) -> str:
        """`what: a → b`."""
        return f"{self.what}: {self.a or '–'} → {self.b or '–'}"


@dataclass(frozen=True)
class Recorded:
    """What is recorded of both runs as a whole, of which some may be causes. `train` and `models` hold what differs by
    `dataset/language` and by name; `altered` the keys of cells whose files are not those that were stored, by side.
    """

    recipe: tuple[Change, ...] = ()
    train: Mapping[str, Change] = field(default_factory=dict)
    models: Mapping[str, Change] = field(default_factory=dict)
    kit: tuple[Change, ...] = ()
    executor: tuple[Change, ...] = ()
    altered: frozenset[tuple[Literal["A", "B"], str]] = frozenset()


@dataclass(frozen=True)
class Cause:
    """A likely cause: of how many of the differing cells it holds, and of how many of those that came out the same."""

    kind: Kind
    what: str
    evidence: tuple[str, ...]
    differing: int
    of_differing: int
    equal: int
    of_equal: int

    @property
    def score(self) -> float:
        """Share of the differing cells minus share of the equal ones, -1 to 1."""
        return _share(self.differing, self.of_differing) - _share(self.equal, self.of_equal)


@dataclass(frozen=True, eq=False)
class Compared:
    """Two runs by their names: cells, likely causes (the likeliest first), and by section all that differs."""

    a: str
    b: str
    difference: RunDifference
    causes: tuple[Cause, ...]
    changes: Mapping[str, tuple[Change, ...]]


def changes(a: Mapping[str, object], b: Mapping[str, object]) -> tuple[Change, ...]:
    """The names whose values differ, in the order of A, then what B has beside them."""
    names = dict.fromkeys((*a, *b))
    pairs = [(name, _word(a.get(name)), _word(b.get(name))) for name in names if a.get(name) != b.get(name)]
    return tuple(Change(*each) for each in pairs)


def parts(value: Any) -> dict[str, Any]:
    """Nested values as `dotted.name: leaf`, a list of objects by its numbers: `evaluate.0.limit`."""
    return flat(_numbered(value))


def likely(found: RunDifference, recorded: Recorded) -> tuple[Cause, ...]:
    """The causes that apply to a cell that differs, ranked; ties in the order of `KINDS`. None where none differs."""
    differing = found.standing("within noise", "beyond noise")
    equal = found.standing("identical")
    holds: dict[tuple[Kind, str], list[int]] = defaultdict(lambda: [0, 0])
    evidence: dict[tuple[Kind, str], dict[str, None]] = defaultdict(dict)
    for at, cells in enumerate((differing, equal)):
        for cell in cells:
            told = list(_facts(cell, recorded, found))
            if not told and not at:
                told = [_chance(cell)]
            for fact in dict.fromkeys((kind, what) for kind, what, _ in told):
                holds[fact][at] += 1
            if not at:
                for kind, what, why in told:
                    evidence[kind, what] |= dict.fromkeys(why)
    causes = [
        Cause(kind, what, tuple(evidence[kind, what])[:_EVIDENCE], one, len(differing), other, len(equal))
        for (kind, what), (one, other) in holds.items()
        if one
    ]
    return tuple(sorted(causes, key=lambda cause: (-cause.score, KINDS.index(cause.kind), cause.what)))


_Fact = tuple[Kind, str, tuple[str, ...]]
"""A cause that applies to a cell, with its evidence."""


def _facts(cell: CellDifference, recorded: Recorded, found: RunDifference) -> Iterator[_Fact]:
    pair = cell.pair
    for side, key in (("A", pair.a.key), ("B", pair.b.key)):
        if (side, key) in recorded.altered:
            yield "altered", f"files of {side}'s cells were changed after they had been stored", (key,)
    for bridge in found.bridges:
        if getattr(pair.a.at, bridge.name) == bridge.a:
            yield "asked", f"asked for another {bridge.name}: {bridge.a} → {bridge.b}", ()
    yield from _key_facts(pair, recorded)
    yield from _subject_facts(pair, recorded)
    yield from _environment_facts(pair, recorded)
    if pair.a.kind == "generate":
        yield from _scoring_facts(pair)


def _key_facts(pair: Pair, recorded: Recorded) -> Iterator[_Fact]:
    """What differs between the readable parts of both keys."""
    mine, theirs = flat(encode(pair.spec_a)), flat(encode(pair.spec_b))
    for change in changes(mine, theirs):
        if change.what == "prompt.shots":
            yield "data", "other solved examples in the prompt", (change.words,)
        elif change.what == "version":
            yield "library", f"another version of the job's kind: {change.a} → {change.b}", ()
        elif change.what not in _ELSEWHERE:
            yield "asked", f"asked for something else: {change.words}", _keys(pair)
    if pair.spec_a.data != pair.spec_b.data:
        at = pair.a.at
        name = f"{at.dataset}/{at.language} {at.split}"
        yield "data", "other evaluation data", (f"{name}: {pair.spec_a.data} → {pair.spec_b.data}",)
        for change in recorded.recipe:
            if change.what.startswith("evaluate") and not change.what.endswith(_PLACES):
                yield "asked", f"asked for something else: {change.words}", ()


def _subject_facts(pair: Pair, recorded: Recorded) -> Iterator[_Fact]:
    """What differs in the base and the adapters."""
    model = pair.a.at.model
    if pair.spec_a.base != pair.spec_b.base and model == pair.b.at.model:
        told = recorded.models.get(model)
        yield (
            "model",
            f"another base {told.words if told else model}",
            (f"{pair.spec_a.base} → {pair.spec_b.base}",),
        )
    if pair.spec_a.adapters == pair.spec_b.adapters:
        again = changes(pair.a.adapter_digests, pair.b.adapter_digests)
        if again:
            told_of = tuple(f"{one.what}: {one.a[:12]} → {one.b[:12]}" for one in again)
            yield "adapter", "adapters tuned again came out with other weights", told_of
        return
    tuned = [
        change
        for change in recorded.recipe
        if change.what.startswith(_TUNING) and not change.what.endswith(_PLACES)
    ]
    for change in tuned:
        yield "asked", f"asked for another tuning: {change.words}", _keys(pair)
    trained = [recorded.train[name] for name in pair.a.at.trained_on.split(THEN) if name in recorded.train]
    if trained:
        yield "data", "other training data", tuple(change.words for change in trained)
    explained = tuned or trained or pair.spec_a.base != pair.spec_b.base or pair.a.at.seed != pair.b.at.seed
    if not explained:
        yield "adapter", "other adapters, for no reason that a recipe tells", _keys(pair)


def _environment_facts(pair: Pair, recorded: Recorded) -> Iterator[_Fact]:
    found = changes(pair.a.environment, pair.b.environment)
    hardware = [change.words for change in found if change.what in HARDWARE]
    library = [change.words for change in found if change.what not in HARDWARE]
    if library:
        yield "library", f"other library versions: {', '.join(library)}", ()
    if hardware:
        yield "hardware", f"other hardware: {', '.join(hardware)}", ()
    for change in recorded.executor:
        yield "library", f"run by another {change.words}", ()
    for change in recorded.kit:
        yield "library", f"another kit, {change.words}", ()


def _scoring_facts(pair: Pair) -> Iterator[_Fact]:
    if pair.a.metrics_version != pair.b.metrics_version:
        versions = f"{pair.a.metrics_version} → {pair.b.metrics_version}"
        yield "scoring", f"scored by another version of the metrics: {versions}", ()
    if pair.a.rescored != pair.b.rescored:
        yield "scoring", f"{_scored(pair.a)} against {_scored(pair.b)}", ()


def _chance(cell: CellDifference) -> _Fact:
    """Of a cell for whose difference nothing is recorded."""
    if cell.standing == "beyond noise":
        return "chance", "nothing that is recorded differs, yet this is more than noise", _keys(cell.pair)
    return "chance", "nothing that is recorded differs: within the noise of one evaluation", _keys(cell.pair)


def _scored(cell: CellData) -> str:
    return "scores made again from the outputs" if cell.rescored else "stored scores"


def _keys(pair: Pair) -> tuple[str, ...]:
    return (pair.a.key if pair.a.key == pair.b.key else f"{pair.a.key} → {pair.b.key}",)


def _share(some: int, of: int) -> float:
    return some / of if of else 0.0


def _numbered(value: Any) -> Any:
    """The same with lists of objects as objects of their numbers."""
    if isinstance(value, Mapping):
        return {name: _numbered(one) for name, one in value.items()}
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return {str(at): _numbered(one) for at, one in enumerate(value)}
    return value


def _word(value: object) -> str:
    """A leaf in words; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(str, value))}]"
    return str(value)
