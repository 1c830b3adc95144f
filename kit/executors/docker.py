"""Jobs as containers of a Docker engine (or of Podman, through its Docker-compatible socket).

A container sees the paths of its job under their own names: the job's folder writable, each input read-only, and
nothing else of the host. Its root is read-only, it has no capabilities and no network, and runs as the calling user.
Its log goes into the job's folder, so that whoever sees the folder can follow it, whichever kit started it.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kit import __version__
from kit.errors import EnvironmentError_
from kit.jobdir import Handle, JobFolder
from kit.schedule.executor import EngineState, Slot, Submission

LABEL = "xlt-kit.job"
"""On every container of ours; its value is the job's folder."""

_RUN = 'exec python -m kit.job "$1" >> "$1/log.txt" 2>&1'
_PIDS = 1024
_SHM_BYTES = 1 << 30
_TMP = "rw,nosuid,nodev,size=2g,mode=1777"


class DockerExecutor:
    """Runs `python -m kit.job FOLDER` in containers of one image. Implements `kit.schedule.Executor`."""

    name = "docker"
    grace = 5.0

    def __init__(self, slots: tuple[Slot, ...], image: str, memory_bytes: int | None = None) -> None:
        """Use the given slots and image; `memory_bytes` limits each container.

        Raises:
            EnvironmentError_: no engine answers, it lacks the image, or the image is of another kit.
        """
        self.slots = slots
        self.image = image
        self.details: dict[str, str] = {}
        self._memory = memory_bytes
        self._client = connect()
        if slots:
            self.details = {"image": image, "digest": check_image(self._client, image)}

    def submit(self, jobs: Sequence[Submission]) -> list[Handle]:
        """Start each job in a container of its own.

        Raises:
            EnvironmentError_: the engine refuses; the error says why, and nothing is left behind.
        """
        return [self._start(job) for job in jobs]

    def poll(self, handles: Sequence[Handle]) -> list[EngineState]:
        """`running` while the container runs; one question to the engine for all."""
        running = {container["Id"] for container in self._listed(running=True)}
        return ["running" if handle.id in running else "gone" for handle in handles]

    def find(self, folders: Sequence[Path]) -> list[Handle | None]:
        """By the label that every container of ours bears."""
        found = {
            container["Labels"][LABEL]: Handle(self.name, container["Id"], float(container["Created"]))
            for container in (self._listed(running=True) if folders else ())
        }
        return [found.get(str(folder)) for folder in folders]

    def cancel(self, handles: Sequence[Handle], grace: float) -> None:
        """SIGTERM to each container, after `grace` seconds SIGKILL; then they are removed."""
        with engine_errors():
            for handle in handles:
                with already_gone():
                    self._client.api.kill(handle.id, "SIGTERM")
            end = time.monotonic() + grace
            while time.monotonic() < end and "running" in self.poll(handles):
                time.sleep(0.05)
            for handle in handles:
                with already_gone():
                    self._client.api.remove_container(handle.id, force=True)

    def tidy(self) -> list[str]:
        """Remove containers of ours that have ended; returns their names."""
        gone = []
        with engine_errors():
            for container in self._listed(running=False):
                with already_gone():
                    self._client.api.remove_container(container["Id"], force=False)
                    gone.append(container["Names"][0].lstrip("/"))
        return gone

    def _start(self, job: Submission) -> Handle:
        folder = JobFolder(job.folder)
        self.tidy()
        with engine_errors():
            container = self._client.api.create_container(
                self.image,
                entrypoint=["sh", "-c", _RUN, "job", str(job.folder)],
                name=_name(job.folder),
                user=f"{os.getuid()}:{os.getgid()}",
                working_dir=str(job.folder),
                environment=_environment(job.slot),
                labels={LABEL: str(job.folder), "xlt-kit.version": __version__},
                host_config=self._host_config(job, folder),
                network_disabled=True,
            )
            try:
                self._client.api.start(container["Id"])
            except Exception:
                self._client.api.remove_container(container["Id"], force=True)
                raise
        handle = Handle(self.name, container["Id"], time.time(), "", job.slot.name)
        try:
            folder.write_handle(handle)
        except OSError:
            self.cancel([handle], 0)  # nobody would find it again
            raise
        return handle

    def _host_config(self, job: Submission, folder: JobFolder) -> Any:
        from docker.types import DeviceRequest, Mount

        inputs = sorted({str(_mountable(Path(path))) for path in folder.spec().inputs.values()})
        mounts = [Mount(str(job.folder), str(job.folder), "bind")]
        mounts += [Mount(path, path, "bind", read_only=True) for path in inputs]
        gpus = (
            []
            if job.slot.gpu is None
            else [DeviceRequest(device_ids=[str(job.slot.gpu)], capabilities=[["gpu"]])]
        )
        return self._client.api.create_host_config(
            mounts=mounts,
            read_only=True,
            tmpfs={"/tmp": _TMP},
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            network_mode="none",
            pids_limit=_PIDS,
            mem_limit=self._memory,
            shm_size=_SHM_BYTES,
            init=True,
            device_requests=gpus or None,
        )

    def _listed(self, running: bool) -> list[dict[str, Any]]:
        status = ["running", "created", "paused", "restarting"] if running else ["exited", "dead"]
        with engine_errors():
            found: list[dict[str, Any]] = self._client.api.containers(
                all=True, filters={"label": [LABEL], "status": status}
            )
        return found


