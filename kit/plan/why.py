"""Why a cell is missing: the stored cell that is nearest to it, and the parts of the key that differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kit.jobdir import encode
from kit.plan.types import WantedCell

_SKIP = ("label", "version")


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON values as `dotted.name: leaf`."""
    if isinstance(value, Mapping):
        parts: dict[str, Any] = {}
        for name, item in value.items():
            parts |= flat(item, f"{prefix}.{name}" if prefix else str(name))
        return parts
    return {prefix: value}


def reason(cell: WantedCell, stored: Iterable[Mapping[str, Any]]) -> str:
    """One phrase: `new`, or which parts differ from the nearest stored cell of the same kind of task.

    `stored` holds the `cell.json` of stored cells. Only cells on the same data are near enough to compare, or cells
    with the same label.
    """
    mine = flat(encode(cell.spec))
    best: list[str] | None = None
    for fact in stored:
        theirs = flat(fact.get("spec", {}))
        if theirs.get("task.kind") != mine["task.kind"]:
            continue
        if theirs.get("label") != mine["label"]:
            continue
        names = sorted(set(mine) | set(theirs))
        differing = [n for n in names if n.split(".")[-1] not in _SKIP and mine.get(n) != theirs.get(n)]
        if best is None or len(differing) < len(best):
            best = [f"{name}: {_short(theirs.get(name))} -> {_short(mine.get(name))}" for name in differing]
    if best is None:
        return "new"
    return "; ".join(best) if best else "made with another adapter"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:18] + "…" + text[-18:]
