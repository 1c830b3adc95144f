"""A bundle looked at: as a home of its own, with the gold that is at hand here."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kit.api.planning import load
from kit.api.workspace import Workspace
from kit.bundle import FACTS, opened, read_facts
from kit.catalog import Catalog
from kit.data.example import slice_id
from kit.errors import KitError
from kit.inputs import shots_of
from kit.plan import ResolvedSlice
from kit.recipe import expand
from kit.recipe.sources import FileSet
from kit.schedule import RunFolder
from kit.slices import Slices
from kit.store import Store


def bundle_at(word: str) -> Path | None:
    """The bundle that a word of the command line means: an archive, or the folder of an unpacked one; else None."""
    path = Path(word)
    if path.is_file() or (path / FACTS).is_file():
        return path
    return None


@contextlib.contextmanager
def unbundled(workspace: Workspace, path: Path) -> Iterator[tuple[Workspace, list[RunFolder]]]:
    """A bundle as a home, and its runs, as long as they are looked at; gold is laid in where it is at hand.

    Raises:
        UsageError, DataError, StorageError: as `kit.bundle.opened` and `read_facts`.
    """
    with opened(path) as root:
        facts = read_facts(root, str(path))
        folders = [RunFolder(root / "runs" / name) for name in facts.runs]
        store = Store(root / "store")
        for folder in folders:
            lay_gold(workspace, store, folder)
        yield replace(workspace, home=root), folders


def lay_gold(workspace: Workspace, store: Store, folder: RunFolder) -> list[str]:
    """Put the slices of a bundle's run that are at hand into its store: out of our own store, or rendered anew.

    Nothing is fetched. Returns sentences on what could not be had.
    """
    needed = {cell.spec.data for cell in folder.wanted().cells}
    own = workspace.home / "store" / "data"
    for name in sorted(needed):
        path = own / f"{name}.jsonl"
        if path.is_file() and slice_id(path.read_bytes()) == name:
            store.put_slice(name, path.read_bytes())
    if all(store.slice_path(name).exists() for name in needed):
        return []
    try:
        loaded, catalog = load(folder.recipe)
    except KitError as problem:
        return [f"the recipe of {folder.name} names files that are not here: {problem.message}"]
    near = replace(workspace.locations, offline=True)
    slices = Slices(
        catalog,
        near,
        store,
        {},
        catalog.prompts[expand.prompt_name(loaded.recipe.train_prompt)].translation or "",
    )
    evaluate = list(_evaluated(loaded.recipe.evaluate, slices, catalog))
    notes = []
    try:
        shots_of(loaded.recipe, slices, evaluate)
    except KitError as problem:
        notes.append(f"shots cannot be drawn again: {problem.message}")
    for name in sorted(path.stem for path in (store.root / "data").glob("*.jsonl")):
        if name not in needed:
            store.slice_path(name).unlink()
    return notes


def _evaluated(entries: Sequence[Any], slices: Slices, catalog: Catalog) -> Iterator[ResolvedSlice]:
    """The evaluation sets that are at hand, language by language."""
    for entry in entries:
        languages: list[str | None] = [None]
        if not isinstance(entry, FileSet):
            whole = catalog.datasets[entry.dataset].languages()
            languages = list(whole if entry.languages == "all" else entry.languages)
        for language in languages:
            one = entry if language is None else entry.model_copy(update={"languages": [language]})
            try:
                yield from slices.of([one])
            except KitError:
                continue
