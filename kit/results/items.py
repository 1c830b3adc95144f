"""The files of a finished cell's folder, read strictly: `cell.json`, `items.jsonl`, `scores.jsonl`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from kit.errors import DataError, StorageError, Where
from kit.jobdir import CELL_SCHEMA, read_json
from kit.score import Form, ItemScore

Stop = Literal["end", "newline", "limit"]
_STOPS = frozenset(get_args(Stop))
_OPTIONAL = frozenset({"mlqa_em", "mlqa_f1"})
_COUNTS = frozenset({"answer_words", "gold_words", "raw_words"})
_FLAGS = frozenset({"contains_gold", "overran"})

_SCORES = itemgetter(*ItemScore._fields)
_FLOATS, _LENGTHS = (float, float), (bool, bool, int, int, int)
_AS_WRITTEN = {(*_FLOATS, *mlqa, *_FLOATS, *_LENGTHS) for mlqa in (_FLOATS, (type(None), type(None)))}
"""Types of the scores that this kit writes; they need no second look."""
_parsed = json.JSONDecoder().raw_decode

T = TypeVar("T")


class GeneratedItem(NamedTuple):
    """One output. `raw` is not cut at the newline; `tokens` counts new tokens, the stop token included."""

    id: str
    raw: str
    tokens: int
    stop: Stop
    prompt_tokens: int


_GENERATED = itemgetter(*GeneratedItem._fields)
_GENERATED_TYPES = (str, str, int, str, int)


@dataclass(frozen=True, slots=True)
class Continuation:
    """Log-likelihoods (natural) of a continuation's tokens, and of the end token and a new line after it."""

    text: str
    tokens: tuple[float, ...]
    end: float
    newline: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Where a gold answer stands among `spans` of its context: `rank` from 1, beside so many `ties`, with a `share`
    (0 to 1) of the softmax; F1 (0 to 1) of the likeliest span, and of the best one.
    """

    spans: int
    rank: int
    ties: int
    share: float
    f1: float
    ceiling: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """Log-likelihoods, sums over tokens, in nats: of the truth (`own`) and of what the test could have said instead.

    `swaps`: how many answers of a context are others there; 1 where an answer alone is scored.
    """

    own: float
    others: tuple[float, ...]
    swaps: int


@dataclass(frozen=True, slots=True)
class ScoredItem:
    """One item of a `score` cell; the continuations stand in the order of the gold answers.

    `ranking` is None in cells without spans, `contrast` in cells without counterfactuals, and either where an item was
    not measured. In cells of choices these are the continuations, `right` is the place of the right one, and
    `context_id` names the item's context.
    """

    id: str
    prompt_tokens: int
    continuations: tuple[Continuation, ...]
    ranking: Ranking | None = None
    contrast: Contrast | None = None
    right: int | None = None
    context_id: str | None = None


@dataclass(frozen=True, slots=True)
class SwappedItem:
    """One item of an `interchange` cell: masses on interferer and target in base and tuned model, and effects by name
    (into the base, out of the tuned model). An item that served to find direction and `layer` (`searched`) has none,
    but those of every block `by_layer`, first the first one's.
    """

    id: str
    searched: bool
    layer: int
    base: tuple[float, float]
    tuned: tuple[float, float]
    effects: Mapping[str, tuple[float, float]]
    by_layer: Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]


class StoredScore(NamedTuple):
    """One line of `scores.jsonl`; `metrics_version` is that of its scoring, `form` is None in older files."""

    id: str
    context_id: str
    score: ItemScore
    metrics_version: int
    form: Form | None = None


@dataclass(frozen=True)
class CellFacts:
    """What `cell.json` tells beside the spec. `n` counts items, `over_long` those whose prompt is longer than the model
    was made for.
    """

    key: str
    n: int
    adapter_digests: Mapping[str, str]
    environment: Mapping[str, object]
    over_long: int = 0


def read_facts(folder: Path) -> CellFacts:
    """The facts of a finished cell.

    Raises:
        DataError: `cell.json` is absent, unreadable or of another shape.
        StorageError: it was written by a newer kit.
    """
    path = folder / "cell.json"
    try:
        value = read_json(path)
        schema = value["schema"]
        if isinstance(schema, int) and schema > CELL_SCHEMA:
            raise StorageError(
                f"the cell has schema {schema}, this kit reads up to {CELL_SCHEMA}",
                where=Where(str(path)),
                remedy="upgrade xlt-kit to read it",
            )
        digests = {str(name): str(digest) for name, digest in value["adapter_digests"].items()}
        over_long = int(value.get("over_long", {}).get("prompts", 0))
        return CellFacts(str(value["key"]), int(value["n"]), digests, dict(value["environment"]), over_long)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        raise _damaged(f"not a finished cell ({_words(problem)})", path) from problem


def read_generated(folder: Path, n: int) -> list[GeneratedItem]:
    """The `n` items of a `generate` cell, in slice order.

    Raises:
        DataError: absent, not JSON lines of that shape, ids twice, or another number of items.
    """
    path = folder / "items.jsonl"
    return _checked(_at_once(path, _all_generated) or _lines(path, _generated), path, n)


def read_scored(folder: Path, n: int, choices: bool = False) -> list[ScoredItem]:
    """The `n` items of a `score` cell, of choices or of others, in slice order. Raises as `read_generated`."""
    parse = _chosen if choices else _scored
    return _checked(_lines(folder / "items.jsonl", parse), folder / "items.jsonl", n)


def read_swapped(folder: Path, n: int) -> list[SwappedItem]:
    """The `n` items of an `interchange` cell, in slice order. Raises as `read_generated`."""
    return _checked(_lines(folder / "items.jsonl", _swapped), folder / "items.jsonl", n)


def read_ids(folder: Path, n: int) -> list[str]:
    """The ids of the `n` items of a cell of any kind, in slice order. Raises as `read_generated`."""
    return [item.id for item in _checked(_lines(folder / "items.jsonl", _named), folder / "items.jsonl", n)]


def read_scores(folder: Path) -> list[StoredScore] | None:
    """The item scores that were stored when the cell landed, in slice order; None where there are none.

    Raises:
        DataError: not JSON lines of that shape.
    """
    path = folder / "scores.jsonl"
    if not path.exists():
        return None
    return _at_once(path, lambda rows: list(map(_stored, rows))) or _lines(path, _stored)


def _at_once(path: Path, parse: Callable[[list[dict[str, Any]]], list[T]]) -> list[T] | None:
    """All lines in one go, in half the time, where nothing is wrong with them; None: read them line by line.

    The braces tell whether each line is one object and no more: there is one at either end, and none within.
    """
    try:
        with path.open(encoding="utf-8", newline="\n") as stream:
            text = stream.read()
        n = text.count("\n")
        if not n == text.count("{") == text.count("}") == text.count("}\n{") + 1:
            return None
        if text[0] != "{" or text[-2:] != "}\n":
            return None
        return parse(json.loads("[" + text[:-1].replace("\n", ",") + "]"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _lines(path: Path, parse: Callable[[dict[str, Any]], T]) -> list[T]:
    rows = []
    try:
        with path.open(encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    rows.append(parse(_value(line)))
                except (ValueError, KeyError, TypeError, AttributeError) as problem:
                    raise _damaged(f"not an item of a cell ({_words(problem)})", path, number) from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise _damaged(f"cannot be read ({_words(problem)})", path) from problem
    return rows


def _value(line: str) -> Any:
    """`json.loads(line)`; in half the time for a line as this kit writes it, without spaces around its value."""
    try:
        value, end = _parsed(line)
    except ValueError:
        return json.loads(line)
    return value if line[end:] == "\n" else json.loads(line)


def _generated(row: dict[str, Any]) -> GeneratedItem:
    if row["stop"] not in _STOPS:
        raise ValueError(f"stop is {row['stop']!r}")
    item = GeneratedItem._make(_GENERATED(row))
    if tuple(map(type, item)) != _GENERATED_TYPES:
        for value, kind in zip(item, _GENERATED_TYPES, strict=True):
            _typed(value, kind)
    return item


class _Named(NamedTuple):
    id: str


def _named(row: dict[str, Any]) -> _Named:
    return _Named(_typed(row["id"], str))


def _all_generated(rows: list[dict[str, Any]]) -> list[GeneratedItem]:
    """`_generated` of each; raises where any row is not as this kit writes it."""
    items = list(map(GeneratedItem._make, map(_GENERATED, rows)))
    for values, kind in zip(zip(*items, strict=True), _GENERATED_TYPES, strict=True):
        if set(map(type, values)) != {kind}:
            raise TypeError(f"a value is not {kind.__name__}")
    if not _STOPS.issuperset(item.stop for item in items):
        raise ValueError("a stop is none of those that there are")
    return items


def _scored(row: dict[str, Any]) -> ScoredItem:
    continuations = tuple(map(_continuation, row["continuations"]))
    ranking, contrast = row.get("ranking"), row.get("contrast")
    return ScoredItem(
        _typed(row["id"], str),
        _typed(row["prompt_tokens"], int),
        continuations,
        None if ranking is None else _ranking(ranking),
        None if contrast is None else _contrast(contrast),
    )


def _chosen(row: dict[str, Any]) -> ScoredItem:
    item = replace(_scored(row), right=_typed(row["right"], int), context_id=_typed(row["context_id"], str))
    if not 0 <= row["right"] < len(item.continuations):
        raise ValueError(f"the right choice is number {row['right']} of {len(item.continuations)}")
    if not all(choice.text for choice in item.continuations):
        raise ValueError("a choice is empty")
    return item


def _contrast(row: dict[str, Any]) -> Contrast:
    others, swaps = tuple(map(float, row["others"])), _typed(row["swaps"], int)
    if not others or swaps < 1:
        raise ValueError("a contrast has nothing beside the truth")
    return Contrast(float(row["own"]), others, swaps)


def _ranking(row: dict[str, Any]) -> Ranking:
    counts = (_typed(row[name], int) for name in ("spans", "rank", "ties"))
    return Ranking(*counts, *(float(row[name]) for name in ("share", "f1", "ceiling")))


def _swapped(row: dict[str, Any]) -> SwappedItem:
    searched = _typed(row["searched"], bool)
    told = row["effects"].items()
    return SwappedItem(
        _typed(row["id"], str),
        searched,
        _typed(row["layer"], int),
        _pair(row["base"]),
        _pair(row["tuned"]),
        {} if searched else {name: _pair(both) for name, both in told},
        {name: _curves(both) for name, both in told} if searched else {},
    )


def _curves(values: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    into, out = (tuple(map(float, _typed(curve, list))) for curve in _typed(values, list))
    if len(into) != len(out):
        raise ValueError(f"effects of {len(into)} and {len(out)} layers")
    return into, out


def _pair(values: Any) -> tuple[float, float]:
    first, second = _typed(values, list)
    return float(first), float(second)


def _continuation(row: dict[str, Any]) -> Continuation:
    tokens = tuple(map(float, row["tokens"]))
    return Continuation(_typed(row["text"], str), tokens, float(row["end"]), float(row["newline"]))


def _stored(row: dict[str, Any]) -> StoredScore:
    values = _SCORES(row)
    if tuple(map(type, values)) not in _AS_WRITTEN:
        values = map(_number, ItemScore._fields, values)
    version = _typed(row.get("metrics_version", 1), int)
    form = row.get("form")
    return StoredScore(
        _typed(row["id"], str),
        _typed(row["context_id"], str),
        ItemScore._make(values),
        version,
        None if form is None else _form(form),
    )


def _form(values: Any) -> Form:
    span, over, lead, foil = _typed(values, list)
    return Form(float(span), float(over), float(lead), None if foil is None else float(foil))


def _number(name: str, value: Any) -> Any:
    if value is None and name in _OPTIONAL:
        return None
    if name in _FLAGS:
        return _typed(value, bool)
    return _typed(value, int) if name in _COUNTS else float(value)


def _typed(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value


def _checked(items: list[Any], path: Path, n: int) -> list[Any]:
    if len(items) != n:
        raise _damaged(f"{len(items)} items, but cell.json says {n}", path)
    if len({item.id for item in items}) != n:
        raise _damaged("an item's id comes twice", path)
    return items


def _words(problem: Exception) -> str:
    return f"no {problem}" if isinstance(problem, KeyError) else str(problem)


def _damaged(message: str, path: Path, line: int | None = None) -> DataError:
    return DataError(
        message,
        where=Where(str(path), line),
        remedy="take it out with: xlt-kit store verify --remove; then run the recipe again",
    )
