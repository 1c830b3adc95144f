"""Keys: a readable prefix and a hash of what was decided, where it differs from the schema's defaults."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

_DIGITS = 20
_found: dict[type, tuple[dataclasses.Field[Any], ...] | None] = {}


def canonical(value: Any) -> bytes:
    """One byte string for one JSON value: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def key_parts(spec: Any) -> Any:
    """The readable parts of a key: the spec's fields that count and differ from their defaults, nested."""
    fields = _fields_that_count(type(spec))
    if fields is not None:
        parts = {}
        for field in fields:
            value = getattr(spec, field.name)
            if not _is_default(field, value):
                parts[field.name] = key_parts(value)
        return parts
    if isinstance(spec, (list, tuple)):
        return [key_parts(item) for item in spec]
    if isinstance(spec, dict):
        return {str(key): key_parts(value) for key, value in spec.items()}
    return spec


def key_of(kind: str, spec: Any) -> str:
    """The key of a spec: the kind, then the hash over kind and parts."""
    digest = hashlib.sha256(canonical({"kind": kind, "parts": key_parts(spec)})).hexdigest()[:_DIGITS]
    return f"{kind}-{digest}"


def _fields_that_count(kind: type) -> tuple[dataclasses.Field[Any], ...] | None:
    """The fields of a dataclass that count for a key, found once a class; None of any other class."""
    if kind not in _found:
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else None
        _found[kind] = fields and tuple(field for field in fields if field.metadata.get("key", True))
    return _found[kind]


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    if field.name == "kind":  # the tag that tells two types of a union apart always counts
        return False
    if field.default is not dataclasses.MISSING:
        return type(value) is type(field.default) and bool(value == field.default)
    if field.default_factory is not dataclasses.MISSING:
        return bool(value == field.default_factory())
    return False
