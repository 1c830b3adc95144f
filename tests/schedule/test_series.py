"""Series under the scheduler, over real processes: landing as pieces are ready, ends, living ones planned again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.jobdir import EvaluateSpec, Handle, JobFolder, JobSpec, Piece, SeriesSpec, TuneSpec
from kit.plan import PlannedJob
from kit.schedule import RunState, Slot, Submission, Wish, Wishes, at_work, collect
from kit.schedule.progress import Curve, Follower
from kit.schedule.reading import doing_of
from tests.executors.conformance import wait_for
from tests.schedule.test_scheduler import COST, Bench, evaluation, stages, tuning


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def series(title: str, *jobs: PlannedJob) -> PlannedJob:
    pieces = []
    for job in jobs:
        assert isinstance(job.work, (TuneSpec, EvaluateSpec))
        pieces.append(Piece(job.title, job.work, job.keys, 1 / len(jobs)))
    keys = tuple(key for job in jobs for key in job.keys)
    return PlannedJob("series-1", title, SeriesSpec("base-0", tuple(pieces)), keys, (), (), COST)


def pair(title: str) -> PlannedJob:
    return series(
        title, tuning("tune-t", "ok", (13, 60)), evaluation("e", "ok", (), ("tune-t@13", "tune-t@60"))
    )


def test_adapters_and_cells_of_a_series_land_and_belong_together(bench: Bench) -> None:
    state = bench.run(pair("ok"))
    assert stages(state) == {"series-1": "done"} and state.jobs[0].kind == "series"
    assert bench.store.adapter_steps("tune-t") == [13, 60]
    cell = bench.store.cell("cell-e")
    assert cell is not None
    assert bench.store.adapter_digests(cell) == {"tune-t@13": "weights-13", "tune-t@60": "weights-60"}
    assert bench.finished == ["data-e"]


def test_what_is_ready_lands_while_the_series_goes_on(bench: Bench) -> None:
    seen: list[list[int]] = []

    def observe(state: RunState) -> None:
        steps = bench.store.adapter_steps("tune-t")
        if state.jobs[0].stage == "running" and steps:
            seen.append(steps)
            (bench.folder.job("series-1").path / "go-on").touch()

    assert bench.run(pair("late"), observe=observe).stage == "done"
    assert seen and seen[-1] == [13, 60]


def test_a_series_that_was_stopped_keeps_what_has_landed(bench: Bench) -> None:
    wished = False

    def observe(state: RunState) -> None:
        nonlocal wished
        if bench.store.adapter_steps("tune-t") == [13, 60] and not wished:
            wished = True
            Wishes(bench.folder.path).leave(Wish("stop", "series-1"))

    state = bench.run(pair("late"), evaluation("free", "ok"), observe=observe)
    assert stages(state) == {"series-1": "stopped", "free": "done"}
    assert bench.store.cell("cell-e") is None and bench.store.cell("cell-free") is not None


def test_a_failed_series_blocks_what_takes_what_it_has_not_made(bench: Bench) -> None:
    """The parent of one job has landed before the series failed, that of the other has not."""
    jobs = (
        series("fail-late", tuning("tune-t", "x"), tuning("tune-u", "x")),
        evaluation("child", "ok", ("series-1",), ("tune-t@60",)),
        evaluation("orphan", "ok", ("series-1",), ("tune-u@60",)),
        evaluation("grandchild", "ok", ("child",)),
    )
    state = bench.run(*jobs)
    assert stages(state) == {
        "series-1": "failed",
        "child": "done",
        "orphan": "blocked",
        "grandchild": "done",
    }
    failure = state.jobs[2].failure
    assert failure is not None and failure.message == "needs «fail-late», which failed"


def _start(bench: Bench, job: PlannedJob) -> Handle:
    folder = bench.folder.job(job.id)
    folder.write_spec(bench.prepare(job, bench.executor.slots[0]))
    handle = bench.executor.submit([Submission(folder.path, bench.executor.slots[0])])[0]
    wait_for(lambda: any(event.kind == "piece" for event in folder.read_events()[0]))
    return handle


def test_what_lives_is_found_with_all_that_it_was_told(bench: Bench) -> None:
    job = pair("late")
    handle = _start(bench, job)
    (bench.folder.job(job.id).path / "handle.json").unlink()  # the kit was killed in between
    found = at_work(bench.folder, bench.executor)
    assert {name: spec.keys for name, spec in found.items()} == {"series-1": job.keys}
    bench.executor.cancel([handle], 5)
    assert at_work(bench.folder, bench.executor) == {}


def test_finished_work_of_a_job_that_is_planned_no_more_is_taken_in(bench: Bench) -> None:
    job = pair("ok")
    handle = _start(bench, job)
    wait_for(lambda: bench.executor.poll([handle]) == ["gone"])
    (bench.folder.path / "jobs" / "broken").mkdir()
    (bench.folder.path / "jobs" / "broken" / "job.json").write_text("{")
    collect(bench.folder, bench.store, lambda folder, cell: None)
    assert bench.store.adapter_steps("tune-t") == [13, 60] and bench.store.cell("cell-e") is not None


def test_a_series_is_judged_by_the_piece_that_it_was_at(tmp_path: Path) -> None:
    folder = JobFolder(tmp_path)
    assert doing_of(folder, "series") == "series" and doing_of(folder, "tune") == "tune"
    folder.emit("piece", work="tune")
    folder.emit("piece", work="evaluate")
    assert doing_of(folder, "series") == "evaluate"


def test_progress_names_the_piece_and_weighs_it(bench: Bench) -> None:
    job = pair("ok")
    folder = bench.folder.job(job.id)
    folder.write_spec(JobSpec("s", job.work, job.keys, {}))
    running: list[tuple[str, float]] = []
    follower = Follower(bench.folder)
    state = bench.run(job)
    now = RunState("r", "running", (replace(state.jobs[0], stage="running", ended=None),), 0.0, 0.0, 1, 0)
    folder.events.unlink()
    first = {"number": 1, "of": 2, "before": 0, "share": 0.8}
    second = {"number": 2, "of": 2, "before": 0.8, "share": 0.2}
    told: list[tuple[str, dict[str, object]]] = [
        ("started", {}),
        ("piece", {**first, "name": "tune x", "work": "tune", "keys": ["tune-t"]}),
        ("train", {"step": 30, "steps": 60, "loss": 1.5, "tokens_per_s": 10.0}),
        ("piece", {**second, "name": "evaluate x", "work": "evaluate", "keys": ["a", "b"]}),
        ("progress", {"cell": "b", "done": 5, "total": 10}),
    ]
    for kind, data in told:
        folder.emit(kind, **data)
        follower.update(now)
        progress = follower.jobs[job.id]
        running.append((progress.doing, round(progress.share, 3)))
    assert running == [
        ("", 0.0),
        ("1/2 begins: tune x", 0.0),
        ("1/2 step 30/60, loss 1.500: tune x", 0.4),
        ("2/2 begins: evaluate x", 0.8),
        ("2/2 cell 2/2, 5/10: evaluate x", 0.95),
    ]
    assert Curve().follow(folder).losses == [1.5], "the curve of the last tuning stays while it is evaluated"
    folder.emit("piece", work="tune")
    assert Curve().follow(folder).losses == []


def test_a_series_that_has_got_on_since_it_was_started_is_started_again(bench: Bench) -> None:
    """It vanishes once more than a job may, each time in another piece."""
    job = series("vanish-late", *(evaluation(name, "ok") for name in ("a", "b", "c", "d")))
    prepare = bench.prepare

    def left(job: PlannedJob, slot: Slot) -> JobSpec:
        spec = prepare(job, slot)
        assert isinstance(spec.work, SeriesSpec)
        pieces = tuple(piece for piece in spec.work.pieces if bench.store.cell(piece.keys[0]) is None)
        return replace(spec, work=replace(spec.work, pieces=pieces), keys=tuple(p.keys[0] for p in pieces))

    bench.prepare = left  # type: ignore[method-assign]
    state = bench.run(job)
    assert (state.stage, state.jobs[0].attempts) == ("done", 4)
