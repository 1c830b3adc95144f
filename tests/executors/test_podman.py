"""The suite of behaviour against Podman, through its Docker-compatible socket."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.docker import ContainerExecutor
from kit.executors.engine import Engine, connect
from tests.executors.conformance import Conformance
from tests.executors.engines import (
    QUICK,
    containers_under,
    copied_image,
    make_quick_image,
    podman_service,
    this_engine,
)
from tests.executors.test_docker import SLOTS

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    docker = this_engine()
    make_quick_image(docker.client)
    with podman_service(Path(tempfile.mkdtemp(prefix="xlt-kit-podman-"))) as address:
        monkey = pytest.MonkeyPatch()
        monkey.setenv("DOCKER_HOST", address)
        try:
            found = connect("podman")
            copied_image(docker.client, found.client, QUICK)
            with pytest.raises(EnvironmentError_, match="is podman, not docker"):
                connect("docker")
            yield found
        finally:
            monkey.undo()


@pytest.fixture
def executor(engine: Engine, tmp_path: Path) -> Iterator[ContainerExecutor]:
    executor = ContainerExecutor(engine, SLOTS, QUICK, memory_bytes=1 << 30)
    yield executor
    executor.tidy([path for path in tmp_path.glob("*") if path.is_dir()])
    assert not containers_under(engine, tmp_path)


class TestConformance(Conformance):
    pass


def test_a_container_is_locked_up(executor: ContainerExecutor, engine: Engine, tmp_path: Path) -> None:
    assert executor.name == "podman"
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    host = engine.client.api.inspect_container(handle.id)["HostConfig"]
    assert host["ReadonlyRootfs"] and host["NetworkMode"] == "none" and not host["Privileged"]
    assert host["PidsLimit"] and host["Memory"] == 1 << 30

    def inside(code: str) -> int:
        run = engine.client.api.exec_create(handle.id, ["python3", "-c", code])
        engine.client.api.exec_start(run["Id"])
        return int(engine.client.api.exec_inspect(run["Id"])["ExitCode"])

    assert inside("open('/opt/kit/x', 'w')") != 0
    assert inside("import socket; socket.create_connection(('1.1.1.1', 53), 2)") != 0
    assert inside("open('/tmp/x', 'w').write('x')") == 0
    none = "assert '0000000000000000' in open('/proc/self/status').read().split('CapEff:')[1].splitlines()[0]"
    assert inside(none) == 0
    executor.cancel([handle], grace=2)