def connect() -> Any:
    """A client of the engine that `DOCKER_HOST` or the system's socket names.

    Raises:
        EnvironmentError_: none answers, or it is on another machine, whose files are not ours.
    """
    import docker

    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith(("unix://", "npipe://")):
        raise EnvironmentError_(
            f"the engine {host} is on another machine, which does not see the files of this one",
            remedy="use an engine of this machine (unset DOCKER_HOST), or run the kit over there",
        )
    with engine_errors():
        client = docker.from_env(timeout=60)
        client.ping()
    return client


def check_image(client: Any, image: str) -> str:
    """The digest of an image; raises EnvironmentError_ where the engine lacks it, or it is of another kit."""
    import docker

    with engine_errors():
        try:
            found = client.images.get(image)
        except docker.errors.ImageNotFound:
            raise EnvironmentError_(
                f"the engine has no image {image}", remedy="make it: xlt-kit image build"
            ) from None
    version = found.labels.get("xlt-kit.version")
    if version != __version__:
        raise EnvironmentError_(
            f"the image {image} is of xlt-kit {version or '(none)'}, this is {__version__}",
            remedy="make it again: xlt-kit image build",
        )
    return str(found.id)


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Turns what the engine and its client raise into errors for users."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as problem:
        message, remedy = explain(str(problem.explanation or problem))
        raise EnvironmentError_(message, remedy=remedy) from problem
    except (docker.errors.DockerException, requests.RequestException) as problem:
        raise EnvironmentError_(
            f"no Docker engine answers: {str(problem).splitlines()[0][:200]}",
            remedy="start it (systemctl start docker), or choose --executor local",
        ) from problem


def explain(text: str) -> tuple[str, str]:
    """What an engine's refusal means, and its remedy. Pure."""
    if "could not select device driver" in text or "nvidia" in text.lower():
        return (
            "the engine cannot give a container a GPU: the NVIDIA container toolkit is missing",
            "install nvidia-container-toolkit and run: nvidia-ctk runtime configure --runtime=docker",
        )
    if "no space left" in text.lower():
        return f"the engine's disk is full: {text}", "free some space: docker system df, docker image prune"
    if "is already in use" in text:
        return f"a container of this job is there already: {text}", "xlt-kit stop, then run again"
    return f"the engine refuses: {text}", "look at the engine's log"


@contextlib.contextmanager
def already_gone() -> Iterator[None]:
    """Passes over what the engine says of a container that has ended or was removed meanwhile."""
    import docker

    try:
        yield
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as problem:
        if problem.status_code != 409:
            raise


def _name(folder: Path) -> str:
    """`xlt-kit-<run>-<job>-<moment>`: for people; containers are found by their label."""
    text = f"xlt-kit-{folder.parent.parent.name}-{folder.name}-{time.time_ns():x}"
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in text)


def _mountable(path: Path) -> Path:
    """The path that must be seen for an input to be read: the hub's snapshots are links into a folder beside them."""
    return path.parent.parent if path.parent.name == "snapshots" else path


def _environment(slot: Slot) -> dict[str, str]:
    return {
        "OMP_NUM_THREADS": str(slot.threads),
        "MKL_NUM_THREADS": str(slot.threads),
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 32),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 34),
    } | ({"CUDA_VISIBLE_DEVICES": ""} if slot.gpu is None else {})
