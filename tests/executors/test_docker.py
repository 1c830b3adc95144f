"""The docker executor against a real engine: the suite of behaviour, and what a container can and cannot do."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import __version__
from kit.errors import EnvironmentError_
from kit.executors.docker import DockerExecutor, connect, explain
from kit.jobdir import JobFolder
from kit.schedule import Slot, Submission
from tests.executors.conformance import Conformance, job_spec, wait_for

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]
BASE = "xlt-kit-base:debian12"
RECIPE = """
FROM {base}
COPY kit /opt/kit/kit
COPY tests/executors/quick_job.py /opt/kit/tests/executors/quick_job.py
RUN mkdir -p /opt/job/bin && printf '#!/bin/sh\\nexec python3 /opt/kit/tests/executors/quick_job.py "$@"\\n' \
    > /opt/job/bin/python && chmod 755 /opt/job/bin/python
ENV PATH=/opt/job/bin:/usr/bin:/bin
LABEL xlt-kit.version={version}
"""


@pytest.fixture(scope="module")
def client() -> Any:
    try:
        client = connect()
    except EnvironmentError_ as problem:
        pytest.skip(str(problem))
    if not client.images.list(BASE):
        pytest.skip(f"the engine has no {BASE}: images/base-debian.sh makes it")
    return client


@pytest.fixture(scope="module")
def image(client: Any) -> str:
    """A small image whose jobs are those of `quick_job.py`."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path in [*sorted((ROOT / "kit").rglob("*.py")), ROOT / "tests" / "executors" / "quick_job.py"]:
            tar.add(path, str(path.relative_to(ROOT)))
        text = RECIPE.format(base=BASE, version=__version__).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag="xlt-kit-test:quick", rm=True)
    return "xlt-kit-test:quick"


@pytest.fixture
def executor(image: str) -> Iterator[DockerExecutor]:
    executor = DockerExecutor((Slot("cpu0", "cpu"), Slot("cpu1", "cpu")), image, memory_bytes=1 << 30)
    yield executor
    executor.tidy()


class TestConformance(Conformance):
    pass


def test_a_container_is_locked_up(executor: DockerExecutor, client: Any, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    facts = client.api.inspect_container(handle.id)
    host = facts["HostConfig"]
    assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["NetworkMode"] == "none"
    assert "no-new-privileges" in host["SecurityOpt"] and not host["Privileged"]
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
    executor: DockerExecutor, client: Any, tmp_path: Path
) -> None:
    stranger = client.containers.create(BASE, ["true"], name="xlt-kit-not-ours")
    try:
        _, handle = Conformance().start(executor, tmp_path / "job", "ok")
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        assert len(executor.tidy()) == 1
        assert client.containers.get(stranger.id)
    finally:
        stranger.remove(force=True)


def test_a_gpu_without_the_toolkit_names_the_remedy_and_leaves_nothing(
    image: str, client: Any, tmp_path: Path
) -> None:
    if "nvidia" in client.info().get("Runtimes", {}):
        pytest.skip("this engine can give GPUs")
    executor = DockerExecutor((Slot("gpu0", "cuda", 0),), image)
    folder = JobFolder(tmp_path / "job")
    folder.write_spec(job_spec("ok"))
    before = len(client.containers.list(all=True))
    with pytest.raises(EnvironmentError_, match="nvidia-container-toolkit"):
        executor.submit([Submission(folder.path, executor.slots[0])])
    assert len(client.containers.list(all=True)) == before


def test_an_image_that_is_missing_or_of_another_kit_is_refused(client: Any) -> None:
    slots = (Slot("cpu0", "cpu"),)
    with pytest.raises(EnvironmentError_, match="xlt-kit image build"):
        DockerExecutor(slots, "xlt-kit-test:none")
    with pytest.raises(EnvironmentError_, match="is of xlt-kit"):
        DockerExecutor(slots, BASE)


def test_refusals_are_told_apart() -> None:
    assert "toolkit" in explain('could not select device driver "" with capabilities: [[gpu]]')[0]
    assert "disk is full" in explain("write /var/lib: no space left on device")[0]
    assert "look at the engine's log" in explain("something else")[1]
