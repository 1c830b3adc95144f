"""What a recipe will do and take, before it is started: the same words for the command line and the screen."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kit.api.planning import Prepared, gpus_here, prepare, slots_here
from kit.api.workspace import Workspace
from kit.errors import KitError
from kit.executors.gpus import Gpu, visible
from kit.manifest import hardware
from kit.plan import PlannedJob, WantedCell, reason
from kit.report.units import duration

_LARGE = 100_000_000
_TENTH = 0.05


@dataclass(frozen=True)
class Need:
    """One thing that a plan takes, and what this machine has of it; `enough` is None where nothing is compared."""

    what: str
    takes: str
    here: str
    enough: bool | None = None


def needs(workspace: Workspace, prepared: Prepared) -> list[Need]:
    """Memory, disk, GPU and time of the jobs that are missing, against this machine; empty where nothing is."""
    jobs = prepared.plan.jobs
    if not jobs:
        return []
    resources = prepared.loaded.recipe.resources
    gpus = [] if resources.device == "cpu" else visible(gpus_here(), os.environ)
    memory = max(job.cost.memory_gb for job in jobs)
    disk = sum(job.cost.disk_gb for job in jobs)
    have = float(hardware()["memory_gb"])
    room = shutil.disk_usage(workspace.home).free / 1e9
    found = [
        Need("memory", f"{memory:.1f} GB a job", f"{have:.0f} GB", memory <= have),
        Need("disk", f"{disk:.2f} GB", f"{room:.0f} GB free", disk <= room),
        _gpu_need(resources.device, gpus, memory),
    ]
    return [*found, _time_need(jobs, slots_here(resources))]


@dataclass(frozen=True)
class Work:
    """Hours of work that are left of a recipe, by its plan, on one GPU or on one slot of the CPU."""

    hours: float
    on: Literal["GPU", "CPU"]

    def __str__(self) -> str:
        return (
            f"about {self.hours:.1f} {self.on}-hours"
            if self.hours >= _TENTH
            else f"minutes of {self.on} time"
        )


def work_left(workspace: Workspace, recipe: Path) -> Work | None:
    """What is left of a recipe; nothing is fetched, and None is told where it cannot be planned without.

    A recipe that leaves the device open and has a model of a size that one would not put on a CPU is priced on a GPU,
    whatever this machine has.
    """
    near = replace(workspace, offline=True)
    try:
        prepared = prepare(near, recipe, fetch=False)
        sizes = [model.wanted.parameters or 0 for model in prepared.inputs.models]
        gpu = prepared.loaded.recipe.resources.device != "cpu" and max(sizes) >= _LARGE
        if gpu:
            prepared = prepare(near, recipe, fetch=False, device="cuda")
    except KitError:
        return None
    return Work(sum(job.cost.seconds for job in prepared.plan.jobs) / 3600, "GPU" if gpu else "CPU")


def reasons(prepared: Prepared) -> dict[str, str]:
    """Why each missing cell is missing, by key."""
    missing = [c for c in prepared.plan.demand.wanted.cells if c.key in prepared.plan.missing]
    stored = list(prepared.store.cell_facts()) if missing else []
    return {cell.key: reason(cell, stored) for cell in missing}


def preview(workspace: Workspace, prepared: Prepared) -> list[str]:
    """Lines on what a recipe asks for, what is there, what will run and why, and what it will cost."""
    plan, recipe = prepared.plan, prepared.loaded.recipe
    total = len({cell.key for cell in plan.demand.wanted.cells})
    lines = [f"{recipe.name}: {total} cells, {plan.stored} stored, {len(plan.missing)} to compute"]
    for model in prepared.inputs.models:
        where = _where(model.path is not None, model.wanted.spec is not None)
        lines.append(f"  model {model.wanted.name}: {where}")
    for name, slices in (("train", prepared.inputs.train), ("evaluate", prepared.inputs.evaluate)):
        lines += [f"  {name} {s.dataset}/{s.language}/{s.split}: {s.items} items" for s in slices]
    for prompt, shots in prepared.inputs.shots.items():
        lines += [
            f"  prompt {prompt}, {s.asked.dataset}/{s.asked.language}/{s.asked.split}: {s.asked.items} items "
            f"behind {s.items} shots"
            for s in shots
        ]
    if not plan.jobs:
        return [*lines, "nothing to run: every cell is in the store"]
    lines += ["", "will run:"]
    cells, why = {cell.key: cell for cell in plan.demand.wanted.cells}, reasons(prepared)
    for job in plan.jobs:
        cost = f"about {duration(job.cost.seconds)}, {job.cost.memory_gb:.1f} GB memory"
        lines += [f"  {job.title}  ({cost})", *(f"    {text}" for text in _why(job, cells, why))]
    lines.append("")
    for need in needs(workspace, prepared):
        here = f"; here {need.here}" if need.here else ""
        lines.append(f"{need.what:7} {need.takes}{here}{'  NOT ENOUGH' if need.enough is False else ''}")
    return [*lines, f"basis   {'; '.join(dict.fromkeys(job.cost.basis for job in plan.jobs))}"]


def _gpu_need(device: str, gpus: list[Gpu], memory: float) -> Need:
    takes = {"cpu": "none", "cuda": f"one, {memory:.1f} GB", "auto": "used if there"}[device]
    if device == "cpu":
        return Need("GPU", takes, "")
    if not gpus:
        return Need("GPU", takes, "none", False if device == "cuda" else None)
    smallest = min(gpu.memory for gpu in gpus) / 1e9
    many = f"{len(gpus)} × " if len(gpus) > 1 else ""
    return Need("GPU", takes, f"{many}{gpus[0].name}, {smallest:.0f} GB", memory <= smallest)


def _time_need(jobs: tuple[PlannedJob, ...], slots: int) -> Need:
    """On all slots together: no less than the longest chain of jobs that wait for one another."""
    chain: dict[str, float] = {}
    for job in jobs:  # in an order that respects needs
        chain[job.id] = job.cost.seconds + max((chain.get(need, 0.0) for need in job.needs), default=0.0)
    total = sum(job.cost.seconds for job in jobs)
    shared = max(total / slots, *chain.values())
    at_a_time = f"{slots} at a time" if slots > 1 else "one at a time"
    return Need("time", f"{duration(total)} of work", f"{duration(shared)}, {at_a_time}")


def _where(here: bool, pretrained: bool) -> str:
    if here:
        return "here"
    return "will be pre-trained" if pretrained else "not here yet; run fetches it"


def _why(job: PlannedJob, cells: dict[str, WantedCell], reasons: dict[str, str]) -> list[str]:
    counts = Counter(reasons[key] for key in job.keys if key in cells)
    return [f"{count} cells: {text}" for text, count in counts.most_common(4)]
