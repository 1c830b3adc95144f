"""Jobs as containers of this machine's engine: Docker, or Podman through its Docker-compatible socket.

A container sees the paths of its job under their own names: the job's folder writable, each input read-only, and
nothing else of the host. Its root is read-only, it has no capabilities and no network, and runs as the calling user.
Its log goes into the job's folder, so that whoever sees the folder can follow it, whichever kit started it.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit import __version__
from kit.errors import EnvironmentError_
from kit.executors.containers import LABEL, RUN_LABEL, USER_LABEL, Container, owned, remove
from kit.executors.engine import Engine, EngineAway, already_gone, engine_errors
from kit.executors.image import check
from kit.executors.slots import environment
from kit.executors.states import ended_as
from kit.jobdir import Handle, JobFolder
from kit.schedule.endings import Ended
from kit.schedule.executor import EngineState, Slot, Submission

_RUN = """
python -m kit.job "$1" >> "$1/log.txt" 2>&1 & child=$!
trap 'kill -TERM "$child"' TERM
while :; do wait "$child"; code=$?; kill -0 "$child" 2>/dev/null || break; done
exit "$code"
"""
"""The job is not the first process of its container: that one would be deaf to signals that it does not handle."""
_PIDS = 1024
_LIMITS = {"nofile": (resource.RLIMIT_NOFILE, 16384), "nproc": (resource.RLIMIT_NPROC, 4096)}
"""Podman asks for more than a plain user may have; this much is enough, and no more than this process has."""
_SHM_BYTES = 1 << 30
_TMP = "rw,nosuid,nodev,size=2g,mode=1777"
_MEMORY_SHARE = 0.9
"""Of the engine's memory, for a container whose recipe sets no limit: the machine itself must go on."""


