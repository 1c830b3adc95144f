"""From a recipe with shots to cells: which examples, whose key, what is left of the test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kit.api import Workspace, prepare
from kit.api.fetching import parts
from kit.api.planning import Prepared, load
from kit.data.example import read_slice
from kit.errors import DataError
from kit.jobdir import key_of

RECIPE = """\
schema: 1
name: shots
models: [tiny-bloom]
prompts: [qa, {prompt: qa, shots: 2}]
evaluate: [{dataset: tiny-qa, languages: [de, or], split: test, limit: 9}]
tasks: [generate]
resources: {device: cpu}
"""


def planned(folder: Path, *overrides: str, text: str = RECIPE) -> Prepared:
    path = folder / "recipe.yaml"
    path.write_text(text)
    return prepare(Workspace(folder / "home"), path, overrides)


def test_shots_are_training_items_the_same_in_every_language(tmp_path: Path) -> None:
    made = planned(tmp_path)
    shots = made.inputs.shots["qa:shots=2"]
    read = [read_slice(made.inputs.paths[one.id]) for one in shots]
    tests = [read_slice(made.inputs.paths[one.id]) for one in made.inputs.evaluate]
    assert [one.id for one in read[0]] == [one.id for one in read[1]]
    assert [one.asked for one in shots] == list(made.inputs.evaluate)
    for drawn, test in zip(read, tests, strict=True):
        assert len(drawn) == 2 and len(test) == 9
        assert not {one.context for one in drawn} & {one.context for one in test}
    job = made.plan.jobs[0]
    assert {one.id for one in shots} <= set(job.inputs)


def test_prompts_without_shots_keep_their_keys(tmp_path: Path) -> None:
    alone = planned(tmp_path, "prompts=[qa]").plan.demand.wanted.cells
    beside = planned(tmp_path).plan.demand.wanted.cells
    assert {cell.key for cell in alone} < {cell.key for cell in beside}
    assert len({cell.key for cell in beside}) == len(beside) == 4
    for cell in alone:
        bare = replace(cell.spec.prompt, shots="", shot="")
        assert key_of("generate", replace(cell.spec, prompt=bare)) == cell.key
    other = planned(tmp_path, "prompts.1.seed=1").plan.demand.wanted.cells
    assert len({cell.key for cell in beside} - {cell.key for cell in other}) == 2


def test_the_papers_form_repeats_the_first_item_and_drops_as_many(tmp_path: Path) -> None:
    made = planned(tmp_path, "switches.shots_from=test-repeated")
    whole = read_slice(made.inputs.paths[made.inputs.evaluate[0].id])
    shots = made.inputs.shots["qa:shots=2,test-repeated"][0]
    assert read_slice(made.inputs.paths[shots.id]) == whole[:1] * 2
    assert read_slice(made.inputs.paths[shots.asked.id]) == whole[2:]
    counts = {(cell.at.prompt, cell.items) for cell in made.plan.demand.wanted.cells}
    assert counts == {("qa", 9), ("qa:shots=2,test-repeated", 7)}
    with pytest.raises(DataError, match="has 9 items, and 9 of them would be left out"):
        planned(tmp_path, "switches.shots_from=test-repeated", "prompts.1.shots=9")


def test_too_few_examples_are_said(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"could be shots for tiny-qa/de, and 99999 are asked for.*fewer `shots`"
    ):
        planned(tmp_path, "prompts.1.shots=99999")


def test_what_shots_are_drawn_from_is_fetched(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    sets = "evaluate=[{dataset: xquad, languages: [hi], split: test}]"
    loaded, catalog = load(path, [sets, "prompts=[{prompt: qa, shots: 1, from: xquad-in}]"])
    assert [part.name for part in parts(loaded, catalog) if part.data] == [
        "xquad/hi/test",
        "xquad-in/hi/train",
    ]
    loaded, catalog = load(
        path, [sets, "prompts=[{prompt: qa, shots: 1}]", "switches.shots_from=test-repeated"]
    )
    assert [part.name for part in parts(loaded, catalog) if part.data] == ["xquad/hi/test"]
