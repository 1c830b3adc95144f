"""What it takes to decide a claim that was not run: the command, and the hours by the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.api import Judgement, Workspace, priced
from kit.api.forecast import Work, work_left
from kit.catalog import Catalog
from kit.claims import Outcome, Verdict, load_claims
from kit.report.claims import as_data, details

RECIPE = """schema: 1
name: {name}
needs: a machine
models: [{model}]
train: [{{dataset: tiny-qa, languages: [de]}}]
evaluate: [{{dataset: tiny-qa, languages: [de, hi], split: test, limit: 20}}]
"""
CLAIMS = """schema: 1
claims:
  C1:
    title: It rises
    statement: Tuning raises it.
    source: made up
    recipes: [first]
    family: F
    models: [tiny-bloom]
    trained_on: {datasets: tiny-qa}
    evaluated_on: {datasets: tiny-qa}
    against: {recipe: second}
    effect: {kind: difference, above: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "first.yaml").write_text(RECIPE.format(name="first", model="bloomz-1b1"))
    (tmp_path / "second.yaml").write_text(RECIPE.format(name="second", model="tiny-bloom"))
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    return tmp_path


def test_a_large_model_is_priced_on_a_gpu_and_a_toy_on_the_cpu(folder: Path) -> None:
    workspace = Workspace(folder / "home", offline=True)
    large, toy = (work_left(workspace, folder / f"{name}.yaml") for name in ("first", "second"))
    assert large is not None and toy is not None
    assert (large.on, toy.on) == ("GPU", "CPU") and large.hours > 0 < toy.hours
    assert work_left(workspace, folder / "claims.yaml") is None
    assert str(Work(2.81, "GPU")) == "about 2.8 GPU-hours" and "minutes" in str(Work(0.01, "CPU"))


def test_what_was_not_run_says_every_recipe_that_decides_it_and_its_hours(folder: Path) -> None:
    loaded = load_claims(folder / "claims.yaml", Catalog.load())
    claim = loaded.file.claims["C1"]
    bare = Verdict(
        "C1", claim, "tiny-bloom", Outcome.NOT_RUN, command=loaded.command(claim), cost="a machine"
    )
    settled = Verdict("C1", claim, "tiny-bloom", Outcome.REPRODUCED)
    found = priced(Workspace(folder / "home", offline=True), Judgement(loaded, (bare, settled), ()))
    told, other = found.verdicts
    assert told.command == f"xlt-kit run {folder / 'first.yaml'} && xlt-kit run {folder / 'second.yaml'}"
    assert set(told.work) == {"GPU", "CPU"} and "a machine; by the plan " in told.cost
    assert any(line.startswith("to get it: xlt-kit run") and "GPU" in line for line in details(told))
    assert as_data([told])[0]["work_hours"] == dict(told.work)
    assert other is settled


def test_without_its_data_a_recipe_has_no_price(folder: Path) -> None:
    text = (folder / "first.yaml").read_text().replace("tiny-qa", "xquad-in")
    (folder / "first.yaml").write_text(text)
    loaded = load_claims(folder / "claims.yaml", Catalog.load())
    bare = Verdict("C1", loaded.file.claims["C1"], "tiny-bloom", Outcome.NOT_RUN, cost="a machine")
    found = priced(Workspace(folder / "home", offline=True), Judgement(loaded, (bare,), ()))
    assert found.verdicts == (bare,)
