"""The rooms wired together: load, plan, run, judge, export. The command line and the terminal UI are faces over it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.catalog import Catalog, Locations
from kit.data.example import Example, read_slice
from kit.errors import StorageError, UsageError, Where
from kit.executors import LocalExecutor, detect_slots
from kit.inputs import resolve
from kit.jobdir import CellSpec, EvaluateSpec, JobSpec, canonical, encode
from kit.manifest import compose
from kit.plan import Costs, Demand, Finished, Inputs, Plan, PlannedJob, Speeds, build, demand
from kit.recipe import LoadedRecipe, check_checkpoints, check_names, load_recipe
from kit.report.formats import write_all, write_over_generation
from kit.results import Results, over_generation_table, score_generation, transfer_table
from kit.results import load as load_results
from kit.schedule import Executor, RunFolder, RunState, Scheduler, Slot
from kit.store import Store, default_home
from kit.store.store import writable_folder


@dataclass(frozen=True)
class Workspace:
    """Where the kit keeps its things, and where it may look for data."""

    home: Path
    mirror: Path | None = None
    offline: bool = False

    @staticmethod
    def from_environment(
        home: Path | None = None, mirror: Path | None = None, offline: bool = False
    ) -> Workspace:
        """The given places, else `XLT_KIT_HOME`, `XLT_KIT_MIRROR`, `XLT_KIT_OFFLINE`, else the platform's."""
        named = os.environ.get("XLT_KIT_MIRROR")
        return Workspace(
            home.absolute() if home else default_home(),
            mirror.absolute() if mirror else Path(named).absolute() if named else None,
            offline or os.environ.get("XLT_KIT_OFFLINE", "") not in ("", "0"),
        )

    @property
    def runs(self) -> Path:
        """Where the run folders lie."""
        return self.home / "runs"

    @property
    def locations(self) -> Locations:
        """Where data and weights are looked for."""
        return Locations(mirror=self.mirror, cache=self.home / "cache", offline=self.offline)

    def store(self) -> Store:
        """Open the store.

        Raises:
            StorageError: not writable, or of a newer kit.
        """
        writable_folder(self.home, "the kit's home")
        return Store(self.home / "store")


@dataclass(frozen=True)
class Prepared:
    """A recipe with everything resolved, and the plan for what is missing."""

    loaded: LoadedRecipe
    catalog: Catalog
    inputs: Inputs
    plan: Plan
    store: Store

    @property
    def run_name(self) -> str:
        """Recipe name and digest: the same request finds the same run folder."""
        return run_name(self.loaded, self.plan.demand)


def load(path: Path, overrides: Sequence[str] = ()) -> tuple[LoadedRecipe, Catalog]:
    """Read and check a recipe and the catalog it uses.

    Raises:
        RecipeErrors, CatalogError: with every fault and its place.
    """
    loaded = load_recipe(path, overrides)
    catalog = Catalog.load(loaded.recipe.catalog)
    return check_names(loaded, catalog), catalog


def prepare(workspace: Workspace, path: Path, overrides: Sequence[str] = (), fetch: bool = True) -> Prepared:
    """Load a recipe, resolve its inputs (fetching data where needed) and plan what is missing.

    With `fetch` False weights that are not here are not downloaded: they stand in the plan by name.
    """
    loaded, catalog = load(path, overrides)
    store = workspace.store()
    inputs = resolve(loaded, catalog, workspace.locations, store, fetch)
    check_checkpoints(loaded, [(f"{each.dataset}/{each.language}", each.items) for each in inputs.train])
    wanted = demand(loaded.recipe, inputs)
    parameters = {model.wanted.id: model.wanted.parameters for model in inputs.models}
    device = "cuda" if loaded.recipe.resources.device == "cuda" else "cpu"
    speeds = Speeds.measured(list(store.cell_facts()))
    characters = {each.id: each.characters for each in (*inputs.train, *inputs.evaluate)}
    plan = build(wanted, finished(wanted, store, inputs), Costs(device, parameters, speeds, characters))
    return Prepared(loaded, catalog, inputs, plan, store)


def finished(wanted: Demand, store: Store, inputs: Inputs) -> Finished:
    """What the store holds of a demand."""
    cells, adapters = {}, {adapter.id: adapter.digest for adapter in inputs.adapters}
    for cell in wanted.wanted.cells:
        if folder := store.cell(cell.key):
            cells[cell.key] = store.adapter_digests(folder)
    for key, tuning in wanted.tunings.items():
        for step in tuning.steps:
            if digest := store.adapter_digest(key, step):
                adapters[f"{key}@{step}"] = digest
    models = frozenset(key for key in wanted.models if store.model(key))
    return Finished(cells, adapters, models)


def run_name(loaded: LoadedRecipe, wanted: Demand) -> str:
    """`<recipe>-<8 hex digits>`: equal for equal requests, whatever the recipe file looks like."""
    keys = [*([cell.key, encode(cell.at)] for cell in wanted.wanted.cells), *wanted.tunings, *wanted.models]
    return f"{loaded.recipe.name}-{hashlib.sha256(canonical(keys)).hexdigest()[:8]}"


def choose_executor(prepared: Prepared) -> Executor:
    """The executor and slots that the recipe's resources ask for."""
    resources = prepared.loaded.recipe.resources
    return LocalExecutor(detect_slots(resources.device, resources.slots, resources.threads))


