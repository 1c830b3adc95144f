"""The scheduler over real processes: order, failure, retry, stop, adoption, landing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kit.errors import LockedError, StorageError
from kit.executors import LocalExecutor
from kit.jobdir import CellSpec, EvaluateSpec, GenerateTask, Handle, JobSpec, Prompt, TuneSpec
from kit.plan import Cost, Demand, Plan, PlannedJob, Wanted
from kit.schedule import Executor, RunFolder, RunState, Scheduler, Slot, Submission, Wish, Wishes
from kit.store import Store
from tests.executors.conformance import wait_for

QUICK = str(Path(__file__).resolve().parent.parent / "executors" / "quick_job.py")
PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
COST = Cost(1, 1, 0, "none")


def evaluation(
    job_id: str, title: str, needs: tuple[str, ...] = (), adapters: tuple[str, ...] = ()
) -> PlannedJob:
    cell = CellSpec("base-0", f"data-{job_id}", PROMPT, GenerateTask(), adapters=adapters)
    return PlannedJob(
        job_id, title, EvaluateSpec("base-0", (cell,)), (f"cell-{job_id}",), needs, adapters, COST
    )


def tuning(job_id: str, title: str, steps: tuple[int, ...] = (60,)) -> PlannedJob:
    spec = TuneSpec("base-0", "data-0", PROMPT, save_steps=steps)
    return PlannedJob(job_id, title, spec, (job_id,), (), (), COST)


class Bench:
    """A run folder, a store and a scheduler on two slots."""

    def __init__(self, root: Path, executor: Executor | None = None) -> None:
        self.folder = RunFolder(root / "run")
        (self.folder.path / "jobs").mkdir(parents=True)
        self.store = Store(root / "store")
        slots = (Slot("cpu0", "cpu"), Slot("cpu1", "cpu"))
        self.executor = executor or LocalExecutor(slots, python=QUICK)
        self.executor.grace = 0.1
        self.finished: list[str] = []

    def prepare(self, job: PlannedJob, slot: Slot) -> JobSpec:
        paths = {name: str(self.store.adapter_path(*name.split("@"))) for name in job.inputs}  # type: ignore[arg-type]
        return JobSpec(job.title, job.work, job.keys, paths, slot.device, slot.threads)

    def scheduler(self) -> Scheduler:
        def finish(folder: Path, cell: CellSpec) -> None:
            assert (folder / "cell.json").exists()
            self.finished.append(cell.data)

        return Scheduler(self.folder, self.executor, self.store, self.prepare, finish)

    def run(
        self,
        *jobs: PlannedJob,
        stopping: Callable[[], bool] = lambda: False,
        observe: Callable[[RunState], None] = lambda state: None,
    ) -> RunState:
        plan = Plan(Demand(Wanted("r", ()), {}, {}), jobs, frozenset(k for j in jobs for k in j.keys))
        return self.scheduler().run(plan, stopping, observe, pause=0.02)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def stages(state: RunState) -> dict[str, str]:
    return {job.id: job.stage for job in state.jobs}


def test_a_job_waits_for_what_it_needs_and_its_cells_land_in_the_store(bench: Bench) -> None:
    state = bench.run(evaluation("e", "ok", ("tune-t",), ("tune-t@60",)), tuning("tune-t", "ok", (13, 60)))
    assert state.stage == "done"
    by_id = {job.id: job for job in state.jobs}
    assert (by_id["e"].started or 0) >= (by_id["tune-t"].ended or 1e12)
    assert bench.store.adapter_steps("tune-t") == [13, 60]
    cell = bench.store.cell("cell-e")
    assert cell is not None and bench.store.adapter_digests(cell) == {"tune-t@60": "weights-60"}
    assert bench.finished == ["data-e"]
    assert bench.folder.state() == state


def test_a_failed_job_stops_what_depends_on_it_and_nothing_else(bench: Bench) -> None:
    state = bench.run(
        tuning("tune-bad", "fail"),
        evaluation("after", "ok", ("tune-bad",)),
        evaluation("after-after", "ok", ("after",)),
        evaluation("free", "ok"),
    )
    assert state.stage == "failed"
    assert stages(state) == {
        "tune-bad": "failed",
        "after": "blocked",
        "after-after": "blocked",
        "free": "done",
    }
    failure = state.jobs[0].failure
    assert failure is not None and failure.message == "the input is bad"
    assert bench.store.cell("cell-free") is not None
    assert bench.store.cell("cell-after") is None


def test_a_vanished_job_is_started_once_more(bench: Bench) -> None:
    state = bench.run(evaluation("e", "vanish-once"))
    assert (state.stage, state.jobs[0].attempts) == ("done", 2)


def test_checkpoints_of_two_goes_at_a_tuning_do_not_mix(bench: Bench) -> None:
    state = bench.run(tuning("tune-t", "half-once", (13, 60)))
    assert (state.stage, state.jobs[0].attempts) == ("done", 2)
    assert [bench.store.adapter_digest("tune-t", step) for step in (13, 60)] == ["second-13", "second-60"]


def test_what_an_earlier_scheduler_left_finished_is_taken_in_not_done_again(bench: Bench) -> None:
    job = tuning("tune-t", "ok", (13, 60))
    folder = bench.folder.job("tune-t")
    folder.write_spec(bench.prepare(job, bench.executor.slots[0]))
    handle = bench.executor.submit([Submission(folder.path, bench.executor.slots[0])])[0]
    wait_for(lambda: bench.executor.poll([handle]) == ["gone"])
    state = bench.run(job)
    assert (state.stage, state.jobs[0].attempts) == ("done", 0)
    assert bench.store.adapter_steps("tune-t") == [13, 60]


def test_a_job_that_always_vanishes_is_lost(bench: Bench) -> None:
    state = bench.run(evaluation("e", "vanish"))
    assert state.stage == "failed"
    failure = state.jobs[0].failure
    assert failure is not None and failure.code == "lost"


def test_a_job_that_leaves_its_outputs_out_is_a_defect(bench: Bench) -> None:
    state = bench.run(evaluation("e", "forget"))
    failure = state.jobs[0].failure
    assert failure is not None and failure.code == "defect" and "cell-e" in failure.message


def test_stopping_ends_every_job_and_keeps_what_landed(bench: Bench) -> None:
    calls = 0

    def stopping() -> bool:
        nonlocal calls
        calls += 1
        now = bench.folder.state()
        return now is not None and "done" in stages(now).values()

    state = bench.run(evaluation("slow", "slow"), evaluation("quick", "ok"), stopping=stopping)
    assert state.stage == "stopped" and calls > 1
    assert stages(state) == {"slow": "stopped", "quick": "done"}
    handle = bench.folder.job("slow").handle()
    assert handle is not None and bench.executor.poll([handle]) == ["gone"]


def test_a_living_job_of_an_earlier_scheduler_is_adopted_not_started_twice(bench: Bench) -> None:
    job = evaluation("e", "slow")
    folder = bench.folder.job("e")
    folder.write_spec(bench.prepare(job, bench.executor.slots[0]))
    handle = bench.executor.submit([Submission(folder.path, bench.executor.slots[0])])[0]
    wait_for(lambda: bool(folder.read_events()[0]))
    seen: list[str | None] = []

    def stopping() -> bool:
        state = bench.folder.state()
        seen.extend(j.slot for j in state.jobs if state is not None) if state else None
        return len(seen) > 3

    state = bench.run(job, stopping=stopping)
    assert state.stage == "stopped" and set(seen) == {"cpu0"}
    assert sum(event.kind == "started" for event in folder.read_events()[0]) == 1
    assert bench.executor.poll([handle]) == ["gone"]


def test_no_more_jobs_than_slots(bench: Bench) -> None:
    most = 0

    def watch() -> bool:
        nonlocal most
        state = bench.folder.state()
        most = max(most, sum(job.stage == "running" for job in state.jobs) if state else 0)
        return False

    state = bench.run(*(evaluation(f"e{i}", "ok") for i in range(5)), stopping=watch)
    assert state.stage == "done" and 1 <= most <= 2


def test_one_kit_a_run(bench: Bench) -> None:
    with (
        bench.folder.lock(),
        pytest.raises(LockedError, match="process"),
        RunFolder(bench.folder.path).lock(),
    ):
        pass
    with bench.folder.lock():
        pass


def test_a_job_whose_handle_was_never_written_is_found_and_adopted(bench: Bench) -> None:
    job = evaluation("e", "slow")
    folder = bench.folder.job("e")
    folder.write_spec(bench.prepare(job, bench.executor.slots[0]))
    handle = bench.executor.submit([Submission(folder.path, bench.executor.slots[0])])[0]
    (folder.path / "handle.json").unlink()  # the kit was killed in between
    wait_for(lambda: bool(folder.read_events()[0]))
    state = bench.run(job, stopping=lambda: bench.folder.state() is not None)
    assert (state.stage, stages(state)) == ("stopped", {"e": "stopped"})
    assert bench.executor.poll([handle]) == ["gone"]
    assert sum(event.kind == "started" for event in folder.read_events()[0]) == 1


def test_what_another_run_has_finished_since_planning_is_not_started(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    other.store = bench.store
    assert other.run(tuning("tune-t", "ok")).stage == "done"
    state = bench.run(tuning("tune-t", "fail"))
    assert (state.stage, state.jobs[0].attempts) == ("done", 0)


def test_a_run_whose_folder_vanishes_ends_its_jobs_and_says_so(bench: Bench) -> None:
    gone: list[Handle] = []

    def vanish() -> bool:
        handle = bench.folder.job("e").handle()
        if handle and not gone:
            gone.append(handle)
            shutil.rmtree(bench.folder.path)
        return False

    with pytest.raises(StorageError, match="can no longer be written") as caught:
        bench.run(evaluation("e", "slow"), evaluation("f", "ok", ("e",)), stopping=vanish)
    assert caught.value.where is not None and caught.value.where.path == str(bench.folder.path)
    assert bench.executor.poll(gone) == ["gone"]


def wishing(bench: Bench, *acts: tuple[Callable[[dict[str, str]], bool], Wish]) -> Callable[[RunState], None]:
    """An observer that leaves each wish once, in order, as soon as its condition on the jobs' stages holds."""
    left = list(acts)

    def observe(state: RunState) -> None:
        if left and left[0][0](stages(state)):
            Wishes(bench.folder.path).leave(left.pop(0)[1])

    return observe


