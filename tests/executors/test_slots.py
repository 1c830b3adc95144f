"""Slots: GPUs as the driver's tool names them, and shares of the processors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.gpus import Gpu, of_host, parse, visible
from kit.executors.slots import environment, jobs_that_fit, make_slots
from kit.schedule import Slot

SAID = """0, GPU-aa11, 81559, 580.95.05, NVIDIA H100 80GB HBM3
1, GPU-aa22, 81559, 580.95.05, NVIDIA H100, with a comma
No devices were found
2, GPU-bb33, [N/A], 580.95.05, NVIDIA GB10
"""


def gpus(count: int, gigabytes: float = 80) -> list[Gpu]:
    return [Gpu(i, f"GPU-{i}{i}{i}{i}", int(gigabytes * 1e9), "580.95.05", "X") for i in range(count)]


def test_what_the_drivers_tool_says() -> None:
    found = parse(SAID)
    assert [gpu.uuid for gpu in found] == ["GPU-aa11", "GPU-aa22", "GPU-bb33"]
    assert found[0].memory == 81559 << 20 and found[2].memory == 0
    assert found[1].name == "NVIDIA H100, with a comma"


def test_the_hosts_tool_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho '0, GPU-aa11, 24576, 550.54.14, NVIDIA RTX'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert [gpu.driver for gpu in of_host()] == ["550.54.14"]
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed because it could not communicate'\nexit 9\n")
    assert of_host() == []
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert of_host() == []


@pytest.mark.parametrize(
    ("value", "chosen"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("2,0", [2, 0]),
        ("GPU-1111", [1]),
        ("0,7,1", [0]),
        ("GPU-", []),
        ("-1", []),
    ],
)
def test_cuda_visible_devices_is_heeded(value: str | None, chosen: list[int]) -> None:
    setting = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert [gpu.index for gpu in visible(gpus(3), setting)] == chosen


def test_a_share_of_a_gpu_can_be_named() -> None:
    (share,) = visible(gpus(1), {"CUDA_VISIBLE_DEVICES": "MIG-1234"})
    assert share.uuid == "MIG-1234" and share.driver == "580.95.05"


def test_one_job_a_gpu_or_several_each_slot_of_its_own_name() -> None:
    assert [(s.name, s.gpu) for s in make_slots("auto", "auto", 1, gpus(2))] == [
        ("gpu0", "GPU-0000"),
        ("gpu1", "GPU-1111"),
    ]
    twice = make_slots("cuda", "auto", 1, gpus(2), per_gpu=2)
    assert [slot.name for slot in twice] == ["gpu0", "gpu1", "gpu0.2", "gpu1.2"]
    assert [slot.name for slot in make_slots("cuda", 3, 1, gpus(2), per_gpu=2)] == ["gpu0", "gpu1", "gpu0.2"]
    assert [slot.name for slot in make_slots("cuda", 1, 1, gpus(2))] == ["gpu0"]
    assert make_slots("cpu", 1, 1, gpus(2))[0].device == "cpu"


def test_jobs_share_a_gpu_as_its_memory_allows() -> None:
    assert jobs_that_fit(gpus(1, 80), 8e9) == 8
    assert jobs_that_fit(gpus(1, 80), 30e9) == 2
    assert jobs_that_fit(gpus(1, 80), 90e9) == 1
    assert jobs_that_fit([*gpus(1, 80), *gpus(1, 24)], 10e9) == 2
    assert jobs_that_fit([], 1e9) == 1


def test_slots_are_shares_of_the_processors() -> None:
    count = len(os.sched_getaffinity(0))
    assert len(make_slots("cpu", "auto", 1, [])) == count
    assert len(make_slots("auto", "auto", 10 * count, [])) == 1
    assert [slot.name for slot in make_slots("cpu", 3, 1, [])] == ["cpu0", "cpu1", "cpu2"]


def test_asking_for_a_gpu_where_there_is_none_names_the_remedy() -> None:
    with pytest.raises(EnvironmentError_) as refusal:
        make_slots("cuda", "auto", 1, [])
    assert "resources.device=cpu" in (refusal.value.remedy or "")


def test_a_job_on_the_cpu_is_shown_no_gpu() -> None:
    assert environment(Slot("cpu0", "cpu", None, 2))["CUDA_VISIBLE_DEVICES"] == ""
    assert "CUDA_VISIBLE_DEVICES" not in environment(Slot("gpu0", "cuda", "GPU-0", 2))