def open_run(workspace: Workspace, prepared: Prepared) -> RunFolder:
    """Create (or find again) the run folder of a prepared recipe and write down what it asks for.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = workspace.runs / prepared.run_name
    writable_folder(path, "the run folder")
    folder = RunFolder(path)
    try:
        folder.write_wanted(prepared.plan.demand.wanted)
        (path / "jobs").mkdir(exist_ok=True)
    except OSError as problem:
        raise StorageError(
            f"the run folder cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="free some space",
        ) from problem
    return folder


def execute(
    prepared: Prepared,
    folder: RunFolder,
    executor: Executor,
    stopping: Callable[[], bool] = lambda: False,
    observe: Callable[[RunState], None] = lambda state: None,
) -> RunState:
    """Work off the plan in its run folder; the manifest is written before and completed after.

    Raises:
        LockedError: another process works on this run.
    """
    languages = {c.spec.data: c.at.language for c in prepared.plan.demand.wanted.cells}

    def finish(folder: Path, cell: CellSpec) -> None:
        if cell.task.kind == "generate":
            examples = read_slice(prepared.store.slice_path(cell.data), languages.get(cell.data, ""))
            score_generation(folder, examples)

    with folder.lock():
        folder.write_manifest(compose(prepared.loaded, prepared.inputs, executor.name, folder))
        scheduler = Scheduler(folder, executor, prepared.store, _writer(prepared), finish)
        state = scheduler.run(prepared.plan, stopping, observe)
        folder.write_manifest(compose(prepared.loaded, prepared.inputs, executor.name, folder, state))
        _retain(prepared, state)
    return state


def results(workspace: Workspace, folder: RunFolder) -> Results:
    """The finished cells of a run with their gold answers, as one typed table."""
    store = workspace.store()

    def examples(data: str, language: str) -> list[Example] | None:
        path = store.slice_path(data)
        return read_slice(path, language) if path.exists() else None

    return load_results(folder.wanted(), store.cell, examples)


EXPORTED = ("f1", "em", "aware_f1", "overran", "p_stop")
"""The metrics whose tables a run writes into its folder."""


def export_tables(found: Results, folder: RunFolder) -> list[Path]:
    """Write the transfer tables into the run's folder, one file a metric and format.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        paths = [
            path
            for metric in EXPORTED
            if (tables := transfer_table(found, metric))
            for path in write_all(tables, folder.tables, metric)
        ]
        return [*paths, *write_over_generation(over_generation_table(found), folder.tables)] if paths else []
    except OSError as problem:
        raise StorageError(
            f"the tables cannot be written: {problem.strerror}",
            where=Where(str(folder.tables)),
            remedy=f"free some space, then: xlt-kit table {folder.name}",
        ) from problem


def language_groups(catalog: Catalog, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Ways to average over languages: `script`, `family`, `level` (class in BLOOM's pre-training), a named group.

    Raises:
        UsageError: there is no such grouping.
    """
    ways: dict[str, dict[str, str]] = {}
    for code, language in catalog.languages.items():
        level = language.bloom.level if language.bloom else "none"
        kinds = {"script": language.script, "family": language.family, "level": level}
        kinds |= dict.fromkeys(language.groups, "yes")
        for name in kinds:
            ways.setdefault(name, {})[code] = kinds[name]
    if unknown := sorted(set(names) - set(ways)):
        raise UsageError(
            f"no grouping is called {unknown[0]!r}", remedy=f"there is {', '.join(sorted(ways))}"
        )
    return {name: ways[name] for name in names}


def _writer(prepared: Prepared) -> Callable[[PlannedJob, Slot], JobSpec]:
    """Turns a planned job into its `job.json`: content ids get the paths where they lie."""
    store, paths = prepared.store, prepared.inputs.paths
    batch_tokens = prepared.loaded.recipe.resources.batch_tokens

    def locate(name: str) -> str:
        if name in paths:
            return str(paths[name])
        tuning, _, step = name.partition("@")
        return str(store.adapter_path(tuning, int(step)) if step else store.model_path(name))

    def prepare_job(job: PlannedJob, slot: Slot) -> JobSpec:
        keys, work = job.keys, job.work
        if isinstance(work, EvaluateSpec):
            pairs = [(k, c) for k, c in zip(keys, work.cells, strict=True) if _open(store, k, c.adapters)]
            keys, work = tuple(k for k, _ in pairs), EvaluateSpec(work.base, tuple(c for _, c in pairs))
        inputs = {name: locate(name) for name in job.inputs}
        return JobSpec(job.title, work, keys, inputs, slot.device, slot.threads, batch_tokens)

    return prepare_job


def _open(store: Store, key: str, adapters: tuple[str, ...]) -> bool:
    """Whether a cell is still to be computed: not there, or from adapters of other digests."""
    folder = store.cell(key)
    if folder is None:
        return True
    made_with = store.adapter_digests(folder)
    for adapter in adapters:
        tuning, _, step = adapter.partition("@")
        if step and made_with.get(adapter) != store.adapter_digest(tuning, int(step)):
            return True
    return False


def _retain(prepared: Prepared, state: RunState) -> None:
    """Drop the adapters that the recipe does not keep, once nothing needs them."""
    keep = prepared.loaded.recipe.retention.adapters
    if keep == "all" or state.stage != "done":
        return
    for key in prepared.plan.demand.tunings:
        steps = prepared.store.adapter_steps(key)
        for step in steps if keep == "none" else steps[:-1]:
            prepared.store.remove_adapter(key, step)
