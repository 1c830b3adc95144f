"""The local executor: the suite of behaviour, and what is its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from kit.executors import LocalExecutor
from kit.schedule import Slot
from kit.schedule.endings import Ended
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
from kit.schedule.endings import Ended
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


def test_the_end_of_a_child_is_known_and_that_of_a_strangers_is_not(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    _, killed = Conformance().start(executor, tmp_path / "killed", "vanish")
    _, failed = Conformance().start(executor, tmp_path / "failed", "fail")
    wait_for(lambda: executor.poll([killed, failed]) == ["gone", "gone"])
    assert executor.ended(killed) == Ended("signal", 9)
    assert executor.ended(failed) == Ended("exited", 1)
    assert LocalExecutor(executor.slots, python=QUICK).ended(killed) == Ended("unknown")
