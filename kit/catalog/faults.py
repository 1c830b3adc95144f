"""From what pydantic finds wrong in an entry to errors with the place and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from kit.errors import CatalogError
from kit.yamlfile import Document, Loc, nearest


def explain(
    problem: ValidationError, kind: type[BaseModel], document: Document, way: Loc
) -> list[CatalogError]:
    """One error for each fault of the entry at `way`, in the order of the file."""
    faults = problem.errors(include_url=False)
    meant = {_meant(fault["loc"], kind) for fault in faults if fault["type"] == "extra_forbidden"}
    told = [fault for fault in faults if fault["type"] != "missing" or fault["loc"] not in meant]
    return in_order(_explain(fault, kind, document, way) for fault in told)


def unknown(what: str, name: str, options: Iterable[str], document: Document, way: Loc) -> CatalogError:
    """The error for a name that stands for nothing, with the nearest one that does."""
    return CatalogError(
        f"{what} {name!r} is unknown", where=document.where(way), remedy=suggest(name, options)
    )


def suggest(name: str, options: Iterable[str]) -> str | None:
    """A remedy for a wrong name: the nearest right one, or the list where that is short."""
    known = list(options)
    near = nearest(name, known)
    if near is not None:
        return f"did you mean {near!r}?"
    if not known:
        return None
    return (
        f"there are: {', '.join(known)}"
        if len(known) <= 20
        else f"there are {len(known)}, {known[0]!r} for one"
    )


def combined(errors: Sequence[CatalogError]) -> CatalogError:
    """The first fault as an error, which also says where the others stand."""
    first, *others = in_order(errors)
    if not others:
        return first
    places = ", ".join(dict.fromkeys(f"line {e.where.line}" for e in others[:10] if e.where and e.where.line))
    more = f"{first.message}; {len(others)} more fault{'s' * (len(others) > 1)} ({places})"
    return CatalogError(more, where=first.where, remedy=first.remedy)


def in_order(errors: Iterable[CatalogError]) -> list[CatalogError]:
    """Errors in the order of their places."""
    return sorted(errors, key=lambda e: (e.where.line or 0, e.where.column or 0) if e.where else (0, 0))


def _meant(loc: Loc, kind: type[BaseModel]) -> Loc | None:
    """The key that a misspelt one stands for: that this one is missing is the same fault."""
    near = nearest(str(loc[-1]), _fields(kind, loc[:-1]))
    return (*loc[:-1], near) if near else None


def _explain(fault: Any, kind: type[BaseModel], document: Document, way: Loc) -> CatalogError:
    loc: Loc = fault["loc"]
    where = document.where((*way, *loc))
    field = str(loc[-1]) if loc else str(way[-1])
    match fault["type"]:
        case "extra_forbidden":
            options = list(_fields(kind, loc[:-1]))
            return CatalogError(
                f"unknown key `{field}`", where=where, remedy=suggest(field, options) or "remove it"
            )
        case "missing":
            return CatalogError(f"`{field}` is missing", where=where, remedy=f"add `{field}: …`")
        case "literal_error":
            options = fault["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            message = f"`{field}` cannot be {fault['input']!r}"
            return CatalogError(message, where=where, remedy=suggest(str(fault["input"]), options))
        case "string_pattern_mismatch":
            return CatalogError(
                f"{fault['input']!r} does not fit here",
                where=where,
                remedy=_EXPECTED.get(field, "a name of at most 100 letters, digits and . _ + - is expected"),
            )
        case "value_error":
            return CatalogError(str(fault["msg"]).removeprefix("Value error, "), where=where, remedy=_COMPARE)
    message = f"`{field}`: {fault['msg'][0].lower()}{fault['msg'][1:]}"
    return CatalogError(message, where=where, remedy=_COMPARE)


_COMPARE = "compare it with an entry of the kit's own catalog (kit/catalog/*.yaml)"
_EXPECTED = {
    "revision": "a commit, 40 hexadecimal digits, is expected",
    "github": "`owner/name` is expected",
    "hub": "`owner/name` is expected",
    "url": "an address that begins with http:// or https:// is expected",
    "script": "an ISO 15924 code such as `Latn` is expected",
}


def _fields(kind: type[BaseModel], loc: Loc) -> Iterator[str]:
    """The keys that the mapping at `loc`, within an entry of `kind`, may have."""
    for key in loc:
        for name, field in kind.model_fields.items():
            if key == (field.alias or name):
                inner = next(_models(field.annotation), None)
                kind = inner or kind
    for name, field in kind.model_fields.items():
        yield field.alias or name


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The entry types within an annotation such as `dict[str, tuple[Seen, ...]]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
