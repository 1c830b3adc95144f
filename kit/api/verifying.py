"""A bundle checked: its files, its cells, and every table and verdict made again from its outputs. No GPU."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kit.api.bundling import QUALITY, REPORT, VERDICTS, Quality, render, unread
from kit.api.judging import quality_of
from kit.api.unbundling import lay_gold
from kit.api.workspace import Workspace
from kit.bundle import FACTS, SUMS, BundleFacts, check_sums, opened, read_facts, read_sums
from kit.bundle.compare import Compared, compare_json, compare_text
from kit.bundle.crate import CRATE
from kit.bundle.mask import masked
from kit.catalog import Catalog
from kit.claims import load_claims
from kit.data.example import Example, read_slice
from kit.errors import DataError, KitError
from kit.jobdir import CellSpec, ScoreTask, SpecError, decode, key_of, read_json
from kit.plan import WantedCell
from kit.results import CellData, Results
from kit.results.items import read_facts as read_cell
from kit.results.items import read_scored, read_scores
from kit.schedule import RunFolder
from kit.score import METRICS_VERSION, ItemScore
from kit.store import Store

What = Literal["changed", "missing", "unlisted", "cell", "score", "figure", "description"]


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was shipped: what kind, its name (a file, or a cell), and what is wrong."""

    what: What
    name: str
    says: str


