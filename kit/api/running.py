"""From a prepared recipe to a run: its folder, its executor, its work."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import yaml

from kit.api.planning import Prepared, planned_again
from kit.api.workspace import Workspace
from kit.data.example import Example, read_slice
from kit.errors import EnvironmentError_, StorageError, Where
from kit.jobdir import (
    AdapterSpec,
    CellSpec,
    DeriveSpec,
    EvaluateSpec,
    JobSpec,
    Piece,
    SeriesSpec,
    TuneSpec,
    atomic_write,
)
from kit.manifest import compose
from kit.plan import Inputs, PlannedJob, outputs_of
from kit.results import score_generation
from kit.schedule import Executor, Request, RunFolder, RunState, Scheduler, Slot, at_work, collect
from kit.store import Store
from kit.store.store import writable_folder


def open_run(workspace: Workspace, prepared: Prepared) -> RunFolder:
    """Create (or find again) the run folder of a prepared recipe and write down what it asks for.

    Equal requests have one folder and write the same into it, so that it need not be locked for this.

    Raises:
        StorageError: the folder cannot be written.
    """
    path = workspace.runs / prepared.run_name
    writable_folder(path, "the run folder")
    folder = RunFolder(path)
    mirror = str(workspace.mirror) if workspace.mirror else None
    source, overrides = str(prepared.loaded.sources[0]), prepared.loaded.overrides
    request = Request(
        source,
        overrides,
        mirror,
        workspace.offline,
        named_inputs(prepared.inputs),
        tuple(prepared.plan.demand.tunings),
    )
    try:
        # A run that goes on reads its own copy of the recipe, and then keeps what it says of its origin.
        if source != str(folder.recipe):
            atomic_write(folder.recipe, _as_yaml(prepared))
            folder.write_request(request)
        (path / "jobs").mkdir(exist_ok=True)
        folder.write_wanted(prepared.plan.demand.wanted)
    except OSError as problem:
        raise StorageError(
            f"the run folder cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="free some space",
        ) from problem
    return folder


def named_inputs(inputs: Inputs) -> dict[str, str]:
    """What a recipe names, and the id of its content: `train tiny-qa/de/train` to `data-…`, say."""
    named = {
        f"{use} {each.dataset}/{each.language}/{each.split}": each.id
        for use, slices in (("train", inputs.train), ("evaluate", inputs.evaluate))
        for each in slices
    }
    named |= {
        f"shots {name} {each.asked.dataset}/{each.asked.language}/{each.asked.split}": each.id
        for name, shots in inputs.shots.items()
        for each in shots
    }
    models = {f"model {model.wanted.name}": model.wanted.id for model in inputs.models}
    specs = {model.wanted.name: model.wanted.spec for model in inputs.models}
    models |= {f"text of model {name}": spec.data for name, spec in specs.items() if spec}
    return named | models | {f"adapter {adapter.name}": adapter.id for adapter in inputs.adapters}


def _as_yaml(prepared: Prepared) -> str:
    text: str = yaml.safe_dump(prepared.loaded.expanded, allow_unicode=True, sort_keys=False, width=110)
    return "# The complete recipe of this run, as it was read. Made by xlt-kit.\n" + text


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
        StorageError: the run folder cannot be written any more.
    """
    languages = {c.spec.data: c.at.language for c in prepared.plan.demand.wanted.cells}

    @lru_cache(maxsize=64)  # each checkpoint lands a cell of every slice
    def examples_of(data: str) -> list[Example]:
        return read_slice(prepared.store.slice_path(data), languages.get(data, ""))

    def finish(folder: Path, cell: CellSpec) -> None:
        if cell.task.kind == "generate":
            score_generation(folder, examples_of(cell.data))

    with folder.lock():
        # The lease first, the plan after it: no adapter that the plan counts on is taken away any more.
        prepared.store.lease(folder.path, prepared.plan.demand.tunings)
        collect(folder, prepared.store, finish)
        prepared = planned_again(prepared, len(executor.slots), at_work(folder, executor))
        _write_manifest(prepared, executor, folder)
        scheduler = Scheduler(folder, executor, prepared.store, _writer(prepared), finish)
        state = scheduler.run(prepared.plan, stopping, observe)
        _tidy(executor, folder)
        folder.sweep()
        _write_manifest(prepared, executor, folder, state)
        _retain(prepared, folder, state)
    return state


