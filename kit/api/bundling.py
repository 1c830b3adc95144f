"""From finished runs to a bundle: one archive that others can check without a GPU, and without us."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import yaml

import kit.bundle
from kit import __version__
from kit.api.judging import claims_of, judge_runs, quality_of
from kit.api.reporting import page_of, save
from kit.api.tables import export_tables, results
from kit.api.workspace import Workspace
from kit.bundle import BundleFacts, pack, write_facts, write_sums
from kit.bundle.anonymous import identifying, left_over, scrub_json, scrub_text
from kit.bundle.crate import Action, write_crate
from kit.bundle.mask import mask_items
from kit.bundle.sums import files_of
from kit.catalog import Catalog
from kit.claims import LoadedClaims, Verdict, load_claims
from kit.errors import StorageError, UsageError, Where
from kit.executors.flavour import FLAVOURS, ROOT
from kit.jobdir import atomic_write, sha256_file
from kit.plan import WantedCell
from kit.report.claims import write_claims
from kit.results import Results, as_one
from kit.schedule import RunFolder
from kit.score import METRICS_VERSION
from kit.store import Store
from kit.store.folders import write_digests

QUALITY = "quality.json"
"""In the folder of verdicts: measures of training sets, which can be taken again only where those are at hand."""
VERDICTS = "verdicts"
REPORT = "report.html"
Quality = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Exported:
    """A bundle that was made: its file, sha256, what it says of itself, and files that still name someone."""

    path: Path
    digest: str
    size: int
    facts: BundleFacts
    naming: tuple[str, ...]


def export(
    workspace: Workspace, folders: Sequence[RunFolder], target: Path, anonymous: bool = False
) -> Exported:
    """Write runs as one archive: recipes, manifests, outputs by id, tables, verdicts, report, checksums.

    The same runs give the same bytes. Texts of others are left out: `kit.bundle.mask`.

    Raises:
        UsageError: a run is still at work, or has no finished cell. StorageError: no room.
    """
    for folder in folders:
        if folder.holder():
            raise UsageError(
                f"run {folder.name} is still at work", remedy=f"wait for it, or: xlt-kit stop {folder.name}"
            )
    with tempfile.TemporaryDirectory(prefix="xlt-kit-export-") as name:
        root = Path(name)
        try:
            facts, naming = _lay_out(workspace, folders, root, anonymous)
            pack(root, target)
        except OSError as problem:
            raise StorageError(
                f"the bundle cannot be made: {problem.strerror}",
                where=Where(str(problem.filename or root)),
                remedy="free some space, or set TMPDIR to a larger disk",
            ) from problem
    return Exported(target, sha256_file(target), target.stat().st_size, facts, naming)


def render(root: Path, facts: BundleFacts, quality: Quality) -> dict[str, Results]:
    """Write tables and verdicts of the runs of a tree into it, from its cells and the gold that lies in its store.

    Made so that it does not tell whether there was gold. Returns the results by run.
    """
    home = Workspace(home=root, offline=True)
    folders = [RunFolder(root / "runs" / name) for name in facts.runs]
    found = {folder.name: as_one(results(home, folder)) for folder in folders}
    for folder in folders:
        export_tables(found[folder.name], folder)
    judged = None
    if facts.claims:
        judged = judge_runs(home, folders, root / facts.claims, found=found, quality=quality)
        verdicts = tuple(_of_bundle(verdict, root) for verdict in judged.verdicts)
        write_claims(verdicts, root / VERDICTS)
        judged = replace(judged, verdicts=verdicts)
    save(page_of(home, folders, found=found, judgement=judged), root / REPORT)
    return found


def unread(folder: RunFolder) -> Results:
    """What a run asks for, without a cell read: enough to know its training sets."""
    return Results(folder.wanted(), (), ())


def _lay_out(
    workspace: Workspace, folders: Sequence[RunFolder], root: Path, anonymous: bool
) -> tuple[BundleFacts, tuple[str, ...]]:
    """The tree of a bundle, with its checksums."""
    store, catalog = workspace.store(), Catalog.load()
    wanted: dict[str, WantedCell] = {}
    for folder in folders:
        _copy_run(folder, root)
        wanted |= {cell.key: cell for cell in folder.wanted().cells}
    masked, cells, slices = _copy_cells(store, wanted.values(), catalog, root)
    if not cells:
        raise UsageError("there is no finished cell to export", remedy="run the recipe first")
    _copy_references(workspace, root)
    words = identifying() | {str(workspace.home)} if anonymous else frozenset[str]()
    if anonymous:
        _scrub(root, words)
    for cell_folder in sorted((root / "store" / "cells").iterdir()):
        write_digests(cell_folder)
    loaded = _copy_claims(folders, root, catalog)
    if anonymous and loaded:
        for path in sorted((root / "claims").iterdir()):
            scrub_text(path, words)
    facts = BundleFacts(
        runs=tuple(folder.name for folder in folders),
        kit=__version__,
        numpy=np.__version__,
        metrics_version=METRICS_VERSION,
        cells=cells,
        wanted=len(wanted),
        anonymous=anonymous,
        masked=masked,
        claims=f"claims/{loaded.path.name}" if loaded else None,
    )
    _render_with_gold(workspace, folders, root, facts, loaded, slices)
    _write_packages(root, facts)
    write_facts(root, facts)
    atomic_write(root / "README.md", _readme(facts))
    citation = Path(kit.bundle.__file__).parent / "CITATION.cff"
    atomic_write(root / "CITATION.cff", citation.read_text(encoding="utf-8"))
    digests = {name: sha256_file(root / name) for name in files_of(root)}
    write_crate(root, f"xlt-kit: {', '.join(facts.runs)}", list(_actions(root, facts)), digests, __version__)
    write_sums(root)
    return facts, tuple(left_over(root, words))


def _copy_run(folder: RunFolder, root: Path) -> None:
    """What a run and the ends of its jobs say of themselves; no logs, and no paths of this machine."""
    into = RunFolder(root / "runs" / folder.name)
    into.path.mkdir(parents=True)
    for path in (folder.recipe, folder.path / "manifest.json"):
        if path.is_file():
            shutil.copyfile(path, into.path / path.name)
    into.write_wanted(folder.wanted())
    request = folder.request()
    into.write_request(replace(request, source=Path(request.source).name, mirror=None))
    if state := folder.state():
        into.write_state(replace(state, pid=0))
    for job in folder.job_folders():
        if (result := job.path / "result.json").is_file():  # which cells the run made itself, and where
            into.job(job.path.name).path.mkdir(parents=True)
            shutil.copyfile(result, into.job(job.path.name).path / result.name)


def _copy_cells(
    store: Store, wanted: Iterable[WantedCell], catalog: Catalog, root: Path
) -> tuple[tuple[str, ...], int, set[str]]:
    """The cells that are there, texts of others masked: the data sets that are, how many cells, and their slices."""
    embedded = {name for name, entry in catalog.datasets.items() if entry.embedded}
    masked, slices, count = set(), set(), 0
    for cell in wanted:
        source = store.cell(cell.key)
        if source is None:
            continue
        target = root / "store" / "cells" / cell.key
        shutil.copytree(source, target)
        count += 1
        slices.add(cell.spec.data)
        if cell.at.dataset not in embedded and cell.spec.task.kind == "score":
            mask_items(target)
            masked.add(cell.at.dataset)
    return tuple(sorted(masked)), count, slices


def _copy_references(workspace: Workspace, root: Path) -> None:
    source = workspace.home / "references"
    for path in sorted(source.glob("*.csv")) if source.is_dir() else ():
        (root / "references").mkdir(exist_ok=True)
        shutil.copyfile(path, root / "references" / path.name)


def _copy_claims(folders: Sequence[RunFolder], root: Path, catalog: Catalog) -> LoadedClaims | None:
    """The claims file of the runs, with the recipes that it names, each complete."""
    path = claims_of(folders)
    if path is None:
        return None
    loaded = load_claims(path, catalog)
    into = root / "claims"
    into.mkdir()
    shutil.copyfile(path, into / path.name)
    for name, recipe in loaded.recipes.items():
        text = yaml.safe_dump(recipe.expanded, allow_unicode=True, sort_keys=False, width=110)
        atomic_write(into / f"{name}.yaml", text)
    return loaded


def _render_with_gold(
    workspace: Workspace,
    folders: Sequence[RunFolder],
    root: Path,
    facts: BundleFacts,
    loaded: LoadedClaims | None,
    slices: set[str],
) -> None:
    """Tables and verdicts, with the gold that is here; it does not stay in the tree."""
    store, there = workspace.store(), root / "store" / "data"
    there.mkdir(parents=True)
    for name in sorted(slices):
        if store.slice_path(name).exists():
            shutil.copyfile(store.slice_path(name), there / f"{name}.jsonl")
    quality: Quality = {}
    if loaded:
        quality = quality_of(workspace, loaded, map(unread, folders))
    render(root, facts, quality)
    if loaded:
        atomic_write(root / VERDICTS / QUALITY, json.dumps(quality, indent=1, sort_keys=True) + "\n")
    shutil.rmtree(there)
    for path in sorted((root / "store").iterdir()):
        if path.name not in ("cells", "store.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _of_bundle(verdict: Verdict, root: Path) -> Verdict:
    """A verdict whose command is one of the bundle's own folder."""
    if not verdict.command:
        return verdict
    return replace(verdict, command=verdict.command.replace(f"{root}{os.sep}", ""))


