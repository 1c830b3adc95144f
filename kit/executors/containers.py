"""Which containers are ours, and which of them nobody needs any more."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from kit.executors.engine import Engine, already_gone, engine_errors
from kit.jobdir import JobFolder, SpecError

LABEL = "xlt-kit.job"
"""On every container of ours; its value is the job's folder."""
RUN_LABEL = "xlt-kit.run"
USER_LABEL = "xlt-kit.user"
"""The number of the user who started it: an engine is shared, and others' containers are not ours."""

_LIVING = ("running", "paused", "restarting")


@dataclass(frozen=True)
class Container:
    """A container of ours. `created` is in seconds since the epoch."""

    id: str
    name: str
    folder: Path
    run: str
    created: float
    running: bool


def owned(engine: Engine) -> list[Container]:
    """Every container that a kit of this user has made in this engine."""
    with engine_errors(engine.address):
        found = engine.client.api.containers(
            all=True, filters={"label": [LABEL, f"{USER_LABEL}={os.getuid()}"]}
        )
    return [
        Container(
            id=one["Id"],
            name=one["Names"][0].lstrip("/") if one.get("Names") else one["Id"][:12],
            folder=Path(one["Labels"][LABEL]),
            run=one["Labels"].get(RUN_LABEL, ""),
            created=float(one["Created"]),
            running=one["State"] in _LIVING,
        )
        for one in found
    ]


def left_over(container: Container) -> str:
    """Why nobody needs a container any more, in a few words; empty where it is at work or its end is still read.

    An ended one without a result is evidence, until its run has gone on.
    """
    if not container.folder.is_dir():
        return "its job's folder is gone"
    if container.running:
        return ""
    try:
        done = JobFolder(container.folder).result() is not None
    except (OSError, ValueError, SpecError):
        done = True
    return "its job has ended" if done else "it ended without a result"


def remove(engine: Engine, container: Container) -> None:
    """Remove a container, ended or not."""
    with engine_errors(engine.address), already_gone():
        engine.client.api.remove_container(container.id, force=True)