def _tidy(executor: Executor, folder: RunFolder) -> None:
    with contextlib.suppress(EnvironmentError_):  # the work is done; `xlt-kit clean` finds what is left
        executor.tidy([job.path for job in folder.job_folders()])


def _write_manifest(
    prepared: Prepared, executor: Executor, folder: RunFolder, state: RunState | None = None
) -> None:
    try:
        folder.write_manifest(compose(prepared.loaded, prepared.inputs, executor, folder, state))
    except OSError as problem:
        if state is None or state.stage == "done":  # else the run has failed already, and says why
            raise StorageError(
                f"the run's manifest cannot be written: {problem.strerror}",
                where=Where(str(folder.path)),
                remedy="free some space and run it again: what is in the store is not repeated",
            ) from problem


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
        keys, work, names = job.keys, job.work, dict.fromkeys(job.inputs)
        if isinstance(work, EvaluateSpec):
            work, keys = _still_open(store, work, keys)
        elif isinstance(work, SeriesSpec):
            pieces = _pieces_left(store, work)
            work, keys = SeriesSpec(work.base, pieces), tuple(key for piece in pieces for key in piece.keys)
            names |= dict.fromkeys(_adapters_used(pieces))
        inputs = {name: locate(name) for name in names}
        return JobSpec(job.title, work, keys, inputs, slot.device, slot.threads, batch_tokens)

    return prepare_job


def _still_open(
    store: Store, work: EvaluateSpec, keys: tuple[str, ...]
) -> tuple[EvaluateSpec, tuple[str, ...]]:
    """The evaluation without its cells that are there by now."""
    pairs = [(k, c) for k, c in zip(keys, work.cells, strict=True) if _open(store, k, c.learnt)]
    return EvaluateSpec(work.base, tuple(cell for _, cell in pairs)), tuple(key for key, _ in pairs)


def _pieces_left(store: Store, series: SeriesSpec) -> tuple[Piece, ...]:
    """The pieces of a series without what is in the store by now; their shares are of what is left."""
    left = []
    for piece in series.pieces:
        if isinstance(piece.work, EvaluateSpec):
            work, keys = _still_open(store, piece.work, piece.keys)
            part = piece.share * len(keys) / len(piece.keys)
            left += [replace(piece, work=work, keys=keys, share=part)] if keys else []
        elif not all(_adapter_there(store, name) for name in outputs_of(piece.work, piece.keys)):
            left.append(piece)
    total = sum(piece.share for piece in left) or 1.0
    return tuple(replace(piece, share=piece.share / total) for piece in left)


def _adapter_there(store: Store, name: str) -> bool:
    tuning, _, step = name.partition("@")
    return bool(step) and store.adapter(tuning, int(step)) is not None


def _adapters_used(pieces: tuple[Piece, ...]) -> list[str]:
    """The adapters that pieces need and none of them makes."""
    made = {name for p in pieces if isinstance(p.work, AdapterSpec) for name in outputs_of(p.work, p.keys)}
    cells = [cell for p in pieces if isinstance(p.work, EvaluateSpec) for cell in p.work.cells]
    used = [p.work.adapter for p in pieces if isinstance(p.work, DeriveSpec)]
    used += [name for p in pieces if isinstance(p.work, TuneSpec) for name in p.work.parents]
    used += [name for cell in cells for name in cell.learnt]
    return [name for name in used if name not in made]


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


def _retain(prepared: Prepared, folder: RunFolder, state: RunState) -> None:
    """Once a run has ended well, drop the adapters that its recipe does not keep and no unfinished run needs."""
    if state.stage != "done":
        return
    prepared.store.release(folder.path)
    keep = prepared.loaded.recipe.retention.adapters
    if keep != "all":
        for key in prepared.plan.demand.tunings:
            prepared.store.drop_adapters(key, keep, folder.path)
