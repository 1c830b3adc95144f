"""What a job says of its use of the machine; GPUs are pretended by a module that answers as NVML does."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from kit.job import usage
from kit.job.failures import BadInput
from kit.job.model import check_device
from kit.jobdir import Event, JobFolder


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_SECONDS", 0.02)


def told(folder: Path, device: str = "cpu") -> tuple[list[Event], dict[str, Any]]:
    job, environment = JobFolder(folder), dict[str, Any]()
    with usage.measured(job, device, environment):
        hoard = bytearray(b"x" * (64 << 20))
        end = time.monotonic() + 20
        while len(job.read_events()[0]) < 3 and time.monotonic() < end:
            sum(range(10_000))
        del hoard
    return job.read_events()[0], environment


def test_processors_and_memory_are_told_and_the_peak_is_kept(tmp_path: Path) -> None:
    events, environment = told(tmp_path)
    assert len(events) >= 3 and {event.kind for event in events} == {"usage"}
    assert all(event.data["memory"] > 64 << 20 for event in events)
    assert events[-1].data["cpu"] > 0
    assert environment["peak_memory"] >= max(event.data["memory"] for event in events)
    assert "gpu" not in events[0].data


def test_a_limit_is_read_from_either_version_of_control_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = tmp_path / "memory.max", tmp_path / "limit_in_bytes"
    monkeypatch.setattr(usage, "_LIMITS", (str(new), str(old)))
    assert usage.memory_limit() is None
    old.write_text(f"{1 << 30}\n")
    assert usage.memory_limit() == 1 << 30
    old.write_text("9223372036854771712\n")
    assert usage.memory_limit() is None
    new.write_text("max\n")
    assert usage.memory_limit() is None
    new.write_text("2147483648\n")
    assert usage.memory_limit() == 2 << 30


def test_a_full_disk_ends_the_telling_and_not_the_job(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()  # nothing can be appended to it
    with usage.measured(JobFolder(tmp_path), "cpu", environment := {}):
        time.sleep(0.1)
    assert environment["peak_memory"] > 0


def pretend_gpu(monkeypatch: pytest.MonkeyPatch, broken: bool = False) -> None:
    nvml: Any = ModuleType("pynvml")
    nvml.NVMLError = type("NVMLError", (Exception,), {})

    def busy(handle: str) -> SimpleNamespace:
        if broken:
            raise nvml.NVMLError("not supported")
        return SimpleNamespace(gpu=87)

    nvml.nvmlInit = nvml.nvmlShutdown = lambda: None
    nvml.nvmlDeviceGetHandleByUUID = lambda name: name
    nvml.nvmlDeviceGetMemoryInfo = lambda handle: SimpleNamespace(used=5 << 30, total=80 << 30)
    nvml.nvmlDeviceGetUtilizationRates = busy
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: SimpleNamespace(uuid="1234"))


def test_a_gpus_load_and_memory_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch)
    events, environment = told(tmp_path, "cuda")
    assert events[0].data["gpu"] == 0.87 and events[0].data["gpu_total"] == 80 << 30
    assert environment["peak_gpu_memory"] == 5 << 30


def test_a_gpu_that_tells_nothing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_gpu(monkeypatch, broken=True)
    events, _ = told(tmp_path, "cuda")
    assert "gpu" not in events[0].data and events[0].data["memory"] > 0


def test_a_card_that_this_torch_was_not_built_for_is_refused_with_the_other_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Tesla V100")
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["sm_75", "sm_90a", "sm_100", "compute_120"])
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (7, 0))
    with pytest.raises(
        BadInput, match=r"compute capability 7\.0; this build of torch begins at 7\.5"
    ) as refusal:
        check_device("cuda")
    assert "--flavour cu12" in str(refusal.value.remedy)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda index: (9, 0))
    check_device("cuda")
