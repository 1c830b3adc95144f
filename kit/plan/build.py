"""From what is asked for and what is there to the jobs in between. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from kit.jobdir import CellSpec, EvaluateSpec, LensTask, TuneSpec, is_map
from kit.plan.estimate import Costs
from kit.plan.types import Demand, Finished, Plan, PlannedJob, WantedCell


def build(demand: Demand, finished: Finished, costs: Costs) -> Plan:
    """The missing cells of a demand, batched into jobs: one evaluation per subject, the tunings they stand on.

    A cell counts as missing where it is not stored, or where it is stored from an adapter of another digest than the
    one that is stored now: so that no row of a table mixes two adapters.
    """
    missing = [cell for cell in _unique(demand.wanted.cells) if not is_current(cell, finished)]
    subjects: dict[tuple[str, str], list[WantedCell]] = {}
    for cell in missing:
        subjects.setdefault((cell.spec.base, _tuning_of(cell.spec)), []).append(cell)

    bare = not demand.wanted.cells  # a recipe without evaluation asks for the adapters and models themselves
    bases = set(demand.models) if bare else {base for base, _ in subjects}
    pretrainings = _pretrain_jobs(bases, demand, finished, costs)
    tunings: dict[str, PlannedJob] = {}
    for key, wanted in demand.tunings.items() if bare else ():
        if steps := tuple(step for step in wanted.steps if f"{key}@{step}" not in finished.adapters):
            needs = [pretrainings[wanted.spec.base].id] if wanted.spec.base in pretrainings else []
            tunings[key] = _tune_job(demand, key, steps, needs, costs)
    evaluations = []
    for (base, tuning), cells in subjects.items():
        needs = [pretrainings[base].id] if base in pretrainings else []
        adapters = [adapter for cell in cells for adapter in cell.spec.adapters]
        if tuning in demand.tunings and any(adapter not in finished.adapters for adapter in adapters):
            tunings[tuning] = _tune_job(demand, tuning, _steps(adapters, tuning), needs, costs)
            needs = [tunings[tuning].id]
        evaluations.append(_evaluate_job(base, cells, needs, costs))
    jobs = (*pretrainings.values(), *_interleaved(list(tunings.values()), evaluations))
    return Plan(demand, jobs, frozenset(cell.key for cell in missing))


def is_current(cell: WantedCell, finished: Finished) -> bool:
    """Whether a stored cell stands for `cell`, made with the adapters that are stored now."""
    made_with = finished.cells.get(cell.key)
    if made_with is None:
        return False
    return all(made_with.get(a) == finished.adapters.get(a, made_with.get(a)) for a in cell.spec.adapters)


def inputs_of(spec: CellSpec) -> tuple[str, ...]:
    """Content ids of what a cell reads beside its base."""
    maps = (spec.task.matrix,) if isinstance(spec.task, LensTask) and is_map(spec.task.matrix) else ()
    return (*spec.adapters, spec.data, *maps)


def _unique(cells: Iterable[WantedCell]) -> list[WantedCell]:
    return list({cell.key: cell for cell in cells}.values())


def _tuning_of(spec: CellSpec) -> str:
    """The tuning (or ready-made adapter) that a cell's subject ends in; empty for a base."""
    return spec.adapters[-1].split("@")[0] if spec.adapters else ""


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


def _tune_job(
    demand: Demand, tuning: str, steps: tuple[int, ...], needs: list[str], costs: Costs
) -> PlannedJob:
    wanted = demand.tunings[tuning]
    spec: TuneSpec = replace(wanted.spec, save_steps=steps)
    inputs = (spec.base, spec.data, *spec.parents)
    cost = costs.tune(demand.models[spec.base], wanted)
    return PlannedJob(tuning, f"tune {spec.label}", spec, (tuning,), tuple(needs), inputs, cost)


def _evaluate_job(base: str, cells: list[WantedCell], needs: list[str], costs: Costs) -> PlannedJob:
    last = _tuning_of(cells[0].spec)
    inputs = {base: None} | {name: None for c in cells for name in inputs_of(c.spec)}
    at = cells[0].at
    trained = f"{at.trained_on} seed {at.seed}" if at.seed is not None else at.trained_on
    return PlannedJob(
        f"evaluate-{(last or base).removeprefix('tune-')}",
        f"evaluate {at.model}" + (f" tuned on {trained}" if trained else ""),
        EvaluateSpec(base, tuple(cell.spec for cell in cells)),
        tuple(cell.key for cell in cells),
        tuple(needs),
        tuple(inputs),
        costs.evaluate(cells),
    )


def _interleaved(tunings: list[PlannedJob], evaluations: list[PlannedJob]) -> list[PlannedJob]:
    """Evaluations that wait for nothing first, then each tuning before its evaluation: rows fill in one by one."""
    jobs = [job for job in evaluations if not set(job.needs) & {tuning.id for tuning in tunings}]
    for tuning in tunings:
        jobs += [tuning, *(job for job in evaluations if tuning.id in job.needs)]
    return jobs