def _scrub(root: Path, words: frozenset[str]) -> None:
    for run in sorted((root / "runs").iterdir()):
        for name in ("manifest.json", "request.json", "state.json"):
            if (run / name).exists():
                scrub_json(run / name, words)
        for result in run.glob("jobs/*/result.json"):
            scrub_json(result, words)
        if (run / "recipe.yaml").exists():
            scrub_text(run / "recipe.yaml", words)
    for cell in sorted((root / "store" / "cells").iterdir()):
        _scrub_environment(cell / "cell.json")


def _scrub_environment(path: Path) -> None:
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts.get("environment", {}).pop("platform", None)
    atomic_write(path, json.dumps(facts, ensure_ascii=False, indent=1))


def _write_packages(root: Path, facts: BundleFacts) -> None:
    """What was installed beside the kit, and the lock files of the images that jobs ran in."""
    folder = root / "packages"
    folder.mkdir()
    for run in facts.runs:
        manifest = RunFolder(root / "runs" / run).manifest()
        lines = sorted(f"{name}=={version}\n" for name, version in manifest.get("packages", {}).items())
        if lines:
            atomic_write(folder / f"{run}.txt", "".join(lines))
        for attempt in manifest.get("attempts", ()):
            flavour = FLAVOURS.get(str(attempt.get("flavour", "")))
            if flavour and (lock := ROOT / flavour.lock).is_file():
                shutil.copyfile(lock, folder / lock.name)


