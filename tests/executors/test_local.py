"""The local executor: the suite of behaviour, and what is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors import LocalExecutor, detect_slots
from kit.schedule import Slot
from tests.executors.conformance import Conformance, wait_for

QUICK = str(Path(__file__).with_name("quick_job.py"))


@pytest.fixture
def executor() -> LocalExecutor:
    return LocalExecutor((Slot("cpu0", "cpu"), Slot("cpu1", "cpu")), python=QUICK)


class TestConformance(Conformance):
    pass


def test_another_process_finds_the_job_by_its_handle(executor: LocalExecutor, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    other = LocalExecutor(executor.slots, python=QUICK)
    assert other.poll([handle]) == ["running"]
    other.cancel([handle], grace=5)
    assert other.poll([handle]) == ["gone"]


def test_a_reused_pid_is_not_taken_for_the_job(executor: LocalExecutor, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    earlier = replace(handle, mark=handle.mark + "0")
    assert executor.poll([earlier]) == ["gone"]
    executor.cancel([earlier], grace=0.1)
    assert executor.poll([handle]) == ["running"]
    executor.cancel([handle], grace=5)


def test_the_job_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
from kit.executors import LocalExecutor
from kit.schedule import Slot
from tests.executors.conformance import Conformance
executor = LocalExecutor((Slot("cpu0", "cpu"),), python={QUICK!r})
Conformance().start(executor, Path({str(tmp_path / "job")!r}), "slow")
"""
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)
    from kit.jobdir import JobFolder

    handle = JobFolder(tmp_path / "job").handle()
    assert handle is not None
    later = LocalExecutor((Slot("cpu0", "cpu"),), python=QUICK)
    assert later.poll([handle]) == ["running"]
    assert os.getsid(int(handle.id)) == int(handle.id)
    later.cancel([handle], grace=5)
    wait_for(lambda: later.poll([handle]) == ["gone"])


def test_slots_are_shares_of_the_processors() -> None:
    count = len(os.sched_getaffinity(0))
    assert len(detect_slots("cpu", "auto", 1)) == count
    assert len(detect_slots("cpu", "auto", 10 * count)) == 1
    assert [slot.name for slot in detect_slots("cpu", 3, 1)] == ["cpu0", "cpu1", "cpu2"]


def test_gpus_are_counted_by_the_drivers_own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA X (UUID: a)'\necho 'GPU 1: NVIDIA X (UUID: b)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert [(slot.device, slot.gpu) for slot in detect_slots("auto", "auto", 1)] == [("cuda", 0), ("cuda", 1)]
    assert detect_slots("cpu", 1, 1)[0].device == "cpu"


def test_asking_for_a_gpu_where_there_is_none_names_the_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentError_, match=r"resources\.device=cpu"):
        detect_slots("cuda", "auto", 1)
