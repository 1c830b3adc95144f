"""The NVIDIA GPUs of this machine, as its driver's own tool names them: here, or inside a container."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.errors import EnvironmentError_
from kit.executors.engine import Engine, engine_errors

_QUERY = (
    "nvidia-smi",
    "--query-gpu=index,uuid,memory.total,driver_version,name",
    "--format=csv,noheader,nounits",
)


@dataclass(frozen=True)
class Gpu:
    """One GPU: `memory` in bytes, `driver` the version of the kernel's driver."""

    index: int
    uuid: str
    memory: int
    driver: str
    name: str


def parse(text: str) -> list[Gpu]:
    """The GPUs in the answer of nvidia-smi; lines that are none are passed over. Pure."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",", 4)]
        if len(cells) == 5 and cells[0].isdigit():
            megabytes = int(cells[2]) if cells[2].isdigit() else 0
            found.append(Gpu(int(cells[0]), cells[1], megabytes << 20, cells[3], cells[4]))
    return found


def of_host() -> list[Gpu]:
    """The GPUs that this machine's nvidia-smi lists; none where there is no driver."""
    if not shutil.which(_QUERY[0]):
        return []
    try:
        answer = subprocess.run(_QUERY, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse(answer.stdout)


def may_be_there(engine: Engine) -> bool:
    """Whether the machine or its engine shows a sign of GPUs."""
    if shutil.which(_QUERY[0]):
        return True
    with engine_errors(engine.address):
        return gives_gpus(engine.client.info())


def gives_gpus(facts: Mapping[str, Any]) -> bool:
    """Whether what an engine says of itself names NVIDIA's runtime, or NVIDIA's devices (CDI). Pure."""
    devices = facts.get("DiscoveredDevices") or ()
    return "nvidia" in (facts.get("Runtimes") or {}) or any("nvidia" in str(device) for device in devices)


def of_engine(engine: Engine, image: str) -> list[Gpu]:
    """The GPUs that the engine gives to a container of this image, which runs nvidia-smi and is removed.

    Raises:
        EnvironmentError_: the engine cannot give GPUs; the remedy names the toolkit.
    """
    import docker
    from docker.types import DeviceRequest

    with engine_errors(engine.address):
        try:
            answer = engine.client.containers.run(
                image,
                entrypoint=list(_QUERY),
                command=[],
                device_requests=[DeviceRequest(count=-1, capabilities=[["gpu"]])],
                network_mode="none",
                read_only=True,
                cap_drop=["ALL"],
                security_opt=["no-new-privileges"],
                remove=True,
            )
        except docker.errors.ContainerError as problem:
            said = (problem.stderr or b"").decode("utf-8", "replace").strip()
            raise EnvironmentError_(
                f"the driver does not answer inside a container: {said or problem.exit_status}",
                remedy="try: docker run --rm --gpus all IMAGE nvidia-smi; see docs/containers.md",
            ) from problem
    return parse(answer.decode("utf-8", "replace"))


def visible(gpus: Sequence[Gpu], environment: Mapping[str, str]) -> list[Gpu]:
    """Those that `CUDA_VISIBLE_DEVICES` leaves, in its order; all where it is not set. Pure."""
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return list(gpus)
    chosen: list[Gpu] = []
    for word in (word.strip() for word in wanted.split(",")):
        if word.startswith("MIG-") and gpus:
            chosen.append(Gpu(len(chosen), word, 0, gpus[0].driver, "a share of a GPU (MIG)"))
            continue
        match = [g for g in gpus if str(g.index) == word or (len(word) > 4 and g.uuid.startswith(word))]
        if len(match) != 1:
            break  # as CUDA does: what follows a name that it does not know is not visible
        chosen += match
    return chosen
