"""Reads: job folders.
Writes: handles; starts, polls and cancels the processes behind them.
"""

from kit.errors import EnvironmentError_
from kit.executors.docker import ContainerExecutor
from kit.executors.engine import connect
from kit.executors.local import LocalExecutor
from kit.executors.site import Site, find_site
from kit.executors.slurm import SlurmExecutor
from kit.schedule.executor import Executor

__all__ = [
    "ContainerExecutor",
    "LocalExecutor",
    "Site",
    "SlurmExecutor",
    "connect",
    "executor_named",
    "find_site",
]


def executor_named(name: str) -> Executor:
    """The executor whose name stands in a handle, without slots: it finds and ends jobs, and starts none.

    Raises:
        EnvironmentError_: this kit has none of that name, or its engine does not answer.
    """
    if name == "docker":
        return ContainerExecutor(connect("docker"))
    if name == "podman":
        return ContainerExecutor(connect("podman"))
    if name == SlurmExecutor.name:
        return SlurmExecutor((), Site())
    if name != LocalExecutor.name:
        raise EnvironmentError_(
            f"a job of this run was started by the executor {name!r}, which this kit does not have",
            remedy="upgrade xlt-kit",
        )
    return LocalExecutor(())
