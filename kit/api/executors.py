"""Which executor a recipe gets, and why."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from kit.api.planning import Prepared
from kit.executors import DockerExecutor, LocalExecutor, detect_slots
from kit.executors.image import image_name
from kit.schedule import Executor


@dataclass(frozen=True)
class Choice:
    """An executor, and in a few words why it is this one."""

    executor: Executor
    reason: str


def choose_executor(prepared: Prepared) -> Choice:
    """The executor and slots that the recipe's resources ask for; `auto` is local where torch is, else docker.

    Raises:
        EnvironmentError_: the machine lacks what it needs.
    """
    resources = prepared.loaded.recipe.resources
    slots = detect_slots(resources.device, resources.slots, resources.threads)
    here = importlib.util.find_spec("torch") is not None
    if resources.executor == "local" or (resources.executor == "auto" and here):
        reason = "asked for" if resources.executor == "local" else "torch is installed here"
        return Choice(LocalExecutor(slots), reason)
    reason = "asked for" if resources.executor == "docker" else "torch is not installed here"
    flavour = "cpu" if all(slot.gpu is None for slot in slots) else "cu12"
    return Choice(DockerExecutor(slots, resources.image or image_name(flavour)), reason)
