"""Reads: this machine, its engine, the home, a few answers of the network, the recipes of a folder.
Writes: the speed of this machine into the home, where it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kit.api.doctor import devices, network, places, software
from kit.api.doctor.finding import Finding, State, Surroundings, of_error
from kit.api.doctor.recipes import Fit, fits, in_order
from kit.api.doctor.speed import Speed, kept_speed, machine_factor, measure_speed, speed_finding
from kit.api.workspace import Workspace
from kit.errors import KitError

__all__ = [
    "Finding",
    "Fit",
    "Speed",
    "State",
    "Surroundings",
    "all_findings",
    "can_run",
    "examine",
    "findings",
    "fits",
    "in_order",
    "kept_speed",
    "machine_factor",
    "measure_speed",
    "speed_finding",
]

_LOOKS: dict[str, Callable[[Surroundings], Iterator[Finding]]] = {
    "python": software.python,
    "engine": software.engine,
    "jobs": software.jobs,
    "GPUs": devices.gpus,
    "NVIDIA toolkit": devices.toolkit,
    "home": places.home,
    "disk": places.disks,
    "memory": places.memory,
    "mirror": places.mirror,
    "network": network.network,
    "hub login": network.login,
}
"""Each with the name under which it is told where it could not be done."""


def findings(here: Surroundings) -> Iterator[Finding]:
    """What each look finds, as it is found; a look that fails is a finding too."""
    for what, look in _LOOKS.items():
        try:
            yield from look(here)
        except KitError as problem:
            yield of_error(what, problem)
        except (
            Exception
        ) as problem:  # a library that chokes on this machine is what the user wants to hear of
            words = problem.strerror if isinstance(problem, OSError) else None
            says = f"could not be looked at: {words or f'{type(problem).__name__}: {problem}'}"
            yield Finding(what, "warning", says, "see docs/troubleshooting.md")


def all_findings(here: Surroundings, bench: bool) -> Iterator[Finding]:
    """As `findings`, and last the speed of this machine, measured where `bench` says so, else as it was kept."""
    yield from findings(here)
    yield speed_finding(here, bench)


def examine(workspace: Workspace, network: bool = True) -> tuple[Finding, ...]:
    """All findings of this machine, without its speed and the recipes. Raises nothing for what it finds."""
    return tuple(findings(Surroundings(workspace, network)))


def can_run(found: tuple[Finding, ...] | list[Finding]) -> bool:
    """Whether jobs can run here at all, by what was found."""
    return not any(one.what == "jobs" and one.state == "problem" for one in found)