def test_one_job_that_is_stopped_blocks_what_needs_it_and_nothing_else(bench: Bench) -> None:
    observe = wishing(bench, (lambda now: now["slow"] == "running", Wish("stop", "slow")))
    state = bench.run(
        evaluation("slow", "slow"),
        evaluation("after", "ok", ("slow",)),
        evaluation("free", "ok"),
        observe=observe,
    )
    assert state.stage == "stopped"
    assert stages(state) == {"slow": "stopped", "after": "blocked", "free": "done"}
    failure = state.jobs[0].failure
    assert failure is not None and failure.remedy is not None and "xlt-kit retry run slow" in failure.remedy
    assert "which was stopped" in (state.jobs[1].failure or failure).message
    handle = bench.folder.job("slow").handle()
    assert handle is not None and bench.executor.poll([handle]) == ["gone"]


def test_a_job_that_waits_can_be_stopped_and_tried_again(bench: Bench) -> None:
    observe = wishing(
        bench,
        (lambda now: now["a"] == "running", Wish("stop", "b")),
        (lambda now: now["c"] == "blocked", Wish("retry", "c")),
    )
    state = bench.run(
        tuning("a", "half-once", (13, 60)),
        evaluation("b", "ok", ("a",), ("a@60",)),
        evaluation("c", "ok", ("b",)),
        observe=observe,
    )
    assert stages(state) == {"a": "done", "b": "done", "c": "done"}
    assert all(job.failure is None for job in state.jobs)


