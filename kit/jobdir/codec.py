"""Frozen dataclasses to JSON and back, strictly: unknown or missing fields and wrong types are refused by name."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

T = TypeVar("T")


class SpecError(ValueError):
    """A stored spec does not fit its type; the message names the field."""


def encode(value: Any) -> Any:
    """A dataclass (nested, with tuples and dictionaries) as plain JSON values. All fields are written out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {str(key): encode(item) for key, item in value.items()}
    return value


def decode(cls: type[T], value: Any, at: str = "") -> T:
    """JSON values as an instance of the dataclass `cls`.

    Raises:
        SpecError: a field is unknown, missing or of another type; the message says which.
    """
    return typing.cast(T, _decode(cls, value, at or cls.__name__))


def _decode(kind: Any, value: Any, at: str) -> Any:
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(typing.cast(type, kind), value, at)
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Literal:
        if value not in args:
            raise SpecError(f"{at}: {value!r} is none of {', '.join(map(repr, args))}")
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(args, value, at)
    if origin is tuple:
        if not isinstance(value, list):
            raise SpecError(f"{at}: expected a list, found {type(value).__name__}")
        return tuple(_decode(args[0], item, f"{at}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise SpecError(f"{at}: expected an object, found {type(value).__name__}")
        return {key: _decode(args[1], item, f"{at}.{key}") for key, item in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (str, int, float, bool) and type(value) is kind:
        return value
    if kind is type(None) and value is None:
        return None
    raise SpecError(f"{at}: expected {getattr(kind, '__name__', kind)}, found {value!r}")


def _decode_dataclass(cls: type, value: Any, at: str) -> Any:
    if not isinstance(value, dict):
        raise SpecError(f"{at}: expected an object, found {type(value).__name__}")
    hints = typing.get_type_hints(cls)
    known = {f.name: f for f in dataclasses.fields(cls)}
    for name in value:
        if name not in known:
            raise SpecError(f"{at}: unknown field {name!r}")
    for name, spec in known.items():
        required = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if required and name not in value:
            raise SpecError(f"{at}: field {name!r} is missing")
    return cls(**{name: _decode(hints[name], item, f"{at}.{name}") for name, item in value.items()})


def _decode_union(args: tuple[Any, ...], value: Any, at: str) -> Any:
    problems = []
    for option in args:
        try:
            return _decode(option, value, at)
        except SpecError as problem:
            problems.append(str(problem))
    raise SpecError(f"{at}: fits none of its types: " + "; ".join(problems))
