"""What the doctor says of one thing, and what several of its looks need to know."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from kit.api.workspace import Workspace
from kit.errors import KitError
from kit.executors.engine import Engine, connect, engine_errors
from kit.executors.gpus import Gpu, of_host, visible
from kit.executors.image import Image, listed

State = Literal["fine", "warning", "problem", "skipped"]

LIBRARIES = ("torch", "transformers", "peft")
"""What a job needs beside the kit; only looked for, never imported."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `problem`: something cannot work so. `skipped`: not looked at, or not needed.

    Every warning and every problem has a remedy, as a rule a command.
    """

    what: str
    state: State
    says: str
    remedy: str = ""


def of_error(what: str, problem: KitError, state: State = "problem") -> Finding:
    """An error of the kit as a finding."""
    place = f"{problem.where}: " if problem.where else ""
    return Finding(what, state, place + problem.message, problem.remedy or "see docs/doctor.md")


class Surroundings:
    """This machine as far as several looks need it; each thing is asked once, when it is first needed."""

    def __init__(self, workspace: Workspace, network: bool = True) -> None:
        self.workspace = workspace
        self.network = network and not workspace.offline

    @cached_property
    def libraries(self) -> dict[str, bool]:
        """Which of the libraries of a job are installed beside the kit."""
        return {name: importlib.util.find_spec(name) is not None for name in LIBRARIES}

    @property
    def local(self) -> bool:
        """Whether jobs can run in this Python."""
        return all(self.libraries.values())

    @cached_property
    def engine(self) -> Engine | KitError:
        """The container engine, or why there is none."""
        try:
            return connect()
        except KitError as problem:
            return problem

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the engine says of itself; empty where there is none.

        Raises:
            EnvironmentError_: it no longer answers.
        """
        if isinstance(self.engine, KitError):
            return {}
        with engine_errors(self.engine.address):
            return dict(self.engine.client.info())

    @cached_property
    def images(self) -> list[Image]:
        """Our images in the engine; none where there is no engine.

        Raises:
            EnvironmentError_: it no longer answers.
        """
        return [] if isinstance(self.engine, KitError) else listed(self.engine.client)

    @cached_property
    def gpus(self) -> list[Gpu]:
        """All GPUs that the driver lists."""
        return of_host()

    @property
    def gpus_seen(self) -> list[Gpu]:
        """Those that `CUDA_VISIBLE_DEVICES` leaves."""
        return visible(self.gpus, os.environ)
