"""Translation first, answers after it: from a recipe to a table, on a real model, on a CPU."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from kit.api import Workspace, choose_executor, execute, open_run, prepare
from kit.corpus import examples
from kit.schedule import RunFolder, RunState
from tests.kit_command import Kit

pytestmark = pytest.mark.slow

RECIPE = """\
schema: 1
name: staged
models: [tiny-bloom]
train:
  - {stage: translation, file: te.tsv, format: pairs-tsv, language: te, from: en}
  - {dataset: tiny-qa, languages: [de], after: translation, limit: 12}
  - {dataset: tiny-qa, languages: [de], limit: 12}
  - {stage: again, file: hi.jsonl, format: jsonl, language: hi}
  - {file: hi.jsonl, format: jsonl, language: hi, after: again}
evaluate:
  - {dataset: tiny-qa, languages: [en], split: test, limit: 6}
tasks: [generate]
answer_limit: 8
lora: {r: 4, alpha: 8, dropout: 0.0}
trainer: {learning_rate: 5e-3, steps: 4, batch: 12, accumulation: 1, length_groups: false}
resources: {device: cpu, executor: local, slots: 1}
"""
PAIRS = "".join(f"Good day number {n}.\tశుభోదయం {n}.\n" for n in range(12))


def written(home: Path) -> Path:
    home.parent.mkdir(parents=True, exist_ok=True)
    recipe = home.parent / "staged.yaml"
    recipe.write_text(RECIPE)
    (home.parent / "te.tsv").write_text(PAIRS)
    rows = [
        {"id": e.id, "context": e.context, "question": e.question, "answer": e.answer}
        for e in examples("hi", "train")[:12]
    ]
    (home.parent / "hi.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return recipe


def run(home: Path, *overrides: str, observe: Any = None) -> tuple[RunFolder, RunState]:
    workspace = Workspace(home)
    prepared = prepare(workspace, written(home), overrides)
    folder = open_run(workspace, prepared)
    watch = {"observe": observe} if observe else {}
    return folder, execute(prepared, folder, choose_executor(prepared).executor, **watch)


def losses(folder: RunFolder) -> dict[str, list[float]]:
    """The loss of every step, by the title of the tuning."""
    found: dict[str, list[float]] = {}
    for job in folder.job_folders():
        title = job.spec().name
        for event in job.read_events()[0]:
            if event.kind == "piece":
                title = event.data["name"]
            elif event.kind == "train":
                found.setdefault(
                    title.removeprefix("tune tiny-bloom on ").removesuffix(", seed 42"), []
                ).append(event.data["loss"])
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunFolder]:
    home = tmp_path_factory.mktemp("staged") / "home"
    folder, state = run(home)
    assert state.stage == "done" and len(state.jobs) == 1
    return home, folder


def test_a_tuning_begins_where_its_parent_ended(done: tuple[Path, RunFolder]) -> None:
    """Each step sees the whole set, so the first loss after a parent on the same set is what its fifth were."""
    told = losses(done[1])
    assert set(told) == {
        "te/te",
        "te/te → tiny-qa/de",
        "tiny-qa/de",
        "hi/hi",
        "hi/hi → hi/hi",
    }
    assert told["te/te → tiny-qa/de"][0] != pytest.approx(told["tiny-qa/de"][0], abs=1e-3)
    parent, child = told["hi/hi"], told["hi/hi → hi/hi"]
    assert parent == sorted(parent, reverse=True) and child[0] < parent[-1]
    alone = f"train=[{{file: {done[0].parent}/hi.jsonl, format: jsonl, language: hi}}]"
    longer = losses(run(done[0], alone, "evaluate=[]", "trainer.steps=5")[0])["hi/hi"]
    assert longer[:4] == parent and child[0] == pytest.approx(longer[4], abs=1e-4)


def test_the_table_has_a_row_for_each_way(done: tuple[Path, RunFolder]) -> None:
    kit = Kit(done[0])
    [table] = kit.json("table", done[1].path)["tables"]
    rows = {cell["trained_on"] for cell in table["cells"]}
    assert rows == {"", "te/te", "te/te → tiny-qa/de", "tiny-qa/de", "hi/hi", "hi/hi → hi/hi"}
    shown = kit.json("show", done[1].path, "--cell", "te/te -> tiny-qa/de:en")
    assert (
        shown["total"] == 6
        and shown["keys"] == kit.json("show", done[1].path, "--cell", "te/te → tiny-qa/de:en")["keys"]
    )


def test_killed_in_the_child_it_goes_on_from_the_same_parent(
    done: tuple[Path, RunFolder], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    killed: set[int] = set()

    def kill(state: RunState) -> None:
        for job in state.jobs if not killed else ():
            folder = RunFolder(home / "runs" / state.run).job(job.id)
            names = [event.data["name"] for event in folder.read_events()[0] if event.kind == "piece"]
            handle = folder.handle()
            if handle and any(name.startswith("tune") and "→" in name for name in names):
                killed.add(int(handle.id))
                os.kill(int(handle.id), signal.SIGKILL)

    _, state = run(home, "evaluate=[]", observe=kill)
    assert killed and state.stage == "done" and state.jobs[0].attempts == 2
    assert len(weights(home)) == 5 and weights(home).items() <= weights(done[0]).items()


def weights(home: Path) -> dict[str, str]:
    """Digest of each adapter's weights."""
    return {
        str(path.relative_to(home)): path.read_text() for path in home.glob("store/adapters/*/*/digest.txt")
    }


def test_a_parent_that_fails_blocks_its_child_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    recipe = written(home)
    workspace = Workspace(home)
    prepared = prepare(workspace, recipe)
    spoilt = next(one for one in prepared.inputs.train if one.dataset == "te")
    prepared.inputs.paths[spoilt.id].write_text("{}")
    folder = open_run(workspace, prepared)
    state = execute(prepared, folder, choose_executor(prepared).executor)
    assert state.stage == "failed"
    failure = state.jobs[0].failure
    assert failure is not None and failure.message.startswith("tune tiny-bloom on te/te, seed 42: ")
    wanted = prepared.plan.demand.wanted.cells
    there = {cell.at.trained_on for cell in wanted if prepared.store.cell(cell.key)}
    assert {cell.at.trained_on for cell in wanted} - there == {"te/te", "te/te → tiny-qa/de"}
