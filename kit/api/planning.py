"""A recipe with everything resolved, and the plan for what is missing."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.errors import EnvironmentError_
from kit.executors.gpus import Gpu, of_host, visible
from kit.executors.slots import make_slots
from kit.inputs import resolve
from kit.jobdir import JobSpec, canonical, encode
from kit.plan import Costs, Demand, Finished, Inputs, Packing, Plan, Speeds, build, demand
from kit.recipe import LoadedRecipe, Resources, check_checkpoints, check_names, load_recipe
from kit.store import Store, made_with


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


def prepare(
    workspace: Workspace,
    path: Path,
    overrides: Sequence[str] = (),
    fetch: bool = True,
    device: Literal["cpu", "cuda"] | None = None,
    factor: float = 1.0,
) -> Prepared:
    """Load a recipe, resolve its inputs (fetching data where needed) and plan what is missing.

    With `fetch` False weights that are not here are not downloaded: they stand in the plan by name. `device` is what
    its costs are told for, if not for the recipe's; `factor` is that of `machine_factor`, where it is to be heeded.
    """
    loaded, catalog = load(path, overrides)
    store = workspace.store()
    inputs = resolve(loaded, catalog, workspace.locations, store, fetch)
    check_checkpoints(loaded, [(f"{each.dataset}/{each.language}", each.items) for each in inputs.train])
    wanted = demand(loaded.recipe, inputs)
    packing = _packing(loaded, slots_here(loaded.recipe.resources))
    plan = _plan(wanted, loaded, inputs, store, packing, _Pricing(device, factor))
    return Prepared(loaded, catalog, inputs, plan, store)


def planned_again(prepared: Prepared, slots: int, living: Mapping[str, JobSpec]) -> Prepared:
    """The same request against the store as it is now: others may have finished, or taken away, something since.

    `slots` are those that there are; `living` are the run's jobs that are at work, by id: they keep what they have.
    """
    packing = replace(_packing(prepared.loaded, slots), living=living)
    plan = _plan(prepared.plan.demand, prepared.loaded, prepared.inputs, prepared.store, packing)
    return replace(prepared, plan=plan)


def slots_here(resources: Resources) -> int:
    """How many jobs this machine would do at a time, before any engine is asked."""
    gpus = [] if resources.device == "cpu" else visible(gpus_here(), os.environ)
    per_gpu = 1 if resources.jobs_per_gpu == "auto" else resources.jobs_per_gpu
    try:
        return len(make_slots(resources.device, resources.slots, resources.threads, gpus, per_gpu))
    except EnvironmentError_:  # no GPU where one is asked for: the need of it says what is amiss
        return 1


@functools.cache
def gpus_here() -> tuple[Gpu, ...]:
    """Asked once: a look at a recipe follows every key that is typed."""
    return tuple(of_host())


def _packing(loaded: LoadedRecipe, slots: int) -> Packing:
    resources = loaded.recipe.resources
    return Packing(resources.series, slots, resources.job_hours)


@dataclass(frozen=True)
class _Pricing:
    """On which device, if not the recipe's, and how much slower than assumed."""

    device: Literal["cpu", "cuda"] | None = None
    factor: float = 1.0


def _plan(
    wanted: Demand,
    loaded: LoadedRecipe,
    inputs: Inputs,
    store: Store,
    packing: Packing,
    pricing: _Pricing | None = None,
) -> Plan:
    parameters = {model.wanted.id: model.wanted.parameters for model in inputs.models}
    pricing = pricing or _Pricing()
    device = pricing.device or ("cuda" if loaded.recipe.resources.device == "cuda" else "cpu")
    stored = store.cells()
    speeds = Speeds.measured([facts for facts in stored.values() if facts is not None])
    characters = {each.id: each.characters for each in (*inputs.train, *inputs.evaluate)}
    for each in (one for shots in inputs.shots.values() for one in shots):
        characters |= {each.id: each.characters, each.asked.id: each.asked.characters}
    there = finished(wanted, store, stored, inputs)
    return build(wanted, there, Costs(device, parameters, speeds, characters, pricing.factor), packing)


def finished(wanted: Demand, store: Store, stored: Mapping[str, Any], inputs: Inputs) -> Finished:
    """What the store holds of a demand; `stored` is all its cells' `cell.json`, by key."""
    adapters = {adapter.id: adapter.digest for adapter in inputs.adapters}
    keys = {cell.key for cell in wanted.wanted.cells} & stored.keys()
    cells = {key: dict(made_with(stored[key]) or {}) for key in keys}
    outdated = set()
    for key, tuning in wanted.tunings.items():
        for step in tuning.steps:
            if store.outdated(key, step):
                outdated.add(f"{key}@{step}")
            if digest := store.adapter_digest(key, step):
                adapters[f"{key}@{step}"] = digest
    models = frozenset(key for key in wanted.models if store.model(key))
    return Finished(cells, adapters, models, frozenset(outdated))


def run_name(loaded: LoadedRecipe, wanted: Demand) -> str:
    """`<recipe>-<8 hex digits>`: equal for equal requests, whatever the recipe file looks like."""
    keys = [*([cell.key, encode(cell.at)] for cell in wanted.wanted.cells), *wanted.tunings, *wanted.models]
    return f"{loaded.recipe.name}-{hashlib.sha256(canonical(keys)).hexdigest()[:8]}"
