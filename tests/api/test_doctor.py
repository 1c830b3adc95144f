"""Each look of the doctor at a machine that is made up: what it says, and that it says what to do."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kit.api import Workspace, examine
from kit.api.doctor import Finding, Surroundings, can_run, devices, finding, network, places, software
from kit.errors import EnvironmentError_
from kit.executors.engine import Engine
from kit.executors.flavour import FLAVOURS
from kit.executors.gpus import Gpu
from kit.executors.image import Image

Look = Callable[[Surroundings], Iterator[Finding]]
ALL, NONE = dict.fromkeys(finding.LIBRARIES, True), dict.fromkeys(finding.LIBRARIES, False)


@pytest.fixture
def here(tmp_path: Path) -> Surroundings:
    """A machine with torch beside the kit, no engine and no GPU."""
    made = Surroundings(Workspace(tmp_path / "home"), network=False)
    made.libraries, made.gpus = ALL, []
    made.engine = EnvironmentError_("no container engine answers", remedy="start it")
    return made


def with_engine(here: Surroundings, *images: Image, **facts: Any) -> Surroundings:
    here.engine = Engine(None, "docker", "1", "unix:///run/docker.sock", "the usual socket")
    here.facts, here.images = {"ServerVersion": "27.1", **facts}, list(images)
    return here


def image(flavour: str, fits: str = "") -> Image:
    return Image(FLAVOURS[flavour].image, "sha256:1", 1, "", "0", flavour, "", "", "", fits)


def gpu(driver: str) -> Gpu:
    return Gpu(0, "GPU-1234567", 80 << 30, driver, "NVIDIA H100")


def said(look: Look, here: Surroundings) -> dict[str, Finding]:
    found = {one.what: one for one in look(here)}
    for one in found.values():
        assert one.remedy or one.state in ("fine", "skipped"), one
    return found


def test_libraries_that_are_missing_or_too_old_are_named(
    here: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.libraries = {**ALL, "peft": False}
    found = said(software.python, here)["torch"]
    assert found.state == "warning" and "peft" in found.says and "xlt-kit[job]" in found.remedy
    here.libraries = NONE
    assert "need containers" in said(software.python, here)["torch"].says
    here.libraries = ALL
    for torch, state in (("2.1.2+cpu", "warning"), ("2.13.0+cpu", "fine")):
        versions = {"torch": torch, "transformers": "5.24.0", "peft": "0.21.2"}
        monkeypatch.setattr(software, "_version", versions.get)
        found = said(software.python, here)["torch"]
        assert found.state == state and torch in found.says
        assert ("torch 2.8 or newer" in found.says) == (state == "warning")


def test_an_engine_that_is_not_there_is_a_warning_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for host, words, remedy in (
        (f"unix://{tmp_path}/none.sock", "no container engine answers", "systemctl start docker"),
        ("tcp://192.0.2.1:2375", "not on this machine", "docker context use default"),
    ):
        monkeypatch.setenv("DOCKER_HOST", host)
        found = said(software.engine, Surroundings(Workspace(tmp_path)))
        assert found["engine"].state == "warning" and words in found["engine"].says
        assert remedy in found["engine"].remedy
        assert found["images"].state == "skipped"


def test_jobs_need_torch_or_an_engine_with_an_image(here: Surroundings) -> None:
    assert said(software.jobs, here)["jobs"].state == "fine"
    here.libraries = NONE
    nowhere = said(software.jobs, here)["jobs"]
    assert nowhere.state == "problem" and "start Docker" in nowhere.remedy and not can_run([nowhere])
    no_image = said(software.jobs, with_engine(here))["jobs"]
    assert no_image.state == "problem" and "xlt-kit image build --flavour cpu" in no_image.remedy
    old = said(software.jobs, with_engine(here, image("cpu", fits="it is of xlt-kit 0.0.1")))["jobs"]
    assert old.state == "problem"
    contained = said(software.jobs, with_engine(here, image("cpu")))["jobs"]
    assert contained.state == "fine" and can_run([contained])


def test_images_are_needed_where_torch_is_not(here: Surroundings) -> None:
    assert said(software.engine, with_engine(here))["images"].state == "skipped"
    here.gpus = [gpu("560.35.03")]
    unfit = said(software.engine, with_engine(here, image("cu12", fits="it holds other code")))["images"]
    assert unfit.state == "warning" and "other code" in unfit.says
    assert "image build --flavour cu12" in unfit.remedy and "clean --images" in unfit.remedy
    here.libraries = NONE
    assert said(software.engine, with_engine(here))["images"].state == "warning"
    assert said(software.engine, with_engine(here, image("cpu")))["images"].state == "fine"


def test_a_driver_is_held_against_every_flavour_and_the_images_that_are_there(here: Surroundings) -> None:
    here.gpus = [gpu("560.35.03")]
    found = said(devices.gpus, here)
    assert "H100" in found["GPUs"].says and "cu12 yes, cu13 no" in found["driver"].says
    refused = said(devices.gpus, with_engine(here, image("cu12"), image("cu13")))["driver"]
    assert refused.state == "warning" and "--flavour cu12" in refused.remedy
    here.gpus = [gpu("470.1")]
    old = said(devices.gpus, here)["driver"]
    assert old.state == "problem" and "upgrade the driver" in old.remedy


def test_gpus_that_are_hidden_without_driver_or_not_answering(
    here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(devices, "_PCI", tmp_path / "pci")
    assert said(devices.gpus, here)["GPUs"].state == "skipped"
    for name, vendor, kind in (
        ("0", "0x10de", "0x030200"),
        ("1", "0x10de", "0x040300"),
        ("2", "0x8086", "0x030000"),
    ):
        (tmp_path / "pci" / name).mkdir(parents=True)
        (tmp_path / "pci" / name / "vendor").write_text(vendor + "\n")
        (tmp_path / "pci" / name / "class").write_text(kind + "\n")
    card = said(devices.gpus, here)["GPUs"]
    assert card.state == "warning" and "1 NVIDIA card on the bus" in card.says
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nexit 9\n")
    tool.chmod(0o755)
    assert said(devices.gpus, here)["GPUs"].state == "problem"
    here.gpus = [gpu("580.95.05")]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    hidden = said(devices.gpus, here)["GPUs"]
    assert hidden.state == "warning" and "CUDA_VISIBLE_DEVICES" in hidden.says


def test_the_toolkit_is_seen_in_what_the_engine_says(here: Surroundings) -> None:
    what = "NVIDIA toolkit"
    assert said(devices.toolkit, here)[what].state == "skipped"
    here.gpus = [gpu("580.95.05")]
    assert said(devices.toolkit, here)[what].state == "skipped"
    lacks = said(devices.toolkit, with_engine(here, Runtimes={"runc": {}}))[what]
    assert lacks.state == "warning" and "nvidia-ctk runtime configure" in lacks.remedy
    for facts in ({"Runtimes": {"nvidia": {}}}, {"DiscoveredDevices": [{"ID": "nvidia.com/gpu=0"}]}):
        assert said(devices.toolkit, with_engine(here, **facts))[what].state == "fine"


@pytest.mark.parametrize(("free", "state"), [(4e8, "problem"), (5e9, "warning"), (5e10, "fine")])
def test_disks(here: Surroundings, monkeypatch: pytest.MonkeyPatch, free: float, state: str) -> None:
    usage = SimpleNamespace(total=10**12, used=0, free=int(free))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage)
    found = said(places.disks, here)
    assert found["disk"].state == state and found["engine's disk"].state == "skipped"
    root = str(here.workspace.home.parent)
    engine = said(places.disks, with_engine(here, DockerRootDir=root))["engine's disk"]
    assert engine.state == state and root in engine.says
    away = said(places.disks, with_engine(here, DockerRootDir="/not/here"))["engine's disk"]
    assert away.state == "skipped"


def test_a_home_that_cannot_be_used_is_a_problem_and_none_is_made(here: Surroundings, tmp_path: Path) -> None:
    assert said(places.home, here)["home"].state == "fine" and not here.workspace.home.exists()
    (tmp_path / "file").write_text("")
    here.workspace = Workspace(tmp_path / "file" / "home")
    found = said(places.home, here)["home"]
    assert found.state == "problem" and "XLT_KIT_HOME" in found.remedy
    store = tmp_path / "newer" / "store"
    store.mkdir(parents=True)
    (store / "store.json").write_text(json.dumps({"schema": 99}))
    here.workspace = Workspace(store.parent)
    assert said(places.home, here)["home"].state == "problem"


def test_a_home_on_a_network_file_system_is_a_warning(
    here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [
        SimpleNamespace(mountpoint="/", fstype="ext4"),
        SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype="nfs4"),
    ]
    monkeypatch.setattr(places.psutil, "disk_partitions", lambda **words: parts)
    found = said(places.home, here)["home"]
    assert found.state == "warning" and "nfs4" in found.says and "--home" in found.remedy
    here.workspace = Workspace(tmp_path.parent / "elsewhere")
    assert said(places.home, here)["home"].state == "fine"


def test_control_groups_limit_memory_and_processors(
    here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, own = tmp_path / "cgroup", tmp_path / "own"
    (groups / "lab" / "job").mkdir(parents=True)
    monkeypatch.setattr(places, "_GROUPS", groups)
    monkeypatch.setattr(places, "_OWN_GROUPS", own)
    monkeypatch.setattr(places.os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(places.os, "cpu_count", lambda: 8)
    assert places.memory_limit() is None and places.quota() is None
    own.write_text("0::/lab/job\n")
    (groups / "lab" / "job" / "memory.max").write_text("max\n")
    (groups / "lab" / "memory.max").write_text("1500000000\n")
    (groups / "lab" / "job" / "cpu.max").write_text("250000 100000\n")
    found = said(places.memory, here)
    assert places.memory_limit() == 1_500_000_000 and found["memory"].state == "warning"
    assert "the control group allows 1.5 GB" in found["memory"].says
    assert found["processors"].state == "warning" and "slots=2" in found["processors"].remedy
    (groups / "lab" / "job" / "cpu.max").write_text("max 100000\n")
    assert said(places.memory, here)["processors"].state == "fine"
    own.write_text("5:memory:/lab\n4:cpuset:/\n")
    (groups / "memory" / "lab").mkdir(parents=True)
    (groups / "memory" / "lab" / "memory.limit_in_bytes").write_text("1200000000")
    (groups / "memory" / "memory.limit_in_bytes").write_text(str((1 << 63) - 4096))
    assert places.memory_limit() == 1_200_000_000


def test_the_mirror_must_be_a_folder(here: Surroundings, tmp_path: Path) -> None:
    for place, state in ((None, "skipped"), (tmp_path / "none", "problem"), (tmp_path, "fine")):
        here.workspace = Workspace(tmp_path / "home", mirror=place)
        assert said(places.mirror, here)["mirror"].state == state


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """A place on this machine that stands for all others; `ahead` is its clock in seconds, `status` its answer."""
    wanted = {"ahead": 0.0, "status": 200}

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(int(wanted["status"]))
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(time.time() + wanted["ahead"], usegmt=True)

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{made.server_port}"
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setattr(network, "hosts", lambda: {"hub": address, "data": address})
        yield wanted
        made.shutdown()


def test_the_network_and_the_clock(here: Surroundings, server: dict[str, float]) -> None:
    here.network = True
    found = said(network.network, here)
    assert {found[name].state for name in ("network (hub)", "network (data)", "clock")} == {"fine"}
    for ahead, way in ((3600, "60 minutes behind"), (-7200, "120 minutes ahead")):
        server["ahead"] = ahead
        clock = said(network.network, here)["clock"]
        assert clock.state == "problem" and way in clock.says and "set-ntp" in clock.remedy
    for status in (403, 407, 503):
        server["status"] = status
        assert str(status) in said(network.network, here)["network (hub)"].says
        assert said(network.network, here)["network (hub)"].state == "warning"


def test_places_that_do_not_answer(here: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    here.network = True
    places_ = {"hub": "http://127.0.0.1:9", "data": "http://nowhere.invalid"}
    monkeypatch.setattr(network, "hosts", lambda: places_)
    found = said(network.network, here)
    assert "the connection is refused" in found["network (hub)"].says
    assert found["network (data)"].state == "warning" and found["clock"].state == "skipped"
    assert "--mirror" in found["network (hub)"].remedy


def test_offline_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_ask", lambda what, address: pytest.fail("asked"))
    found = said(network.network, Surroundings(Workspace(tmp_path, offline=True)))
    assert {one.state for one in found.values()} == {"skipped"}


def test_a_token_is_never_shown(here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.get_token", lambda: "hf_abcdefghijkl")
    login = said(network.login, here)["hub login"]
    assert login.state == "fine" and "hf_" not in login.says
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    login = said(network.login, here)["hub login"]
    assert login.state == "skipped" and login.remedy == "hf auth login"


def test_every_look_is_done_whatever_the_others_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(place: Path) -> None:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(shutil, "disk_usage", broken)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: int("no number"))
    found = {one.what: one for one in examine(Workspace(tmp_path), network=False)}
    assert found["disk"].state == "warning" and "Permission denied" in found["disk"].says
    assert found["hub login"].state == "warning" and "ValueError" in found["hub login"].says
    assert {"python", "torch", "engine", "jobs", "GPUs", "NVIDIA toolkit", "home", "memory", "clock"} <= set(
        found
    )
    for one in found.values():
        assert one.says and (one.remedy or one.state in ("fine", "skipped"))