def test_a_job_that_failed_is_tried_again_with_what_it_blocked(bench: Bench) -> None:
    def mended(now: dict[str, str]) -> bool:
        if now["after"] != "blocked":
            return False
        (bench.folder.path / "mended").touch()
        return True

    prepare = bench.prepare

    def prepare_anew(job: PlannedJob, slot: Slot) -> JobSpec:
        spec = prepare(job, slot)
        return replace(spec, name="ok") if (bench.folder.path / "mended").exists() else spec

    bench.prepare = prepare_anew  # type: ignore[method-assign]
    state = bench.run(
        evaluation("e", "fail"),
        evaluation("after", "ok", ("e",)),
        evaluation("busy", "slow-once"),
        observe=wishing(
            bench, (mended, Wish("retry", "e")), (lambda now: now["after"] == "done", Wish("stop", "busy"))
        ),
    )
    assert stages(state) == {"e": "done", "after": "done", "busy": "stopped"}
    assert bench.store.cell("cell-after") is not None


def test_wishes_that_no_longer_fit_or_are_no_wishes_do_nothing(bench: Bench) -> None:
    wishes = Wishes(bench.folder.path)
    wishes.leave(Wish("stop", "e"))  # of an earlier go
    sent = False

    def observe(state: RunState) -> None:
        nonlocal sent
        if not sent:
            sent = True
            wishes.leave(Wish("retry", "e"))
            wishes.leave(Wish("stop", "nobody"))
            (bench.folder.path / "wishes" / "x.json").write_text("{")

    assert bench.run(evaluation("e", "ok"), observe=observe).stage == "done"
    assert wishes.take() == []