class ContainerExecutor:
    """Runs `python -m kit.job FOLDER` in containers of one image. Implements `kit.schedule.Executor`."""

    grace = 5.0
    patience = 180.0

    def __init__(
        self, engine: Engine, slots: tuple[Slot, ...] = (), image: str = "", memory_bytes: int | None = None
    ) -> None:
        """Use the given slots and image; `memory_bytes` limits each container. Without an image it starts none.

        Raises:
            EnvironmentError_: the engine lacks the image, or the image is of another kit.
        """
        self.name: str = engine.kind
        self.called = "the container engine"
        self.slots = slots
        self.details: dict[str, str] = {}
        self._engine = engine
        self._api = engine.client.api
        self._image = ""
        self._away_at = 0.0
        if image:
            found = check(engine.client, image)
            # By digest: whatever the name comes to mean meanwhile, all jobs of a run run on one image.
            self._image = found.id
            self.details = {"image": image, "digest": found.id, "flavour": found.flavour}
        self._memory = memory_bytes or self._share_of_memory()

    def submit(self, jobs: Sequence[Submission]) -> list[Handle]:
        """Start each job in a container of its own.

        Raises:
            EnvironmentError_: the engine refuses; the error says why, and nothing is left behind.
        """
        return [self._start(job) for job in jobs]

    def poll(self, handles: Sequence[Handle]) -> list[EngineState]:
        """`running` while the container runs; one question to the engine for all.

        Raises:
            EnvironmentError_: a job was started in another engine than this one.
        """
        for handle in handles:
            if handle.mark and handle.mark != self._engine.id:
                raise EnvironmentError_(
                    f"the job in container {handle.id[:12]} was started in another engine than {self._engine.address}",
                    remedy="set DOCKER_HOST (or Docker's context) as it was then, or stop the container over there",
                )
        try:
            running = {container.id for container in self._owned() if container.running}
        except EngineAway:
            self._away_at = time.time()
            return ["unknown" for _ in handles]
        return ["running" if handle.id in running else "gone" for handle in handles]

    def ended(self, handle: Handle) -> Ended:
        """From the state of the container, which stays until `tidy`."""
        import docker

        try:
            with engine_errors(self._engine.address):
                try:
                    facts = self._api.inspect_container(handle.id)
                except docker.errors.NotFound:
                    return Ended("removed")
        except EngineAway:
            return Ended("unknown")
        limit = int(facts.get("HostConfig", {}).get("Memory") or 0)
        return ended_as(facts.get("State", {}), limit, engine_was_away=self._away_at > handle.started)

    def find(self, folders: Sequence[Path]) -> list[Handle | None]:
        """By the label that every container of ours bears."""
        found = {
            container.folder: Handle(self.name, container.id, container.created, self._engine.id)
            for container in (self._owned() if folders else ())
            if container.running
        }
        return [found.get(folder) for folder in folders]

    def cancel(self, handles: Sequence[Handle], grace: float) -> None:
        """SIGTERM to each container, after `grace` seconds SIGKILL; then they are removed."""
        with engine_errors(self._engine.address):
            for handle in handles:
                with already_gone():
                    self._api.kill(handle.id, "SIGTERM")
            end = time.monotonic() + grace
            while time.monotonic() < end and "running" in self.poll(handles):
                time.sleep(0.05)
            for handle in handles:
                with already_gone():
                    self._api.remove_container(handle.id, force=True)

    def tidy(self, folders: Sequence[Path]) -> None:
        """Remove the ended containers of these folders."""
        wanted = set(folders)
        for container in self._owned():
            if container.folder in wanted and not container.running:
                remove(self._engine, container)

    def _owned(self) -> list[Container]:
        return owned(self._engine)

    def _start(self, job: Submission) -> Handle:
        folder = JobFolder(job.folder)
        self.tidy([job.folder])
        with engine_errors(self._engine.address):
            container = self._api.create_container(
                self._image,
                entrypoint=["sh", "-c", _RUN, "job", str(job.folder)],
                name=_name(job.folder),
                user=self._user(),
                working_dir=str(job.folder),
                environment=environment(job.slot),
                labels=_labels(folder),
                host_config=self._host_config(job, folder),
                network_disabled=True,
            )
            try:
                self._api.start(container["Id"])
            except Exception:
                with already_gone():
                    self._api.remove_container(container["Id"], force=True)
                raise
        handle = Handle(self.name, container["Id"], time.time(), self._engine.id, job.slot.name)
        try:
            folder.write_handle(handle)
        except OSError:
            self.cancel([handle], 0)  # nobody would find it again
            raise
        return handle

    def _host_config(self, job: Submission, folder: JobFolder) -> dict[str, Any]:
        from docker.types import DeviceRequest, Mount, Ulimit

        inputs = sorted({str(_mountable(Path(path))) for path in folder.spec().inputs.values()})
        mounts = [Mount(str(job.folder), str(job.folder), "bind")]
        mounts += [Mount(path, path, "bind", read_only=True) for path in inputs]
        gpus = (
            [] if job.slot.gpu is None else [DeviceRequest(device_ids=[job.slot.gpu], capabilities=[["gpu"]])]
        )
        podman = self._engine.kind == "podman"
        limits = _LIMITS.items() if podman else ()
        config: dict[str, Any] = self._api.create_host_config(
            mounts=mounts,
            read_only=True,
            tmpfs={"/tmp": _TMP},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            network_mode="none",
            pids_limit=_PIDS,
            mem_limit=self._memory,
            memswap_limit=self._memory,
            shm_size=_SHM_BYTES,
            ulimits=[Ulimit(name=name, soft=most, hard=most) for name, most in map(_limit, limits)],
            device_requests=gpus or None,
        )
        if podman and self._engine.rootless:
            config["UsernsMode"] = "keep-id"
        return config

    def _user(self) -> str:
        """Who the job is inside. A rootless Docker maps its root to the calling user, and nobody else."""
        if self._engine.rootless and self._engine.kind == "docker":
            return "0:0"
        return f"{os.getuid()}:{os.getgid()}"

    def _share_of_memory(self) -> int | None:
        with engine_errors(self._engine.address):
            total = int(self._engine.client.info().get("MemTotal") or 0)
        return int(total * _MEMORY_SHARE) or None


def _labels(folder: JobFolder) -> dict[str, str]:
    keys = folder.spec().keys
    return {
        LABEL: str(folder.path),
        RUN_LABEL: folder.path.parent.parent.name,
        "xlt-kit.key": keys[0] if keys else "",
        USER_LABEL: str(os.getuid()),
        "xlt-kit.version": __version__,
    }


def _name(folder: Path) -> str:
    """`xlt-kit-<run>-<job>-<moment>`: for people; containers are found by their label."""
    text = f"xlt-kit-{folder.parent.parent.name}-{folder.name}-{time.time_ns():x}"
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in text)


def _mountable(path: Path) -> Path:
    """The path that must be seen for an input to be read: the hub's snapshots are links into a folder beside them."""
    return path.parent.parent if path.parent.name == "snapshots" else path


def _limit(item: tuple[str, tuple[int, int]]) -> tuple[str, int]:
    name, (which, enough) = item
    own = resource.getrlimit(which)[0]
    return name, enough if own == resource.RLIM_INFINITY else min(enough, own)
