"""From a recipe with stages to tunings and cells: what goes on from what, under which name, on which texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from kit.api import Workspace, prepare
from kit.api.planning import Prepared
from kit.data.example import read_slice
from kit.job.prompt import Encoder, render
from kit.jobdir import key_of
from tests.job.conftest import EMBEDDED

RECIPE = """\
schema: 1
name: staged
models: [tiny-bloom]
train:
  - {stage: into, file: te.tsv, format: pairs-tsv, language: te, from: en}
  - {stage: out-of, file: back.jsonl, format: pairs-jsonl, language: te, to: en, name: back}
  - {dataset: tiny-qa, languages: [de, hi], after: into}
  - {stage: twice, dataset: tiny-qa, languages: [de], after: out-of}
  - {dataset: tiny-qa, languages: [or], after: twice}
  - {dataset: tiny-qa, languages: [de]}
evaluate: [{dataset: tiny-qa, languages: [en], split: test, limit: 5}]
tasks: [generate]
checkpoints: [1]
trainer: {steps: 3}
seeds: [4, 5]
resources: {device: cpu}
"""


@pytest.fixture
def made(tmp_path: Path) -> Prepared:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "te.tsv").write_text(
        "Good {source} day.\\tశుభోదయం.\\nYes.\\tఅవును.\\n".replace("\\t", "\t").replace("\\n", "\n")
    )
    (tmp_path / "back.jsonl").write_text('{"src": "అవును.", "tgt": "Yes."}\n')
    return prepare(Workspace(tmp_path / "home"), tmp_path / "recipe.yaml")


def test_every_tuning_goes_on_from_where_its_stage_ends_with_its_own_seed(made: Prepared) -> None:
    tunings = made.plan.demand.tunings
    by_label = {wanted.spec.label.removeprefix("tiny-bloom on "): wanted for wanted in tunings.values()}
    assert len(by_label) == 2 * 7
    for seed in (4, 5):
        into, out = by_label[f"te/te, seed {seed}"], by_label[f"back/te, seed {seed}"]
        assert into.steps == out.steps == (1, 3), "what comes after it begins at its end"
        child = by_label[f"te/te → tiny-qa/hi, seed {seed}"]
        assert child.spec.parents == (f"{into.key}@3",) and child.steps == (1,)
        twice = by_label[f"back/te → tiny-qa/de, seed {seed}"]
        third = by_label[f"back/te → tiny-qa/de → tiny-qa/or, seed {seed}"]
        assert third.spec.parents == (f"{out.key}@3", f"{twice.key}@3")
        assert twice.steps == (1, 3)
    plain = by_label["tiny-qa/de, seed 4"]
    assert plain.spec.parents == () and plain.key == key_of("tune", plain.spec)
    assert plain.key != by_label["te/te → tiny-qa/de, seed 4"].key
    assert {cell.spec.adapters for cell in made.plan.demand.wanted.cells if "→" in cell.at.trained_on} == {
        (*wanted.spec.parents, f"{key}@{step}")
        for key, wanted in tunings.items()
        if wanted.spec.parents
        for step in wanted.steps
    }


def test_tables_name_the_whole_way_and_the_last_language(made: Prepared) -> None:
    names = {(cell.at.trained_on, cell.at.train_language) for cell in made.plan.demand.wanted.cells}
    assert names == {
        ("", ""),
        ("te/te", "te"),
        ("back/te", "te"),
        ("te/te → tiny-qa/de", "de"),
        ("te/te → tiny-qa/hi", "hi"),
        ("back/te → tiny-qa/de", "de"),
        ("back/te → tiny-qa/de → tiny-qa/or", "or"),
        ("tiny-qa/de", "de"),
    }


def test_the_text_is_the_papers(made: Prepared) -> None:
    specs = {wanted.spec.label: wanted.spec for wanted in made.plan.demand.tunings.values()}
    spec = specs["tiny-bloom on te/te, seed 4"]
    first, second = read_slice(made.inputs.paths[spec.data])
    assert render(spec.prompt, second) + spec.prompt.joint + second.answers[0] == (
        "Yes.\n\nQ: Translate the above text from English to Telugu.\nA: అవును."
    )
    assert first.context == "Good {source} day." and "{" not in first.question
    [back] = read_slice(made.inputs.paths[specs["tiny-bloom on back/te, seed 4"].data])
    assert (back.context, back.answers) == ("అవును.", ("Yes.",))
    assert back.question == "Translate the above text from Telugu to English."
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    text = Encoder(tokenizer, spec.prompt).training_text(second, 1024, "right", tokenizer.eos_token_id)
    assert text.ids[-1] == tokenizer.eos_token_id


def test_jobs_wait_for_what_they_go_on_from(tmp_path: Path, made: Prepared) -> None:
    single = prepare(Workspace(tmp_path / "home"), tmp_path / "recipe.yaml", ["resources.series=false"]).plan
    done: set[str] = set()
    for job in single.jobs:
        assert set(job.needs) <= done
        done.add(job.id)
    [chain] = [
        job
        for job in single.jobs
        if job.title == "tune tiny-bloom on back/te → tiny-qa/de → tiny-qa/or, seed 4"
    ]
    assert len(chain.needs) == 2


def test_the_real_pairs_of_the_mirror(tmp_path: Path, mirror: Path) -> None:
    text = RECIPE.replace(
        "file: te.tsv, format: pairs-tsv, language: te, from: en",
        "dataset: flores-in-enxx, languages: [or], split: dev",
    )
    text = text.replace(
        "file: back.jsonl, format: pairs-jsonl, language: te, to: en, name: back",
        "dataset: flores-in-xxen, languages: [or], split: dev",
    )
    (tmp_path / "recipe.yaml").write_text(text)
    found = prepare(Workspace(tmp_path / "home", mirror, offline=True), tmp_path / "recipe.yaml").inputs
    into, out = (read_slice(found.paths[one.id]) for one in found.train[:2])
    assert len(into) == len(out) == 997
    assert {one.question for one in into} == {"Translate the above text from English to Odia."}
    assert {one.question for one in out} == {"Translate the above text from Odia to English."}
    assert into[0].context.startswith("Hsieh implied") and "ନିର୍ବାଚନ" in into[0].answers[0]
    assert {(one.context, one.answers[0]) for one in into} == {(one.answers[0], one.context) for one in out}
