"""Containers of a real engine: the suite of behaviour, and what a container can and cannot do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.containers import LABEL, USER_LABEL
from kit.executors.docker import ContainerExecutor
from kit.executors.engine import Engine
from kit.jobdir import JobFolder
from kit.schedule import Slot, Submission
from tests.executors.conformance import Conformance, job_spec, wait_for
from tests.executors.engines import BASE, containers_under, make_quick_image, this_engine

pytestmark = pytest.mark.docker
SLOTS = (Slot("cpu0", "cpu"), Slot("cpu1", "cpu"))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return this_engine()


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return make_quick_image(engine.client)


@pytest.fixture
def executor(engine: Engine, image: str, tmp_path: Path) -> Iterator[ContainerExecutor]:
    executor = ContainerExecutor(engine, SLOTS, image, memory_bytes=1 << 30)
    yield executor
    executor.tidy([path for path in tmp_path.glob("*") if path.is_dir()])
    assert not containers_under(engine, tmp_path)


class TestConformance(Conformance):
    pass


def test_a_container_is_locked_up(executor: ContainerExecutor, engine: Engine, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    client = engine.client
    facts = client.api.inspect_container(handle.id)
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["NetworkMode"] == "none"
    assert "no-new-privileges" in host["SecurityOpt"] and not host["Privileged"]
    assert not [mount for mount in facts["Mounts"] if "docker.sock" in mount["Source"]]
    assert host["PidsLimit"] and host["Memory"] == 1 << 30
    assert [mount["Destination"] for mount in facts["Mounts"] if mount["RW"]] == [str(tmp_path / "job")]

    def inside(code: str) -> tuple[int, str]:
        run = client.api.exec_create(handle.id, ["python3", "-c", code])
        said = client.api.exec_start(run["Id"]).decode()
        return int(client.api.exec_inspect(run["Id"])["ExitCode"]), said

    assert inside("open('/etc/x', 'w')")[0] != 0
    assert inside("open('/opt/kit/x', 'w')")[0] != 0
    assert inside("import socket; socket.create_connection(('1.1.1.1', 53), 2)")[0] != 0
    assert inside("open('/tmp/x', 'w').write('x')")[0] == 0
    code, names = inside("import os; print(sorted(os.environ))")
    assert code == 0 and "XLT_KIT" not in names and "TOKEN" not in names
    code, status = inside("print(open('/proc/self/status').read())")
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    executor.cancel([handle], grace=2)


def test_ended_containers_are_tidied_and_strangers_left_alone(
    executor: ContainerExecutor, engine: Engine, tmp_path: Path
) -> None:
    stranger = engine.client.containers.create(BASE, ["true"], name="xlt-kit-not-ours")
    try:
        _, handle = Conformance().start(executor, tmp_path / "job", "ok")
        _, other = Conformance().start(executor, tmp_path / "other", "ok")
        wait_for(lambda: executor.poll([handle, other]) == ["gone", "gone"])
        executor.tidy([tmp_path / "job"])
        assert len(containers_under(engine, tmp_path)) == 1
        assert engine.client.containers.get(stranger.id)
    finally:
        stranger.remove(force=True)


def test_a_gpu_without_the_toolkit_names_the_remedy_and_leaves_nothing(
    image: str, engine: Engine, tmp_path: Path
) -> None:
    if "nvidia" in engine.client.info().get("Runtimes", {}):
        pytest.skip("this engine can give GPUs")
    executor = ContainerExecutor(engine, (Slot("gpu0", "cuda", "0"),), image)
    folder = JobFolder(tmp_path / "job")
    folder.write_spec(job_spec("ok"))
    with pytest.raises(EnvironmentError_, match="cannot give a container a GPU") as refusal:
        executor.submit([Submission(folder.path, executor.slots[0])])
    assert "nvidia-container-toolkit" in (refusal.value.remedy or "")
    assert not containers_under(engine, tmp_path)


def test_an_image_that_is_missing_or_of_another_kit_is_refused(engine: Engine) -> None:
    with pytest.raises(EnvironmentError_, match="has no image") as missing:
        ContainerExecutor(engine, SLOTS, "xlt-kit-job:0.1.0-cu12x")
    assert missing.value.remedy == "make it: xlt-kit image build"
    with pytest.raises(EnvironmentError_, match="is of xlt-kit"):
        ContainerExecutor(engine, SLOTS, BASE)


def test_a_container_that_was_made_but_never_started_is_no_living_job(
    executor: ContainerExecutor, engine: Engine, tmp_path: Path
) -> None:
    """As a kit leaves it that is killed between the two calls."""
    folder = tmp_path / "job"
    folder.mkdir()
    user = str(os.getuid())
    labels = {LABEL: str(folder), USER_LABEL: user}
    engine.client.containers.create(BASE, ["true"], labels=labels)
    assert executor.find([folder]) == [None]
    _, handle = Conformance().start(executor, folder, "ok")
    assert len(containers_under(engine, tmp_path)) == 1
    wait_for(lambda: executor.poll([handle]) == ["gone"])


def test_a_job_of_another_engine_is_not_taken_for_gone(executor: ContainerExecutor, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "ok")
    with pytest.raises(EnvironmentError_, match="another engine"):
        executor.poll([replace(handle, mark="ABCD:EFGH")])
    wait_for(lambda: executor.poll([handle]) == ["gone"])