@dataclass
class Verification:
    """What was found of a bundle. Cells: `rescored` from their outputs, `aggregated` from stored item scores alone.

    `figures` were compared with those that came out again; `unchecked` could not be made again without the data;
    `rounded`: some of them differ in the sixth decimal alone.
    """

    facts: BundleFacts
    files: int = 0
    rescored: int = 0
    aggregated: int = 0
    figures: int = 0
    unchecked: int = 0
    rounded: bool = False
    differences: list[Difference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether nothing differs."""
        return not self.differences


def verify(workspace: Workspace, path: Path) -> Verification:
    """Check a bundle. Nothing is fetched; data is read where the workspace's mirror, cache or store has it.

    Raises:
        UsageError, DataError: it is no bundle, or a damaged archive. StorageError: of a newer kit, or no room.
    """
    with opened(path) as root:
        found = Verification(read_facts(root, str(path)))
        _files(root, found)
        with tempfile.TemporaryDirectory(prefix="xlt-kit-verify-") as name:
            again = Path(name) / "again"
            _without_what_is_made(root, again)
            try:
                _made_again(workspace, root, again, found)
            except (KitError, OSError, KeyError, ValueError, TypeError) as problem:
                says = f"the tables cannot be made again from it: {problem}"
                found.differences.append(Difference("description", FACTS, says))
    return found


def _files(root: Path, found: Verification) -> None:
    sums = check_sums(root)
    found.files = sums.right
    kinds: tuple[tuple[What, tuple[str, ...], str], ...] = (
        ("changed", sums.changed, f"not the file that {SUMS} lists"),
        ("missing", sums.missing, f"listed in {SUMS}, and not there"),
        ("unlisted", sums.unlisted, f"not listed in {SUMS}"),
    )
    found.differences += [Difference(what, name, says) for what, names, says in kinds for name in names]
    found.differences += _described(root)


def _described(root: Path) -> Iterator[Difference]:
    """Files that the RO-Crate's metadata tells otherwise of than the list of checksums."""
    try:
        graph = read_json(root / CRATE)["@graph"]
        told = {entity["@id"]: entity.get("sha256") for entity in graph if entity.get("@type") == "File"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield Difference("description", CRATE, "it cannot be read")
        return
    listed = {name: digest for name, digest in read_sums(root / SUMS).items() if name != CRATE}
    for name in sorted(listed.keys() | told.keys()):
        if listed.get(name) != told.get(name):
            yield Difference("description", name, f"{CRATE} and {SUMS} disagree about it")


def _without_what_is_made(root: Path, again: Path) -> None:
    """The tree again but for what is made from it; files are links, as what is made replaces them."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        place = Path(folder)
        at_top, in_run = place == root, place.parent == root / "runs"
        gone = {VERDICTS, REPORT} if at_top else {"tables"} if in_run else set()
        return [name for name in names if name in gone]

    def link(source: str, target: str) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)

    shutil.copytree(root, again, ignore=left_out, copy_function=link)


def _made_again(workspace: Workspace, root: Path, again: Path, found: Verification) -> None:
    facts, store = found.facts, Store(again / "store")
    wanted = {cell.key: cell for run in facts.runs for cell in RunFolder(root / "runs" / run).wanted().cells}
    found.differences += _cells(store, wanted.values(), facts)
    for run in facts.runs:
        found.notes += lay_gold(workspace, store, RunFolder(again / "runs" / run))
    quality, measured = _quality(workspace, root, facts, found)
    results = render(again, facts, quality)
    gold = {
        cell.data for one in results.values() for cell in one.cells if store.slice_path(cell.data).exists()
    }
    for one in results.values():
        generated = [cell for cell in one.cells if cell.kind == "generate"]
        found.rescored += sum(cell.data in gold for cell in generated)
        found.aggregated += sum(cell.data not in gold for cell in generated)
        found.differences += _scores(store, one, gold)
    complete = measured and all(
        cell.spec.data in gold or store.cell(cell.key) is None for cell in wanted.values()
    )
    _figures(root, again, complete, found)
    _say(found)


def _cells(store: Store, wanted: Any, facts: BundleFacts) -> Iterator[Difference]:
    """Cells that are not what their keys say, and those that are not there."""
    there, known = store.cells(), {cell.key: cell for cell in wanted}
    for key, told in there.items():
        name = f"store/cells/{key}"
        if key not in known:
            yield Difference("cell", name, "no run of the bundle asks for it")
            continue
        try:
            spec: CellSpec = decode(CellSpec, told["spec"])
            if told["key"] != key or key_of(spec.task.kind, spec) != key or spec != known[key].spec:
                yield Difference("cell", name, "its cell.json is that of another cell: the key does not fit")
        except (SpecError, KeyError, TypeError):
            yield Difference("cell", name, "its cell.json cannot be read")
    if len(there) != facts.cells:
        yield Difference(
            "cell", "store/cells", f"{FACTS} tells of {facts.cells} cells, and there are {len(there)}"
        )
    if len(known) != facts.wanted:
        yield Difference(
            "cell", "runs", f"{FACTS} tells of {facts.wanted} wanted cells, and there are {len(known)}"
        )


def _quality(
    workspace: Workspace, root: Path, facts: BundleFacts, found: Verification
) -> tuple[Quality, bool]:
    """Measures of training sets: taken again where their data is at hand, else as shipped; and whether all were."""
    path = root / VERDICTS / QUALITY
    if facts.claims is None or not path.is_file():
        return {}, True
    shipped: dict[str, dict[str, float]] = read_json(path)
    if not any(shipped.values()):
        return shipped, True
    near = replace(workspace, offline=True)
    loaded = load_claims(root / facts.claims, Catalog.load())
    results = [unread(RunFolder(root / "runs" / run)) for run in facts.runs]
    ours = quality_of(near, loaded, results)
    taken = {
        measure: {name: ours.get(measure, {}).get(name, value) for name, value in sets.items()}
        for measure, sets in shipped.items()
    }
    for measure, sets in shipped.items():
        for name, value in sets.items():
            if abs(taken[measure][name] - value) > 1e-9:
                says = f"{measure} of {name}: {value} was shipped, {taken[measure][name]} comes out"
                found.differences.append(Difference("figure", f"{VERDICTS}/{QUALITY}", says))
    again = sum(name in ours.get(measure, {}) for measure, sets in shipped.items() for name in sets)
    total = sum(map(len, shipped.values()))
    if again < total:
        found.notes.append(
            f"{total - again} of {total} measures of training sets are as shipped: their data is not here"
        )
    return taken, again == total


def _scores(store: Store, found: Results, gold: set[str]) -> Iterator[Difference]:
    """Stored item scores that are not those of their outputs, and scored texts that are not those of the data."""
    seen: set[str] = set()
    examples: dict[tuple[str, str], dict[str, Example]] = {}
    wanted = {cell.key: cell for cell in found.wanted.cells}
    for cell in found.cells:
        if cell.data not in gold or cell.key in seen:
            continue
        seen.add(cell.key)
        folder = store.root / "cells" / cell.key
        if cell.kind == "generate":
            yield from _stored_scores(folder, cell)
        elif cell.kind == "score":
            place = (cell.data, cell.at.language)
            if place not in examples:
                read = read_slice(store.slice_path(cell.data), cell.at.language)
                examples[place] = {example.id: example for example in read}
            yield from _scored_texts(folder, wanted[cell.key], examples[place])


def _stored_scores(folder: Path, cell: CellData) -> Iterator[Difference]:
    stored = read_scores(folder)
    if stored is None:
        return
    if {score.metrics_version for score in stored} - {METRICS_VERSION}:
        return  # other metrics: `_say` tells of it
    places = {id_: at for at, id_ in enumerate(cell.ids)}
    for score in stored:
        at = places.get(score.id)
        if at is None:
            yield Difference(
                "score", f"store/cells/{folder.name}", f"item {score.id} has a score and no output"
            )
            continue
        for name in ItemScore._fields:
            value, again = getattr(score.score, name), cell.metrics.get(name)
            if value is None or again is None:
                continue
            if not np.isclose(float(value), again[at], rtol=0, atol=1e-9, equal_nan=True):
                says = f"item {score.id}: {name} {float(value):g} was stored, its output gives {again[at]:g}"
                yield Difference("score", f"store/cells/{folder.name}", says)


def _scored_texts(folder: Path, wanted: WantedCell, gold: dict[str, Example]) -> Iterator[Difference]:
    task = wanted.spec.task
    if not isinstance(task, ScoreTask) or task.continuations not in ("gold", "choices"):
        return
    try:
        items = read_scored(folder, read_cell(folder).n, task.continuations == "choices")
    except DataError:
        return  # told of as missing
    for item in items:
        texts = [each.text for each in item.continuations]
        example = gold.get(item.id)
        own = () if example is None else example.answers if task.continuations == "gold" else example.choices
        if len(own) != len(texts) or any(len(text) == 1 for text in texts):
            continue  # letters stand for choices
        for text, answer in zip(texts, own, strict=True):
            if text not in (answer, masked(answer), answer.strip(), masked(answer.strip())):
                says = f"item {item.id}: what was scored is not the text of the data"
                yield Difference("score", f"store/cells/{folder.name}", says)


def _figures(root: Path, again: Path, complete: bool, found: Verification) -> None:
    """Compare every file that is made with the same made again."""
    folders = [f"runs/{run}/tables" for run in found.facts.runs] + [VERDICTS]
    for place in folders:
        theirs = {path.name for path in (root / place).glob("*") if path.is_file()}
        ours = {path.name for path in (again / place).glob("*") if path.is_file()}
        if place == VERDICTS:
            theirs -= {QUALITY}
        for name in sorted(ours - theirs):
            found.differences.append(
                Difference("missing", f"{place}/{name}", "it comes out, and was not shipped")
            )
        for name in sorted(theirs - ours):
            if complete or f"{Path(name).stem}.json" not in theirs:
                says = "it was shipped, and does not come out"
                found.differences.append(Difference("figure", f"{place}/{name}", says))
            else:
                found.unchecked += 1
        # A verdict needs no more than the tables show: where all of them came out, so must it.
        whole = complete or (place == VERDICTS and not found.unchecked)
        _folder(root / place, again / place, sorted(theirs & ours), whole, (place, found))
    _page(root, again, complete or not found.unchecked, found)


def _page(root: Path, again: Path, whole: bool, found: Verification) -> None:
    """The report, line by line; without the data it lacks what the tables lack."""
    if not (root / REPORT).is_file():
        found.differences.append(Difference("missing", REPORT, "it comes out, and was not shipped"))
    elif whole:
        _note(compare_text(root / REPORT, again / REPORT, found.rounded), REPORT, found)
    else:
        found.unchecked += 1


def _folder(
    theirs: Path, ours: Path, names: list[str], complete: bool, into: tuple[str, Verification]
) -> None:
    place, found = into
    open_: set[str] = set()
    rounded = False
    for name in (name for name in names if name.endswith(".json")):
        compared = compare_json(theirs / name, ours / name, complete)
        rounded = rounded or compared.rounded
        found.rounded = found.rounded or compared.rounded
        if any(leaf.standing == "unchecked" for leaf in compared.leaves):
            open_.add(Path(name).stem)
        _note(compared, f"{place}/{name}", found)
    for name in (name for name in names if not name.endswith(".json")):
        if Path(name).stem.partition("-")[0] in {stem.partition("-")[0] for stem in open_}:
            found.unchecked += 1
            continue
        _note(compare_text(theirs / name, ours / name, rounded), f"{place}/{name}", found)


def _note(compared: Compared, name: str, found: Verification) -> None:
    found.figures += compared.figures
    for leaf in compared.leaves:
        if leaf.standing == "unchecked":
            found.unchecked += 1
        else:
            found.differences.append(Difference("figure", name, str(leaf)))


def _say(found: Verification) -> None:
    facts = found.facts
    if facts.metrics_version != METRICS_VERSION:
        found.notes.append(
            f"it was scored by version {facts.metrics_version} of the metrics, this kit has {METRICS_VERSION}: "
            "figures may differ for that alone"
        )
    if facts.numpy != np.__version__:
        found.notes.append(f"its intervals were made with numpy {facts.numpy}, here is {np.__version__}")
    if found.aggregated:
        found.notes.append(
            f"{found.aggregated} cells were not scored again: their data is not at hand (xlt-kit fetch RECIPE, or "
            "--mirror DIR); their stored item scores were aggregated again"
        )
