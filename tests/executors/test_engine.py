"""Which engine is meant, and what its refusals mean."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from pathlib import Path

import pytest

from kit.errors import DataError, EnvironmentError_
from kit.executors.engine import EngineAway, connect, explain, locate
from kit.executors.states import ended_as
from kit.schedule.endings import Ended


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    return tmp_path


def context(config: Path, name: str, host: str) -> None:
    folder = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    facts = {"Name": name, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (folder / "meta.json").write_text(json.dumps(facts))


def test_docker_host_goes_before_all(config: Path) -> None:
    context(config, "lab", "unix:///run/lab.sock")
    both = {"DOCKER_HOST": "unix:///x.sock", "DOCKER_CONFIG": str(config)}
    assert locate(both) == ("unix:///x.sock", "DOCKER_HOST")
    assert locate(both, "podman") == ("unix:///x.sock", "DOCKER_HOST")


def test_the_current_context_is_heeded(config: Path) -> None:
    context(config, "lab", "unix:///run/lab.sock")
    context(config, "other", "unix:///run/other.sock")
    own = {"DOCKER_CONFIG": str(config)}
    assert locate(own) == ("unix:///run/lab.sock", "Docker's context 'lab'")
    assert locate({**own, "DOCKER_CONTEXT": "other"})[0] == "unix:///run/other.sock"
    assert locate({**own, "DOCKER_CONTEXT": "default"})[1] == "the usual socket"
    home = config / "home"
    (home / ".docker").mkdir(parents=True)
    assert locate({"HOME": str(home)})[1] in ("the usual socket", "Podman's socket")


def test_a_context_that_is_not_there_or_damaged_is_named(config: Path) -> None:
    with pytest.raises(EnvironmentError_, match="context 'lab' is not there"):
        locate({"DOCKER_CONFIG": str(config)})
    (config / "config.json").write_text("{")
    with pytest.raises(DataError, match="configuration cannot be read"):
        locate({"DOCKER_CONFIG": str(config)})


def test_podman_is_found_by_its_socket(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman" / "podman.sock").touch()
    address, why = locate({"XDG_RUNTIME_DIR": str(tmp_path)}, "podman")
    assert address == f"unix://{tmp_path}/podman/podman.sock" and why == "Podman's socket"


@pytest.mark.parametrize("host", ["tcp://10.0.0.1:2375", "ssh://me@there", "tcp://localhost:2375"])
def test_an_engine_elsewhere_is_refused(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(EnvironmentError_, match="is not on this machine"):
        connect()


def test_no_engine_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineAway, match="no container engine answers at") as away:
        connect()
    assert "--executor local" in (away.value.remedy or "")


def test_what_is_no_engine_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()

        def answer() -> None:
            for _ in range(3):
                peer, _ = server.accept()
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
                peer.close()

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        with pytest.raises(EnvironmentError_):
            connect()


@pytest.mark.parametrize(
    ("text", "means", "remedy"),
    [
        (
            'could not select device driver "" with capabilities: [[gpu]]',
            "cannot give a container a GPU",
            "nvidia-ctk",
        ),
        ("nvidia-container-cli: initialization error", "cannot give a container a GPU", "toolkit"),
        ("write /var/lib: no space left on device", "disk is full", "prune"),
        ("No such image: xlt-kit-job:0.1.0-cpu", "lost the image", "image build"),
        ("xlt: image not known", "lost the image", "image build"),
        ('Conflict. The container name "/x" is already in use', "there already", "stop"),
        ("bind source path does not exist: /a/b", "folder of the job is not there", "moved"),
        ("something else", "the engine refuses: something else", "engine's log"),
    ],
)
def test_refusals_are_told_apart(text: str, means: str, remedy: str) -> None:
    message, way_out = explain(text)
    assert means in message and remedy in way_out


@pytest.mark.parametrize(
    ("state", "away", "ended"),
    [
        ({"ExitCode": 137, "OOMKilled": True}, False, Ended("memory", 137, "2.0 GB")),
        ({"ExitCode": 137, "OOMKilled": True}, True, Ended("memory", 137, "2.0 GB")),
        ({"ExitCode": 137, "OOMKilled": False}, False, Ended("signal", 9)),
        ({"ExitCode": 143}, False, Ended("signal", 15)),
        ({"ExitCode": 137}, True, Ended("engine", 137)),
        ({"ExitCode": 255}, True, Ended("engine", 255)),
        ({"ExitCode": 255}, False, Ended("exited", 255)),
        ({"ExitCode": 1}, True, Ended("exited", 1)),
        ({"ExitCode": 0}, False, Ended("exited", 0)),
        ({}, False, Ended("exited", 0)),
    ],
)
def test_the_end_of_a_container(state: dict[str, object], away: bool, ended: Ended) -> None:
    assert ended_as(state, 2_000_000_000, away) == ended
