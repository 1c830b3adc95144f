"""From run folders to one page for a browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kit import __version__
from kit.api.judging import Judgement, claims_of, judge_runs, toys_of
from kit.api.tables import headlines, results
from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.errors import KitError, StorageError, UsageError, Where
from kit.jobdir import SpecError, atomic_write
from kit.report.page import Facts, Page, RunFacts, SetFacts, build, render
from kit.report.page.facts import Judged
from kit.report.page.provenance import base_name
from kit.results import Results
from kit.schedule import RunFolder

PAGE = "report.html"
"""The page's name in a run's folder of tables."""


def report(
    workspace: Workspace, folders: Sequence[RunFolder], shipped: bool = False, claims: Path | None = None
) -> str:
    """The page of some runs as HTML: `page_of`, written out."""
    return render(page_of(workspace, folders, shipped, claims))


def write_report(
    workspace: Workspace,
    folders: Sequence[RunFolder],
    path: Path | None = None,
    shipped: bool = False,
    claims: Path | None = None,
) -> Path:
    """Write the page into a file, that of the last run's tables if none is named; returns the file.

    Raises:
        StorageError: the file cannot be written. And all that `page_of` raises.
    """
    page = page_of(workspace, folders, shipped, claims)
    return save(page, path or folders[-1].tables / PAGE)


def save(page: Page, path: Path) -> Path:
    """Write a page into a file, whole or not at all. Raises StorageError: it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, render(page))
    except OSError as problem:
        raise StorageError(
            f"the report cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="name another file with --output, or free some space",
        ) from problem
    return path


def page_of(
    workspace: Workspace,
    folders: Sequence[RunFolder],
    shipped: bool = False,
    claims: Path | None = None,
    found: Mapping[str, Results] | None = None,
    judgement: Judgement | None = None,
) -> Page:
    """The page of some runs, a pure function of their folders, their cells, the claims file and the flags.

    `shipped` says that the cells came from someone else; `claims` is the claims file where it is not that of the runs'
    recipes. `found` are results that have been read already, by the run's name, and `judgement` the verdicts on these
    very runs, where they are known. A fault of claims that nobody has named takes nothing but the verdicts.

    Raises:
        UsageError: no run is named. StorageError: a run's files are damaged. DataError: its cells are. ClaimsError: the
        file that was named has a fault.
    """
    if not folders:
        raise UsageError("no run is named", remedy="list them with: xlt-kit runs")
    chosen = list({folder.path.resolve(): folder for folder in folders}.values())
    known = {folder.name: (found or {}).get(folder.name) or results(workspace, folder) for folder in chosen}
    runs = tuple(_run(folder, known[folder.name]) for folder in chosen)
    judged, fault = (_told(judgement), "") if judgement else _judged(workspace, chosen, claims, known)
    catalog = Catalog.load()
    names = {base_name(entry["dataset"]) for run in runs for entry in run.manifest.get("data", [])}
    return build(
        Facts(
            runs,
            judged,
            fault,
            shipped,
            {name: _set(catalog, name) for name in sorted(names) if name in catalog.datasets},
            {code: language.title for code, language in catalog.languages.items()},
            __version__,
        )
    )


def _run(folder: RunFolder, found: Results) -> RunFacts:
    try:
        manifest = folder.manifest()
    except ValueError as problem:
        raise StorageError(
            f"this file of the run cannot be read: {problem}",
            where=Where(str(folder.path / "manifest.json")),
            remedy="run the recipe again; finished cells are in the store and are not repeated",
        ) from problem
    return RunFacts(
        name=folder.name,
        results=found,
        manifest=manifest,
        state=folder.state(),
        own=frozenset(_own_keys(folder)),
        metrics=headlines(found),
        command=_command(folder),
        toys=frozenset(toys_of(folder)),
    )


def _own_keys(folder: RunFolder) -> Iterator[str]:
    """The cells that the run's own jobs have computed, in whichever go at it."""
    for job in folder.job_folders():
        try:
            made = job.result()
        except (OSError, ValueError, SpecError):
            continue  # damaged: its cells count as those of the store
        yield from made.produced if made else ()
    state = folder.state()
    for told in state.jobs if state else ():
        yield from told.keys if told.stage not in ("waiting", "blocked") else ()


def _command(folder: RunFolder) -> str:
    """What asks for the same again, by the recipe's own file as far as its name goes everywhere."""
    try:
        asked = folder.request()
    except StorageError:
        return f"xlt-kit resume {folder.name}"
    return " ".join(
        [f"xlt-kit run {_short(Path(asked.source))}", *(f"--set '{one}'" for one in asked.overrides)]
    )


def _short(path: Path) -> str:
    """A path without what is of one machine alone: from the folder `recipes` on, or the name."""
    if not path.is_absolute():
        return path.as_posix()
    parts = path.parts
    at = max((at for at, part in enumerate(parts) if part == "recipes"), default=len(parts) - 1)
    return "/".join(parts[at:])


def _judged(
    workspace: Workspace, folders: Sequence[RunFolder], claims: Path | None, known: Mapping[str, Results]
) -> tuple[Judged | None, str]:
    """The verdicts, None without a claims file; and what is wrong with it, where something is."""
    try:
        path = claims or claims_of(folders)
        if path is None:
            return None, ""
        return _told(judge_runs(workspace, folders, path, found=known)), ""
    except KitError as fault:
        if claims is not None:
            raise  # it was asked for by name
        return None, str(fault)


def _told(judgement: Judgement) -> Judged:
    """The verdicts as they read on every machine: commands name recipes as far as their names go everywhere."""
    parent = judgement.path.parent
    here, short = f"{parent}/", _short(parent / "x").removesuffix("x")
    verdicts = tuple(replace(one, command=one.command.replace(here, short)) for one in judgement.verdicts)
    notes = tuple(note.replace(here, short) for note in judgement.notes)
    return Judged(judgement.path.name, judgement.title, verdicts, notes)


def _set(catalog: Catalog, name: str) -> SetFacts:
    entry = catalog.datasets[name]
    place = (
        f"github.com/{entry.github}" if entry.github else entry.url or ("this kit" if entry.embedded else "")
    )
    seen = {
        family: tuple(
            f"{note.how}, {', '.join(note.languages) or 'all languages'}, {', '.join(note.splits) or 'all splits'}: "
            f"{note.note}"
            for note in notes
        )
        for family, notes in entry.seen_by.items()
    }
    source = " ".join(filter(None, (place, entry.revision)))
    return SetFacts(entry.title, entry.licence, source or entry.source, seen)
