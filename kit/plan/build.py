"""From what is asked for and what is there to the jobs in between. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from kit.jobdir import CellSpec, DeriveSpec, EvaluateSpec, FitSpec, LensTask, TuneSpec, is_map
from kit.plan.estimate import Costs
from kit.plan.pack import Packing, Single, packed
from kit.plan.types import Demand, Finished, Plan, PlannedJob, WantedCell, WantedTuning


def build(demand: Demand, finished: Finished, costs: Costs, packing: Packing | None = None) -> Plan:
    """The missing cells of a demand, batched into jobs: one evaluation per subject, the tunings they stand on, and as
    `packing` says several of them in a series; without it each is a job of its own.

    A cell counts as missing where it is not stored, or where it is stored from an adapter of another digest than the
    one that is stored now: so that no row of a table mixes two adapters.
    """
    packing = packing or Packing(series=False)
    missing = [cell for cell in _unique(demand.wanted.cells) if not is_current(cell, finished)]
    subjects: dict[tuple[str, str, str], list[WantedCell]] = {}
    for cell in missing:
        subject = (cell.spec.base, _tuning_of(cell.spec), packing.holder(cell.key))
        subjects.setdefault(subject, []).append(cell)

    bare = not demand.wanted.cells  # a recipe without evaluation asks for the adapters and models themselves
    bases = set(demand.models) if bare else {base for base, *_ in subjects}
    pretrainings = _pretrain_jobs(bases, demand, finished, costs)
    wanted = _wanted_steps(demand, subjects.values(), finished, bare)
    # Lenses come before all else and are never part of a series: any of those may wait for one.
    fits = {key: _fit_job(demand.tunings[key], demand, costs, pretrainings) for key in _fits(wanted, demand)}
    tunings = {
        key: _single_derivation(key, wanted, demand, costs, packing)
        if isinstance(demand.tunings[key].spec, DeriveSpec)
        else _single_tuning(key, steps, demand, costs, packing, {*pretrainings, *wanted})
        for key, steps in wanted.items()
        if key not in fits
    }
    evaluations = []
    for (base, tuning, holder), cells in subjects.items():
        needs = [tuning] if tuning in tunings else [base] if base in pretrainings else []
        needs += sorted({_maker(name) for cell in cells for name in cell.spec.learnt} & fits.keys())
        job = _evaluate_job(base, cells, needs, costs)
        evaluations.append(
            Single(job, cells[0].at.model, _trained_on(cells), tuning if tuning in tunings else "", holder)
        )
    jobs = (*pretrainings.values(), *fits.values(), *packed(_interleaved(tunings, evaluations), packing))
    return Plan(demand, jobs, frozenset(cell.key for cell in missing))


def is_current(cell: WantedCell, finished: Finished) -> bool:
    """Whether a stored cell stands for `cell`, made with the adapters that are stored now."""
    made_with = finished.cells.get(cell.key)
    if made_with is None or not finished.outdated.isdisjoint(cell.spec.learnt):
        return False
    return all(made_with.get(a) == finished.adapters.get(a, made_with.get(a)) for a in cell.spec.learnt)


def inputs_of(spec: CellSpec) -> tuple[str, ...]:
    """Content ids of what a cell reads beside its base."""
    maps = (spec.task.matrix,) if isinstance(spec.task, LensTask) and is_map(spec.task.matrix) else ()
    shots = (spec.prompt.shots,) if spec.prompt.shots else ()
    return (*spec.learnt, spec.data, *maps, *shots)


def _unique(cells: Iterable[WantedCell]) -> list[WantedCell]:
    return list({cell.key: cell for cell in cells}.values())


def _tuning_of(spec: CellSpec) -> str:
    """The tuning (or ready-made adapter) that a cell's subject ends in; empty for a base."""
    return _maker(spec.adapters[-1]) if spec.adapters else ""


def _maker(adapter: str) -> str:
    """The key of what makes an adapter."""
    return adapter.partition("@")[0]


def _steps(adapters: Iterable[str], tuning: str) -> tuple[int, ...]:
    return tuple(sorted({int(a.split("@")[1]) for a in adapters if a.startswith(f"{tuning}@")}))


def _pretrain_jobs(
    bases: set[str], demand: Demand, finished: Finished, costs: Costs
) -> dict[str, PlannedJob]:
    jobs = {}
    for base in sorted(bases):
        model = demand.models[base]
        if model.spec is not None and base not in finished.models:
            inputs = (model.spec.data, model.spec.start) if model.spec.start else (model.spec.data,)
            jobs[base] = PlannedJob(
                base, f"pre-train {model.name}", model.spec, (base,), (), inputs, costs.pretrain()
            )
    return jobs


