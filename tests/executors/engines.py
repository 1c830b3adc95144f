"""Real engines for tests: the one of this machine, a second Docker that may be stopped and killed, and Podman."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import __version__
from kit.errors import EnvironmentError_
from kit.executors.containers import owned
from kit.executors.engine import Engine, connect
from kit.executors.flavour import code_digest
from tests.executors.conformance import wait_for

ROOT = Path(__file__).resolve().parents[2]
BASE = "xlt-kit-base:debian12"
QUICK = "xlt-kit-test:quick"
_DOCKERFILE = f"""
FROM {BASE}
COPY kit /opt/kit/kit
COPY tests/executors/quick_job.py /opt/kit/tests/executors/quick_job.py
RUN mkdir -p /opt/job/bin && printf '#!/bin/sh\\nexec python3 /opt/kit/tests/executors/quick_job.py "$@"\\n' \
    > /opt/job/bin/python && chmod 755 /opt/job/bin/python
COPY nvidia-smi /opt/job/bin/nvidia-smi
ENV PATH=/opt/job/bin:/usr/bin:/bin
LABEL xlt-kit.version={__version__} xlt-kit.code={code_digest()} xlt-kit.flavour=cu13
"""
_NVIDIA_SMI = """#!/usr/bin/env python3
# What the driver's own tool answers, for the devices that the engine has given to this container.
import os
given = os.environ.get("NVIDIA_VISIBLE_DEVICES", "").split(",")
for index in (0, 1):
    uuid = f"GPU-{index}{index}{index}{index}-pretended"
    if given in (["all"], [uuid], [str(index)]):
        print(f"{index}, {uuid}, 81559, 580.95.05, NVIDIA Pretended H{index}")
"""


def this_engine() -> Engine:
    """The engine of this machine, with the base image; skips, and says why, where there is none."""
    try:
        engine = connect("docker")
    except EnvironmentError_ as problem:
        pytest.skip(str(problem))
    if not engine.client.images.list(BASE):
        pytest.skip(f"the engine has no {BASE}: images/base-debian.sh makes it")
    return engine


def make_quick_image(client: Any) -> str:
    """A small image whose jobs are those of `quick_job.py`, and whose GPUs are pretended."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        for path in [*sorted((ROOT / "kit").rglob("*.py")), ROOT / "tests" / "executors" / "quick_job.py"]:
            tar.add(path, str(path.relative_to(ROOT)))
        for name, text, mode in (("Dockerfile", _DOCKERFILE, 0o644), ("nvidia-smi", _NVIDIA_SMI, 0o755)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), mode
            tar.addfile(entry, io.BytesIO(text.encode()))
    context.seek(0)
    client.images.build(fileobj=context, custom_context=True, tag=QUICK, rm=True, network_mode="none")
    return QUICK


def copied_image(source: Any, target: Any, name: str) -> None:
    """Carry an image from one engine to another."""
    with tempfile.TemporaryFile() as archive:
        for piece in source.images.get(name).save(named=True):
            archive.write(piece)
        archive.seek(0)
        target.images.load(archive)


def containers_under(engine: Engine, folder: Path) -> list[str]:
    """Names of our containers whose job's folder lies in `folder`."""
    return [one.name for one in owned(engine) if one.folder.is_relative_to(folder)]


class SecondEngine:
    """A Docker engine of the tests' own, beside the machine's: it may be stopped and killed.

    A hook that stands in for the NVIDIA toolkit's makes it accept requests for GPUs, and notes what was asked.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = f"unix://{root}/docker.sock"
        self.requests = root / "gpu-requests"
        self._process: subprocess.Popen[bytes] | None = None
        programs = root / "programs"
        programs.mkdir(parents=True)
        hook = programs / "nvidia-container-runtime-hook"
        hook.write_text(
            "#!/usr/bin/env python3\nimport json, sys\n"
            "bundle = json.load(sys.stdin)['bundle']\n"
            "env = json.load(open(bundle + '/config.json'))['process']['env']\n"
            f"open({str(self.requests)!r}, 'a').write("
            "'\\n'.join(line for line in env if line.startswith('NVIDIA')) + '\\n')\n"
        )
        hook.chmod(0o755)
        self._path = f"{programs}:{os.environ['PATH']}"

    def start(self) -> Engine:
        """Start it; more than once, where what a killed one held is not free yet."""
        for _ in range(5):
            self._clear_away()
            self._launch()
            wait_for(lambda: self._ended() or self.answers(), 60)
            if not self._ended():
                return self.engine()
        raise AssertionError((self.root / "log").read_text()[-2000:])

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _launch(self) -> None:
        # In a network of its own: it would take the bridge of the machine's engine away.
        words = [
            "unshare",
            "--net",
            "dockerd",
            "--data-root",
            self.root / "data",
            "--exec-root",
            self.root / "exec",
        ]
        words += ["--pidfile", self.root / "pid", "--host", self.address, "--bridge", "none"]
        words += ["--iptables=false", "--ip-masq=false", "--config-file", self.root / "none.json"]
        (self.root / "none.json").write_text("{}")
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                list(map(str, words)), stdout=log, stderr=log, env={**os.environ, "PATH": self._path}
            )

    def engine(self) -> Engine:
        import docker

        client = docker.DockerClient(base_url=self.address, timeout=30)
        return Engine(client, "docker", client.info()["ID"], self.address, "a second engine")

    def answers(self) -> bool:
        import docker

        try:
            with contextlib.closing(docker.DockerClient(base_url=self.address, timeout=5)) as client:
                return bool(client.ping())
        except Exception:
            return False

    def end(self, number: signal.Signals) -> None:
        """SIGTERM stops it and its containers; SIGKILL leaves the containers alone until it starts again."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(60)

    def _clear_away(self) -> None:
        """After a kill its pid files stay and block the next start, and so does its containerd."""
        for pid in (self.root / "pid", self.root / "exec" / "containerd" / "containerd.pid"):
            with contextlib.suppress(OSError, ValueError):
                if pid.name == "containerd.pid":
                    os.kill(int(pid.read_text()), signal.SIGKILL)
                pid.unlink()

    def remove(self) -> None:
        if self._process and self._process.poll() is None:
            self.end(signal.SIGTERM)
        self._clear_away()
        time.sleep(0.5)
        shutil.rmtree(self.root, ignore_errors=True)


@contextlib.contextmanager
def podman_service(root: Path) -> Iterator[str]:
    """The address of a Podman that speaks Docker's protocol, with a storage of its own."""
    if not shutil.which("podman") or not shutil.which("runc"):
        pytest.skip("podman and runc are not installed")
    conf = root / "containers.conf"
    conf.write_text('[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    address = f"unix://{root}/podman.sock"
    words = [
        "podman",
        "--root",
        root / "data",
        "--runroot",
        root / "run",
        "system",
        "service",
        "--time=0",
        address,
    ]
    with (root / "log").open("ab") as log:
        process = subprocess.Popen(
            list(map(str, words)), stdout=log, stderr=log, env={**os.environ, "CONTAINERS_CONF": str(conf)}
        )
    try:
        wait_for((root / "podman.sock").exists, 60)
        yield address
    finally:
        process.terminate()
        process.wait(30)
        for mount in sorted(Path("/proc/mounts").read_text().splitlines(), reverse=True):
            if str(root) in mount:
                subprocess.run(["umount", "-l", mount.split()[1]], check=False)
        shutil.rmtree(root, ignore_errors=True)
