"""Controls of S2 from a recipe to keys: other trainings in the table, the base and its cells shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.api import Workspace, prepare
from kit.api.planning import Prepared
from kit.data.example import read_slice
from kit.errors import RecipeErrors
from kit.jobdir import DeriveSpec, TuneSpec

RECIPE = """\
schema: 1
name: controls
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de], limit: 20}
  - {dataset: tiny-qa, languages: [de], limit: 20, answers: shuffled}
  - {dataset: tiny-qa, languages: [de], limit: 20, answers: shuffled, control_seed: 7}
  - {dataset: tiny-qa, languages: [de], limit: 20, answers: none}
  - {dataset: tiny-qa, languages: [de], limit: 20, directions: random}
evaluate: [{dataset: tiny-qa, languages: [de], limit: 5}]
tasks: [generate, {kind: generate, layers: each/2}]
checkpoints: [2, last]
"""


def planned(tmp_path: Path, text: str = RECIPE, *overrides: str) -> Prepared:
    (tmp_path / "controls.yaml").write_text(text)
    workspace = Workspace(tmp_path / "home", None, offline=True)
    return prepare(workspace, tmp_path / "controls.yaml", overrides, fetch=False)


def test_a_control_is_a_row_of_its_own(tmp_path: Path) -> None:
    made = planned(tmp_path)
    demand = made.plan.demand
    rows = dict.fromkeys(cell.at.trained_on for cell in demand.wanted.cells)
    names = ("", "~shuffled", "~shuffled7", "~contexts", "~random")
    assert list(rows) == ["", *(f"tiny-qa{name}/de" for name in names)]
    specs = [one.spec for one in demand.tunings.values()]
    tunings = [spec for spec in specs if isinstance(spec, TuneSpec)]
    doubles = [spec for spec in specs if isinstance(spec, DeriveSpec)]
    assert len(tunings) == 4 and len({spec.data for spec in tunings}) == 4
    real, contexts = tunings[0], tunings[-1]
    assert [(spec.adapter, spec.seed) for spec in doubles] == [
        (f"{next(iter(demand.tunings))}@{step}", 0)
        for step in demand.tunings[next(iter(demand.tunings))].steps
    ]
    assert (contexts.prompt.template, contexts.prompt.joint, contexts.loss_on) == ("{context}", "", "all")
    assert contexts.prompt.start_token == real.prompt.start_token
    assert contexts.trainer == real.trainer  # as many steps, on as many texts
    texts = read_slice(made.store.slice_path(contexts.data))
    assert {(e.question, e.answers) for e in texts} == {("", ("",))} and len(texts) == 20
    answers = [sorted(e.answers for e in read_slice(made.store.slice_path(t.data))) for t in tunings[:3]]
    assert answers[0] == answers[1] == answers[2]


def test_windows_share_the_bases_cells_and_have_their_own_of_what_is_tuned(tmp_path: Path) -> None:
    cells = planned(tmp_path).plan.demand.wanted.cells
    base = [cell for cell in cells if not cell.at.trained_on]
    assert len(base) == 3 and len({cell.key for cell in base}) == 1
    tuned = [cell for cell in cells if cell.at.trained_on == "tiny-qa/de" and cell.at.step == 2]
    assert [cell.at.task for cell in tuned] == ["generate", "generate:layers=1/2", "generate:layers=2/2"]
    assert [cell.spec.interventions for cell in tuned] == [(), ("layers=1/2",), ("layers=2/2",)]
    assert len({cell.key for cell in tuned}) == 3


def test_a_double_brings_the_tuning_that_it_copies(tmp_path: Path) -> None:
    """Named alone it is the same one: tuned, but no row of the table."""
    alone = RECIPE.replace("  - {dataset: tiny-qa, languages: [de], limit: 20}\n", "")
    both, one = planned(tmp_path), planned(tmp_path, alone)
    keys = {key for key in both.plan.demand.tunings if key.startswith("derive")}
    assert keys == {key for key in one.plan.demand.tunings if key.startswith("derive")}
    assert set(both.plan.demand.tunings) == set(one.plan.demand.tunings)
    assert "tiny-qa/de" not in {cell.at.trained_on for cell in one.plan.demand.wanted.cells}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("answers: shuffled, directions: random", "make two controls"),
        ("control_seed: 3", "nothing to decide"),
        ("answers: none, control_seed: 3", "nothing to decide"),
        ("answers: wrong", "answers"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(RecipeErrors, match=words):
        planned(tmp_path, RECIPE, f"train=[{{dataset: tiny-qa, languages: [de], {entry}}}]")


def test_a_control_stands_once(tmp_path: Path) -> None:
    entry = "{dataset: tiny-qa, languages: [de], answers: shuffled}"
    with pytest.raises(RecipeErrors, match="tiny-qa~shuffled/de stands twice"):
        planned(tmp_path, RECIPE, f"train=[{entry}, {entry}]")
