"""The container engine of this machine: where it listens, what it is, and what its errors mean to a user."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kit.errors import DataError, EnvironmentError_, Where

Kind = Literal["docker", "podman"]

_LOCAL = ("unix://", "npipe://")
_TIMEOUT = 60


@dataclass(frozen=True)
class Engine:
    """An engine that has answered. `client` is a `docker.DockerClient`; `address` and `why` say which and why it."""

    client: Any
    kind: Kind
    id: str
    address: str
    why: str
    rootless: bool = False


def connect(wanted: Kind | None = None) -> Engine:
    """The engine of this machine: `DOCKER_HOST`, else Docker's current context, else the usual sockets.

    Args:
        wanted: `podman` looks for Podman's socket first where no `DOCKER_HOST` is set.

    Raises:
        EnvironmentError_: none answers, or it is on another machine, whose files are not ours.
    """
    import docker

    address, why = locate(os.environ, wanted)
    if not address.startswith(_LOCAL):
        raise EnvironmentError_(
            f"the engine {address} ({why}) is not on this machine, and would not see its files",
            remedy="use an engine of this machine (docker context use default), or run the kit over there",
        )
    with engine_errors(address):
        client = docker.DockerClient(base_url=address, version="auto", timeout=_TIMEOUT)
        client.ping()
        names = [part.get("Name", "") for part in client.version().get("Components") or ()]
        facts = client.info()
    kind: Kind = "podman" if any("podman" in name.lower() for name in names) else "docker"
    if wanted and kind != wanted:
        raise EnvironmentError_(
            f"the engine at {address} ({why}) is {kind}, not {wanted}",
            remedy=f"choose --executor {kind}, or set DOCKER_HOST to the socket of {wanted}",
        )
    rootless = any("rootless" in option for option in facts.get("SecurityOptions") or ())
    # Podman makes up a new id at each start; its socket tells as much.
    identity = address if kind == "podman" else str(facts.get("ID", ""))
    return Engine(client, kind, identity, address, why, rootless)


def locate(environment: Mapping[str, str], wanted: Kind | None = None) -> tuple[str, str]:
    """The address of the engine to use, and why it is this one.

    Raises:
        DataError: the current context's file is damaged. EnvironmentError_: there is no such context.
    """
    if host := environment.get("DOCKER_HOST"):
        return host, "DOCKER_HOST"
    if wanted == "podman":
        return f"unix://{_podman_socket(environment)}", "Podman's socket"
    if found := _of_context(environment):
        return found
    docker_socket, podman_socket = Path("/var/run/docker.sock"), _podman_socket(environment)
    if wanted is None and not docker_socket.exists() and podman_socket.exists():
        return f"unix://{podman_socket}", "Podman's socket"
    return f"unix://{docker_socket}", "the usual socket"


def _podman_socket(environment: Mapping[str, str]) -> Path:
    own = Path(environment.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")) / "podman" / "podman.sock"
    return own if own.exists() else Path("/run/podman/podman.sock")


def _of_context(environment: Mapping[str, str]) -> tuple[str, str] | None:
    """The endpoint of Docker's current context, None for the default one."""
    home = Path(
        environment.get("DOCKER_CONFIG") or Path(environment.get("HOME", "~")).expanduser() / ".docker"
    )
    name = environment.get("DOCKER_CONTEXT") or _read(home / "config.json").get("currentContext") or "default"
    if name == "default":
        return None
    meta = home / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json"
    host = _read(meta).get("Endpoints", {}).get("docker", {}).get("Host")
    if not host:
        raise EnvironmentError_(
            f"Docker's current context {name!r} is not there",
            remedy="docker context ls; docker context use default",
        )
    return str(host), f"Docker's context {name!r}"


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise DataError(
            f"Docker's configuration cannot be read: {problem}",
            where=Where(str(path)),
            remedy="mend the file",
        ) from problem
    return value if isinstance(value, dict) else {}


class EngineAway(EnvironmentError_):
    """The engine does not answer (any more)."""


@contextlib.contextmanager
def engine_errors(address: str = "") -> Iterator[None]:
    """Turns what the engine and its client raise into errors for users; `EngineAway` where it does not answer."""
    import docker
    import requests

    try:
        yield
    except docker.errors.APIError as problem:
        message, remedy = explain(str(problem.explanation or problem))
        raise EnvironmentError_(message, remedy=remedy) from problem
    except (docker.errors.DockerException, requests.RequestException) as problem:
        where = f" at {address}" if address else ""
        raise EngineAway(
            f"no container engine answers{where}: {str(problem).splitlines()[0][:200]}",
            remedy=_start_it(problem),
        ) from problem


def _start_it(problem: Exception) -> str:
    if "Permission denied" in str(problem):
        return "your user may not speak to it: join its group (usermod -aG docker USER), or use Podman"
    return "start it (systemctl start docker, or podman system service), or choose --executor local"


def explain(text: str) -> tuple[str, str]:
    """What an engine's refusal means, and its remedy. Pure."""
    low = text.lower()
    if "could not select device driver" in low or "nvidia" in low or "cdi" in low.split():
        return (
            f"the engine cannot give a container a GPU ({text.strip()[:160]})",
            "install nvidia-container-toolkit, run: nvidia-ctk runtime configure --runtime=docker, and restart the "
            "engine; or use the CPU: --set resources.device=cpu",
        )
    if "no space left" in low:
        return f"the engine's disk is full: {text}", "free some space: docker system df, docker image prune"
    if "no such image" in low or "image not known" in low:
        return f"the engine has lost the image: {text}", "make it again: xlt-kit image build"
    if "is already in use" in low:
        return f"a container of this job is there already: {text}", "xlt-kit stop, then run again"
    if "bind source path does not exist" in low or "invalid mount config" in low:
        return (
            f"a folder of the job is not there for the engine: {text}",
            "was it moved or removed meanwhile?",
        )
    return f"the engine refuses: {text}", "look at the engine's log (journalctl -u docker)"


@contextlib.contextmanager
def already_gone() -> Iterator[None]:
    """Passes over what the engine says of a container that has ended or was removed meanwhile."""
    import docker

    try:
        yield
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as problem:
        # 409: not running, or its removal is under way; Podman says 500 of a container that has ended.
        if problem.status_code != 409 and "running" not in str(problem.explanation):
            raise