def _actions(root: Path, facts: BundleFacts) -> Iterator[Action]:
    for name in facts.runs:
        folder = RunFolder(root / "runs" / name)
        state, recipe = folder.state(), folder.wanted().recipe
        if state is None:
            yield Action(name, recipe, None, None, done=False)
        else:
            yield Action(name, recipe, state.started, state.updated, done=state.stage == "done")


def _readme(facts: BundleFacts) -> str:
    masked = ", ".join(facts.masked)
    return "\n".join(
        [
            f"# {', '.join(facts.runs)}",
            "",
            f"Outputs, item scores, tables and verdicts of {len(facts.runs)} run{'s' * (len(facts.runs) > 1)} of "
            f"xlt-kit {facts.kit}: {facts.cells} of {facts.wanted} cells. `report.html` shows them.",
            "",
            "To check it, without a GPU: `xlt-kit verify FILE`. Where the data sets are at hand (`xlt-kit fetch`, or "
            "`--mirror DIR`) every output is scored again; elsewhere the stored item scores are aggregated again.",
            "",
            "To look at it: unpacked it is a home of the kit: `xlt-kit table RUN --home DIR`. To run it again: "
            "`xlt-kit run runs/RUN/recipe.yaml`.",
            "",
            *(
                [f"Gold answers and choices of {masked} are masked: they are not ours to pass on.", ""]
                if masked
                else []
            ),
            f"numpy {facts.numpy} made the intervals; another may differ in the sixth decimal.",
            "",
        ]
    )
