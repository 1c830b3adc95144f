"""Which executor a recipe gets, and why."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass

from kit.api.planning import Prepared
from kit.errors import EnvironmentError_
from kit.executors import ContainerExecutor, LocalExecutor, SlurmExecutor, connect, find_site
from kit.executors.engine import Engine, EngineAway, Kind
from kit.executors.flavour import FLAVOURS, Flavour, check_driver, for_driver
from kit.executors.gpus import Gpu, may_be_there, of_engine, of_host, visible
from kit.executors.image import check, listed
from kit.executors.slots import jobs_that_fit, make_slots
from kit.recipe import Resources
from kit.schedule import Executor, Slot


@dataclass(frozen=True)
class Choice:
    """An executor, and in a few words why it is this one."""

    executor: Executor
    reason: str


def choose_executor(prepared: Prepared) -> Choice:
    """The executor and slots that the recipe's resources ask for; `auto` is local where torch is, else containers.

    Raises:
        EnvironmentError_: the machine lacks what it needs; the remedy is the command that mends it.
    """
    resources = prepared.loaded.recipe.resources
    here = importlib.util.find_spec("torch") is not None
    if resources.executor == "local" or (resources.executor == "auto" and here):
        reason = "asked for" if resources.executor == "local" else "torch is installed here"
        gpus = [] if resources.device == "cpu" else visible(of_host(), os.environ)
        return Choice(LocalExecutor(_slots(prepared, gpus)), reason)
    if resources.executor == "slurm":
        return _on_slurm(resources)
    wanted: Kind | None = None if resources.executor == "auto" else resources.executor
    engine = _connected(wanted)
    reason = "asked for" if wanted else "torch is not installed here"
    image, gpus = _image_and_gpus(engine, resources)
    executor = ContainerExecutor(engine, _slots(prepared, gpus), image, resources.memory)
    return Choice(executor, f"{reason}; {engine.why}, image {image}")


def _on_slurm(resources: Resources) -> Choice:
    """As many jobs in the queue as the site likes; each has a GPU where the recipe or the site says so."""
    site = find_site(resources.site)
    cuda = resources.device == "cuda" or (resources.device == "auto" and site.gpus is not None)
    count = site.jobs if resources.slots == "auto" else int(resources.slots)
    given = "as Slurm says" if cuda else None
    slots = tuple(
        Slot(f"slurm{at}", "cuda" if cuda else "cpu", given, resources.threads) for at in range(count)
    )
    return Choice(SlurmExecutor(slots, site), f"asked for; {f'site {site.name}' if site.name else 'no site'}")


def _connected(wanted: Kind | None) -> Engine:
    try:
        return connect(wanted)
    except EngineAway as problem:
        if wanted:
            raise
        raise EnvironmentError_(
            f"torch is not installed beside the kit, and {problem.message}",
            remedy="pip install 'xlt-kit[job]', or start Docker or Podman",
        ) from problem


def _slots(prepared: Prepared, gpus: list[Gpu]) -> tuple[Slot, ...]:
    resources = prepared.loaded.recipe.resources
    largest = max((job.cost.memory_gb for job in prepared.plan.jobs), default=1.0) * 1e9
    per_gpu = jobs_that_fit(gpus, largest) if resources.jobs_per_gpu == "auto" else resources.jobs_per_gpu
    return make_slots(resources.device, resources.slots, resources.threads, gpus, per_gpu)


def _image_and_gpus(engine: Engine, resources: Resources) -> tuple[str, list[Gpu]]:
    """The image for this machine, and the GPUs that its engine gives: none on a machine without."""
    if resources.device == "cpu" or (resources.device == "auto" and not may_be_there(engine)):
        return resources.image or FLAVOURS["cpu"].image, []
    image = resources.image or _newest(engine)
    found = check(engine.client, image)
    gpus = of_engine(engine, found.id)
    if not gpus:
        raise EnvironmentError_(
            "the engine shows no GPU to a container",
            remedy="see docs/containers.md, or use the CPU: --set resources.device=cpu",
        )
    for gpu in gpus:
        check_driver(image, found.flavour, gpu.driver)
    return image, visible(gpus, os.environ)


def _newest(engine: Engine) -> str:
    """The GPU image of the newest CUDA that this driver carries and that is there."""
    host = of_host()
    newest = for_driver(host[0].driver) if host else FLAVOURS["cu13"]
    there = {image.name for image in listed(engine.client)}
    fit: list[Flavour] = [
        flavour
        for flavour in FLAVOURS.values()
        if flavour.driver and (not host or flavour.drives(host[0].driver)) and flavour.image in there
    ]
    return (fit[-1] if fit else newest).image
