"""Two runs side by side: their cells, what is recorded of either, and what most likely made the difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kit.api.tables import EXPORTED, results
from kit.api.workspace import Workspace
from kit.data.example import Example, read_slice
from kit.jobdir import read_json, sha256_file
from kit.jobdir.cell import ITEMS_FILE, LENS_FILE
from kit.report.examples import Shown, examples_under
from kit.results.difference import CellDifference, RunDifference, differences
from kit.results.likely import Compared, Recorded, changes, likely, parts
from kit.results.types import CellData, Results
from kit.schedule import RunFolder
from kit.store.folders import DIGESTS

_TITLES = ("name", "title", "needs")
"""What a recipe says of itself and nothing is computed from."""


@dataclass(frozen=True)
class Side:
    """A run and the home in whose store its cells are."""

    workspace: Workspace
    folder: RunFolder


def compare_runs(a: Side, b: Side, metrics: Sequence[str] = ()) -> Compared:
    """Compare two runs cell by cell, B - A, by `metrics` alone where some are named.

    Raises:
        UsageError: there is no such metric.
        StorageError: a run or a store cannot be read.
    """
    one, other = results(a.workspace, a.folder), results(b.workspace, b.folder)
    found = differences(one, other, metrics or EXPORTED, only=bool(metrics))
    mine, theirs = a.folder.manifest(), b.folder.manifest()
    models = changes(_models(mine), _models(theirs))
    train = changes(_data(mine, "train"), _data(theirs, "train"))
    recipe = changes(_recipe(mine), _recipe(theirs))
    recorded = Recorded(
        recipe=recipe,
        train={change.what: change for change in train},
        models={change.what: change for change in models},
        kit=changes(_kit(mine), _kit(theirs)),
        executor=changes(_executor(mine), _executor(theirs)),
        altered=_altered(a, b, found),
    )
    sections = {
        "recipe": recipe,
        "models": (*models, *changes(_adapters(mine), _adapters(theirs))),
        "training data": train,
        "evaluation data": changes(_data(mine, "evaluate"), _data(theirs, "evaluate")),
        "shots": changes(_shots(mine), _shots(theirs)),
        "environment of the cells": changes(_environment(one), _environment(other)),
        "scoring": changes(_scoring(one), _scoring(other)),
        "kit": recorded.kit,
        "attempts": changes(_attempts(mine), _attempts(theirs)),
        "packages": changes(mine.get("packages", {}), theirs.get("packages", {})),
    }
    return Compared(
        a=a.folder.name,
        b=b.folder.name,
        difference=found,
        causes=likely(found, recorded),
        changes={name: section for name, section in sections.items() if section},
    )


def flipped(a: Side, b: Side, cell: CellDifference) -> list[Shown]:
    """The questions of a cell that flipped, with both answers: first those that turned wrong. Gold is from either side
    that has the data.
    """
    if cell.flips is None:
        return []
    gold = _gold(a, cell.pair.a) or _gold(b, cell.pair.b)
    return [
        shown
        for change in ("turned-wrong", "turned-right")
        for shown in examples_under(cell.pair.a, cell.pair.b, gold, change)
    ]


def _gold(side: Side, cell: CellData) -> dict[str, Example]:
    path = side.workspace.store().slice_path(cell.data)
    return {example.id: example for example in read_slice(path, cell.at.language)} if path.exists() else {}


def _altered(a: Side, b: Side, found: RunDifference) -> frozenset[tuple[Literal["A", "B"], str]]:
    """The differing cells whose outputs no longer have the digest that was noted when they were stored."""
    differing = found.standing("within noise", "beyond noise")
    mine = {
        ("A", cell.pair.a.key) for cell in differing if _changed(a.workspace.store().cell(cell.pair.a.key))
    }
    theirs = {
        ("B", cell.pair.b.key) for cell in differing if _changed(b.workspace.store().cell(cell.pair.b.key))
    }
    return frozenset((*mine, *theirs))  # type: ignore[arg-type]


def _changed(folder: Path | None) -> bool:
    if folder is None:
        return False
    try:
        noted = read_json(folder / DIGESTS)
        return any(
            name in noted and sha256_file(folder / name) != noted[name] for name in (ITEMS_FILE, LENS_FILE)
        )
    except (OSError, ValueError, TypeError):
        return False  # nothing was noted: nothing is known


def _recipe(manifest: Mapping[str, Any]) -> dict[str, Any]:
    asked = parts(manifest.get("recipe", {}))
    return {name: value for name, value in asked.items() if name not in _TITLES}


def _models(manifest: Mapping[str, Any]) -> dict[str, str]:
    """By name: the revision where there is one, and the id."""
    return {
        model["name"]: " ".join(filter(None, (model.get("revision"), f"({model['id']})")))
        for model in manifest.get("models", [])
    }


def _adapters(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {one["name"]: str(one.get("digest") or one["id"]) for one in manifest.get("adapters", [])}


def _data(manifest: Mapping[str, Any], use: str) -> dict[str, str]:
    """By `dataset/language`, and the split where it is that of an evaluation."""
    found = {}
    for row in manifest.get("data", []):
        if row["use"] == use:
            split = f" {row['split']}" if use == "evaluate" else ""
            found[f"{row['dataset']}/{row['language']}{split}"] = f"{row['id']} ({row['items']} items)"
    return found


def _shots(manifest: Mapping[str, Any]) -> dict[str, str]:
    return {
        f"{row['prompt']} {row['dataset']}/{row['language']}": f"{row['id']} ({row['items']} items)"
        for row in manifest.get("shots", [])
    }


def _kit(manifest: Mapping[str, Any]) -> dict[str, str]:
    kit = manifest.get("kit") or {}
    git = kit.get("git") or {}
    changed = " with changes" if git.get("dirty") else ""
    return {"version": kit.get("version", ""), "revision": f"{git['revision'][:12]}{changed}" if git else ""}


def _executor(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Of the last attempt that ran a job: earlier ones, and later ones that found all done, made no cell."""
    attempts = manifest.get("attempts") or [{}]
    last = next((one for one in reversed(attempts) if one.get("jobs")), attempts[-1])
    return {name: str(last[name]) for name in ("executor", "image", "digest", "flavour") if last.get(name)}


def _attempts(manifest: Mapping[str, Any]) -> dict[str, str]:
    attempts = manifest.get("attempts") or []
    host = attempts[-1].get("host") or {} if attempts else {}
    again = sum(max(0, job["starts"] - 1) for one in attempts for job in one.get("jobs", []))
    return {
        "attempts": str(len(attempts)),
        "jobs started again": str(again),
        **_executor(manifest),
        **{f"host {name}": str(value) for name, value in host.items()},
    }


def _environment(found: Results) -> dict[str, str]:
    """What the cells themselves record: all values of each name."""
    names = dict.fromkeys(name for cell in found.cells for name in cell.environment)
    return {
        name: ", ".join(
            sorted({str(cell.environment[name]) for cell in found.cells if name in cell.environment})
        )
        for name in names
    }


def _scoring(found: Results) -> dict[str, str]:
    versions = sorted({cell.metrics_version for cell in found.cells})
    scored = {"all": "made again", "none": "as stored", "some": "made again of some"}[found.rescored]
    return {"version of the metrics": ", ".join(map(str, versions)), "scores": scored}
