"""A small recipe through the API, on real models: in series it makes what single jobs make, and goes on after kills."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest

from kit.api import Workspace, choose_executor, execute, open_run, prepare, preview
from kit.jobdir import SeriesSpec
from kit.schedule import RunFolder, RunState

RECIPE = """\
schema: 1
name: small
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de, hi]}
evaluate:
  - {dataset: tiny-qa, languages: [en, or], limit: 6}
tasks: [generate]
answer_limit: 8
checkpoints: [2, last]
trainer: {learning_rate: 1e-3, steps: 4, batch: 2, accumulation: 1}
resources: {device: cpu, executor: local, slots: 1}
"""


def run(home: Path, *overrides: str, observe: object = None) -> tuple[RunFolder, RunState]:
    recipe = home.parent / "small.yaml"
    recipe.write_text(RECIPE)
    workspace = Workspace(home)
    prepared = prepare(workspace, recipe, overrides)
    folder = open_run(workspace, prepared)
    watch = {"observe": observe} if observe else {}
    return folder, execute(prepared, folder, choose_executor(prepared).executor, **watch)  # type: ignore[arg-type]


def contents(home: Path) -> dict[str, str]:
    """Digest of the weights of each adapter and of the outputs of each cell."""
    found = [
        *home.glob("store/cells/*/items.jsonl"),
        *home.glob("store/adapters/*/*/adapter_model.safetensors"),
    ]
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What single jobs make."""
    home = tmp_path_factory.mktemp("single") / "home"
    _, state = run(home, "resources.series=false")
    assert state.stage == "done" and sorted({job.kind for job in state.jobs}) == ["evaluate", "tune"]
    assert len(state.jobs) == 5
    made = contents(home)
    assert len(made) == 2 * (1 + 2 * 2) + 2 * 2
    return made


@pytest.mark.slow
def test_a_run_in_series_makes_what_single_jobs_make(tmp_path: Path, single: dict[str, str]) -> None:
    home = tmp_path / "home"
    recipe = tmp_path / "small.yaml"
    recipe.write_text(RECIPE)
    lines = preview(Workspace(home), prepare(Workspace(home), recipe))
    assert any(
        "series of 5 on tiny-bloom: the base, tiny-qa/de seed 42, tiny-qa/hi seed 42" in x for x in lines
    )
    folder, state = run(home)
    assert [(job.kind, job.stage, job.attempts) for job in state.jobs] == [("series", "done", 1)]
    assert contents(home) == single
    job = folder.job(state.jobs[0].id)
    names = [event.data["name"] for event in job.read_events()[0] if event.kind == "phase"]
    assert sum(name.startswith("load") for name in names) == 1
    work = job.spec().work
    assert isinstance(work, SeriesSpec) and len(work.pieces) == 5
    assert not list(job.adapters.glob("*/*")) and not job.kept.exists()
    assert run(home)[1].jobs == ()


@pytest.mark.slow
def test_a_series_that_is_killed_again_and_again_goes_on(tmp_path: Path, single: dict[str, str]) -> None:
    home = tmp_path / "home"
    killed: set[int] = set()

    def kill(state: RunState) -> None:
        """Once in the second tuning, whose job is then started again without what has landed."""
        for job in state.jobs if not killed else ():
            folder = RunFolder(home / "runs" / state.run).job(job.id)
            events = folder.read_events()[0]
            handle = folder.handle()
            if (
                handle
                and sum(event.kind == "piece" and event.data["work"] == "tune" for event in events) == 2
            ):
                killed.add(int(handle.id))
                os.kill(int(handle.id), signal.SIGKILL)

    folder, state = run(home, observe=kill)
    assert killed and state.stage == "done" and state.jobs[0].attempts == 2
    assert contents(home) == single
    spec = folder.job(state.jobs[0].id).spec()
    assert isinstance(spec.work, SeriesSpec) and len(spec.work.pieces) < 5
    told = [event for event in folder.job(state.jobs[0].id).read_events()[0] if event.kind == "cell"]
    assert len({event.data["key"] for event in told}) == len(told), "no cell is made twice"


@pytest.mark.slow
def test_what_has_landed_is_not_made_again_by_another_plan(tmp_path: Path, single: dict[str, str]) -> None:
    home = tmp_path / "home"
    _, state = run(home, "train.0.languages=[de]")
    assert state.stage == "done"
    folder, state = run(home, "resources.job_hours=0.001")
    assert state.stage == "done" and len(state.jobs) >= 1
    assert all("tiny-qa/hi" in job.title for job in state.jobs)
    assert contents(home) == single
    assert json.loads((folder.path / "state.json").read_text())["stage"] == "done"