def _wanted_steps(
    demand: Demand, subjects: Iterable[list[WantedCell]], finished: Finished, bare: bool
) -> dict[str, tuple[int, ...]]:
    """The tunings, derivations and lenses that must be done, each after what it is made from, and the steps whose
    adapters are needed.

    Where one of the adapters of a tuning's missing cells is not there, the tuning makes all of them anew, and so do
    those that go on from it.
    """
    if bare:
        needed = {f"{key}@{step}" for key, wanted in demand.tunings.items() for step in wanted.steps}
        needed -= finished.adapters.keys()
    else:
        needed = {adapter for cells in subjects for cell in cells for adapter in cell.spec.learnt}
    order = _parents_first(demand)
    for key in reversed(order):
        spec, steps = demand.tunings[key].spec, _steps(needed, key)
        if isinstance(spec, DeriveSpec) and any(f"{key}@{step}" not in finished.adapters for step in steps):
            needed.add(spec.adapter)
    found: dict[str, tuple[int, ...]] = {}
    for key in order:
        spec, steps = demand.tunings[key].spec, _steps(needed, key)
        anew = isinstance(spec, TuneSpec) and any(_maker(parent) in found for parent in spec.parents)
        if steps and (anew or any(f"{key}@{step}" not in finished.adapters for step in steps)):
            found[key] = steps
    return found


def _parents_first(demand: Demand) -> list[str]:
    """The tunings and derivations of a demand, each after what it is made from."""
    order: dict[str, None] = {}

    def visit(key: str) -> None:
        if key in order or key not in demand.tunings:
            return
        spec = demand.tunings[key].spec
        if not isinstance(spec, FitSpec):
            for adapter in spec.parents if isinstance(spec, TuneSpec) else (spec.adapter,):
                visit(_maker(adapter))
        order[key] = None

    for key in demand.tunings:
        visit(key)
    return list(order)


def _fits(wanted: Iterable[str], demand: Demand) -> list[str]:
    return [key for key in wanted if isinstance(demand.tunings[key].spec, FitSpec)]


def _fit_job(
    wanted: WantedTuning, demand: Demand, costs: Costs, pretrainings: Mapping[str, PlannedJob]
) -> PlannedJob:
    spec = wanted.spec
    assert isinstance(spec, FitSpec)
    needs = (spec.base,) if spec.base in pretrainings else ()
    cost = costs.fit(demand.models[spec.base], spec)
    return PlannedJob(
        wanted.key, f"fit {spec.label}", spec, (wanted.key,), needs, (spec.base, *spec.data), cost
    )


def _single_tuning(
    tuning: str, steps: tuple[int, ...], demand: Demand, costs: Costs, packing: Packing, to_do: set[str]
) -> Single:
    """`to_do` are the bases, tunings and derivations that must be done."""
    wanted = demand.tunings[tuning]
    assert isinstance(wanted.spec, TuneSpec)
    spec = replace(wanted.spec, save_steps=steps)
    model = demand.models[spec.base]
    inputs = (spec.base, spec.data, *spec.parents)
    parents = [_maker(parent) for parent in spec.parents]
    needs = tuple(need for need in (spec.base, *parents) if need in to_do)
    cost = costs.tune(model, wanted)
    subject = spec.label.removeprefix(f"{model.name} on ").replace(", seed ", " seed ")
    job = PlannedJob(tuning, f"tune {spec.label}", spec, (tuning,), needs, inputs, cost)
    before = parents[-1] if parents and parents[-1] in to_do else ""
    return Single(job, model.name, subject, before, packing.holder(tuning))


def _single_derivation(
    key: str, wanted: Mapping[str, object], demand: Demand, costs: Costs, packing: Packing
) -> Single:
    spec = demand.tunings[key].spec
    assert isinstance(spec, DeriveSpec)
    model, source = demand.models[spec.base], _maker(spec.adapter)
    needs = (source,) if source in wanted else ()
    job = PlannedJob(key, f"derive {spec.label}", spec, (key,), needs, (spec.adapter,), costs.derive(model))
    subject = spec.label.removeprefix(f"{model.name} on ").replace(", seed ", " seed ")
    return Single(job, model.name, subject, source if needs else "", packing.holder(key))


def _evaluate_job(base: str, cells: list[WantedCell], needs: list[str], costs: Costs) -> PlannedJob:
    last = _tuning_of(cells[0].spec)
    inputs = {base: None} | {name: None for c in cells for name in inputs_of(c.spec)}
    trained = _trained_on(cells)
    return PlannedJob(
        f"evaluate-{(last or base).removeprefix('tune-')}",
        f"evaluate {cells[0].at.model}" + (f" tuned on {trained}" if trained else ""),
        EvaluateSpec(base, tuple(cell.spec for cell in cells)),
        tuple(cell.key for cell in cells),
        tuple(needs),
        tuple(inputs),
        costs.evaluate(cells),
    )


def _trained_on(cells: list[WantedCell]) -> str:
    """What the cells' subject was tuned on; empty for a base."""
    at = cells[0].at
    return f"{at.trained_on} seed {at.seed}" if at.seed is not None else at.trained_on


def _interleaved(tunings: Mapping[str, Single], evaluations: list[Single]) -> list[Single]:
    """Evaluations that wait for nothing first, then each tuning before its evaluation, and after that what goes on or
    is derived from it: rows fill in one by one.
    """
    singles = [one for one in evaluations if not one.tuning]

    def add(key: str) -> None:
        singles.extend([tunings[key], *(one for one in evaluations if one.tuning == key)])
        for other, made in tunings.items():
            if made.tuning == key:
                add(other)

    for key, made in tunings.items():
        if not made.tuning:
            add(key)
    return singles
