"""What goes wrong around containers, against an engine that may be stopped and killed: each is told apart."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.containers import owned
from kit.executors.docker import ContainerExecutor
from kit.executors.engine import Engine
from kit.executors.gpus import of_engine, visible
from kit.executors.slots import make_slots
from kit.jobdir import JobFolder
from kit.schedule import JobState, RunState, Slot, Submission
from tests.executors.conformance import job_spec, wait_for
from tests.executors.engines import BASE, QUICK, SecondEngine, copied_image, make_quick_image, this_engine
from tests.kit_command import Kit
from tests.schedule.test_scheduler import Bench, evaluation, tuning

pytestmark = pytest.mark.docker
MEMORY = 300 << 20


@pytest.fixture(scope="module")
def second() -> Iterator[SecondEngine]:
    if os.getuid() != 0 or not shutil.which("dockerd"):
        pytest.skip("only root can start a second engine, and dockerd must be there")
    first = this_engine()
    make_quick_image(first.client)
    second = SecondEngine(Path(tempfile.mkdtemp(prefix="xlt-kit-engine-")))
    try:
        copied_image(first.client, second.start().client, QUICK)
        yield second
    finally:
        second.remove()


@pytest.fixture
def engine(second: SecondEngine) -> Iterator[Engine]:
    engine = second.engine()
    if not engine.client.images.list(QUICK):
        copied_image(this_engine().client, engine.client, QUICK)
    yield engine
    assert not owned(engine), "a run has left containers behind"


@pytest.fixture
def bench(engine: Engine, tmp_path: Path) -> Bench:
    slots = (Slot("cpu0", "cpu"), Slot("cpu1", "cpu"))
    return Bench(tmp_path, ContainerExecutor(engine, slots, QUICK, MEMORY))


class Once:
    """Does something when a job is at work for the first time, and keeps the notices that it sees."""

    def __init__(self, folder: Callable[[str], JobFolder], act: Callable[[], None]) -> None:
        self.folder, self.act, self.done, self.notices = folder, act, False, set[str]()

    def __call__(self, state: RunState) -> None:
        self.notices.add(state.notice)
        job = state.jobs[0]
        if not self.done and job.stage == "running" and self.folder(job.id).read_events()[0]:
            self.done = True
            self.act()


def run_with(bench: Bench, act: Callable[[], None], *titles: str) -> tuple[RunState, Once]:
    once = Once(bench.folder.job, act)
    state = bench.run(*(evaluation(f"e{i}", title) for i, title in enumerate(titles)), observe=once)
    bench.executor.tidy([bench.folder.job(job.id).path for job in state.jobs])
    return state, once


def only(state: RunState) -> JobState:
    (job,) = state.jobs
    return job


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_engine_that_restarts_costs_a_job_its_time_and_nothing_else(
    bench: Bench, second: SecondEngine, number: signal.Signals
) -> None:
    def restart() -> None:
        second.end(number)
        bench.executor.poll([])
        second.start()

    state, _ = run_with(bench, restart, "slow-once")
    assert state.stage == "done" and only(state).attempts == 2, state
    (reason,) = only(state).retries
    assert "engine was restarted or killed" in reason or "stopped by SIGTERM" in reason
    assert bench.store.cell("cell-e0")


def test_a_run_waits_for_its_engine_and_says_so(bench: Bench, second: SecondEngine) -> None:
    looks = 0

    def look(state: RunState) -> None:
        nonlocal looks
        once(state)
        looks += bool(state.notice)
        if looks == 5 and state.notice:
            second.start()

    once = Once(bench.folder.job, lambda: second.end(signal.SIGKILL))
    state = bench.run(evaluation("e0", "slow-once"), observe=look)
    assert state.stage == "done" and looks >= 5 and not state.notice
    assert only(state).retries == ("the container engine was restarted or killed under the job",)
    bench.executor.tidy([bench.folder.job("e0").path])


def test_an_engine_that_stays_away_ends_the_kit_with_the_remedy(bench: Bench, second: SecondEngine) -> None:
    bench.executor.patience = 0.3
    once = Once(bench.folder.job, lambda: second.end(signal.SIGTERM))
    with pytest.raises(EnvironmentError_, match="has not answered for") as left:
        bench.run(evaluation("e0", "slow-once"), observe=once)
    assert "xlt-kit resume" in (left.value.remedy or "")
    second.start()
    bench.executor.patience = 60
    state, _ = run_with(bench, lambda: None, "slow-once")
    assert state.stage == "done"


def test_an_evaluation_that_runs_out_of_memory_goes_on_with_smaller_batches(bench: Bench) -> None:
    state, _ = run_with(bench, lambda: None, "hungry")
    job = only(state)
    assert state.stage == "done" and job.attempts == 3 and job.batch_tokens == 256, state
    assert job.retries[0].startswith(
        "the job was killed at its limit of memory (0.3 GB); again with batches of 1024"
    )


def test_a_tuning_that_runs_out_of_memory_fails_with_its_remedy(bench: Bench) -> None:
    state = bench.run(tuning("tune-t", "hungry"))
    bench.executor.tidy([bench.folder.job("tune-t").path])
    failure = only(state).failure
    assert failure is not None and failure.code == "out-of-memory" and only(state).attempts == 1
    assert "gradient_checkpointing" in (failure.remedy or "")


def test_a_container_removed_from_outside_is_started_again(bench: Bench, engine: Engine) -> None:
    def remove() -> None:
        for container in owned(engine):
            engine.client.api.remove_container(container.id, force=True)

    state, _ = run_with(bench, remove, "slow-once")
    assert state.stage == "done"
    assert only(state).retries == ("the job's container was removed from outside",)


def test_a_container_killed_from_outside_is_started_again(bench: Bench, engine: Engine) -> None:
    state, _ = run_with(bench, lambda: engine.client.api.kill(owned(engine)[0].id), "slow-once")
    assert state.stage == "done" and only(state).retries == (
        "the job's process was killed by SIGKILL without a result",
    )


def test_a_folder_that_vanishes_is_made_again(bench: Bench) -> None:
    once = Once(bench.folder.job, lambda: shutil.rmtree(bench.folder.job("e0").path))
    second_go: list[RunState] = []

    def look(state: RunState) -> None:
        once(state)
        second_go.extend([state] if only(state).attempts == 2 else [])

    state = bench.run(evaluation("e0", "slow"), observe=look, stopping=lambda: bool(second_go))
    assert only(state).retries == ("the job's folder was removed while it ran",) and state.stage == "stopped"


def test_a_full_disk_is_told_from_a_crash(engine: Engine, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        bench = Bench(small, ContainerExecutor(engine, (Slot("cpu0", "cpu"),), QUICK, MEMORY))
        state = bench.run(evaluation("e0", "fills"))
        bench.executor.tidy([bench.folder.job("e0").path])
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    failure = only(state).failure
    assert failure is not None and failure.code == "disk-full", failure


def test_an_image_that_was_removed_fails_what_needs_it_with_the_remedy(bench: Bench, engine: Engine) -> None:
    state, _ = run_with(bench, lambda: engine.client.images.remove(QUICK, force=True), "ok")
    engine.client.images.prune()
    state = bench.run(evaluation("late", "ok"))
    failure = only(state).failure
    assert failure is not None and failure.code == "engine" and "lost the image" in failure.message
    assert failure.remedy and "xlt-kit image build" in failure.remedy


def test_clean_lists_and_removes_ours_alone(engine: Engine, second: SecondEngine, tmp_path: Path) -> None:
    executor = ContainerExecutor(engine, (Slot("cpu0", "cpu"),), QUICK, MEMORY)
    for name in ("ended", "lost", "living"):
        folder = JobFolder(tmp_path / name)
        folder.write_spec(job_spec("ok" if name == "ended" else "slow"))
        executor.submit([Submission(folder.path, executor.slots[0])])
    wait_for(lambda: sum(one.running for one in owned(engine)) == 2)
    shutil.rmtree(tmp_path / "lost")
    stranger = engine.client.containers.create(
        QUICK, ["true"], labels={"xlt-kit.job": "/x", "xlt-kit.user": "77"}
    )
    kit = Kit(tmp_path / "home")
    said = kit("clean", DOCKER_HOST=second.address).stdout
    assert "its job has ended" in said and "its job's folder is gone" in said and "2 containers" in said
    assert len(owned(engine)) == 3
    assert "removed 2 containers" in kit("clean", "--remove", DOCKER_HOST=second.address).stdout
    assert [one.folder.name for one in owned(engine)] == ["living"]
    assert engine.client.containers.get(stranger.id)
    stranger.remove(force=True)
    assert "nothing is left over" in kit("clean", DOCKER_HOST=second.address).stdout
    handle = JobFolder(tmp_path / "living").handle()
    assert handle is not None
    executor.cancel([handle], grace=1)


class TestGpus:
    """The requests for GPUs, as a real engine takes them; the GPUs and the toolkit behind are pretended."""

    def test_are_found_through_the_engine_and_given_one_by_one(
        self, engine: Engine, second: SecondEngine, tmp_path: Path
    ) -> None:
        gpus = of_engine(engine, QUICK)
        assert [(gpu.index, gpu.driver, gpu.memory >> 30) for gpu in gpus] == [
            (0, "580.95.05", 79),
            (1, "580.95.05", 79),
        ]
        slots = make_slots("auto", "auto", 1, visible(gpus, {"CUDA_VISIBLE_DEVICES": "1"}))
        assert [slot.name for slot in slots] == ["gpu1"]
        second.requests.unlink()
        executor = ContainerExecutor(engine, slots, QUICK, MEMORY)
        folder = JobFolder(tmp_path / "job")
        folder.write_spec(job_spec("ok"))
        (handle,) = executor.submit([Submission(folder.path, slots[0])])
        wait_for(lambda: executor.poll([handle]) == ["gone"])
        executor.tidy([folder.path])
        assert f"NVIDIA_VISIBLE_DEVICES={gpus[1].uuid}" in second.requests.read_text().splitlines()

    def test_a_driver_that_does_not_answer_is_named(self, engine: Engine) -> None:
        copied_image(this_engine().client, engine.client, BASE)
        with pytest.raises(EnvironmentError_, match=r"nvidia-smi"):
            of_engine(engine, BASE)
