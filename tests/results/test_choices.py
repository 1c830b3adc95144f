"""Accuracy over choices: by hand, with ties, in tables, and without the data."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.api.tables import headlines
from kit.report.examples import as_text, examples_under
from kit.report.formats import as_json
from kit.results import transfer_table, window_tables
from kit.results.choices import CHOICE_COLUMNS, choice_columns, picks
from kit.results.items import Continuation, ScoredItem
from kit.stats import Bootstrap
from tests.results.cells import BASE, Shelf

FEW = Bootstrap(resamples=200)
# Texts of 2, 1, 1, 1 characters and 2, 1, 3, 1 bytes.
SUMS = [[-4, -3, -5, -9], [-4, -3, -5, -9], [-2, -2, -7, -9], [-9, -8, -5, -6]]
RIGHT = [1, 0, 1, 3]
BETTER = [[-4, -3, -5, -9], [-1, -3, -5, -9], [-3, -2, -7, -9], [-9, -8, -5, -1]]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_accuracies_by_hand(shelf: Shelf) -> None:
    shelf.add_chosen(SUMS, RIGHT)
    (cell,) = shelf.load().cells
    expected = {
        "acc": [1, 0, 1 / 2, 0],
        "acc_norm": [0, 1, 0, 0],  # -4 / 2 beats -3; -2 / 2 beats -2; -9 / 2 beats -5
        "acc_bytes": [0, 0, 0, 0],  # -5 / 3 beats all in the first two, -2 / 2 and -5 / 3 in the others
        "choice_ties": [0, 0, 1, 0],
        "choice_chance": [1 / 4] * 4,
    }
    for name, values in expected.items():
        assert cell.metrics[name] == pytest.approx(values), name
    assert set(cell.metrics) == set(CHOICE_COLUMNS)
    share = math.exp(-3) / sum(math.exp(one) for one in SUMS[0])
    assert cell.metrics["choice_share"][0] == pytest.approx(share)
    assert cell.raw == ("b", "b", "aa", "ଓ")


@given(st.lists(st.lists(st.floats(-200, 0), min_size=2, max_size=6), min_size=1, max_size=4), st.data())
def test_exactly_one_choice_is_worth_a_point(sums: list[list[float]], data: st.DataObject) -> None:
    for each in sums:
        choices = tuple(Continuation("x" * (at + 1), (one,), -1.0, -1.0) for at, one in enumerate(each))
        asked = [ScoredItem(f"q{at}", 1, choices, right=at, context_id="c") for at in range(len(each))]
        columns = choice_columns(asked)
        for name in ("acc", "acc_norm", "acc_bytes", "choice_share"):
            assert columns[name].sum() == pytest.approx(1.0), name
        assert columns["acc"][picks(asked)[0]] > 0
        shift = data.draw(st.floats(-5, 5))
        moved = [
            ScoredItem(
                i.id,
                1,
                tuple(Continuation(c.text, (*c.tokens, shift), -1.0, -1.0) for c in choices),
                right=i.right,
            )
            for i in asked
        ]
        assert choice_columns(moved)["choice_share"] == pytest.approx(columns["choice_share"], abs=1e-9)


def test_a_transfer_table_with_intervals_over_passages_says_what_guessing_scores(shelf: Shelf) -> None:
    shelf.add_chosen(SUMS, RIGHT)
    for seed in (1, 2):
        shelf.add_chosen(BETTER, RIGHT, trained_on="tiny/de", seed=seed)
    results = shelf.load()
    (table,) = transfer_table(results, "acc", bootstrap=FEW)
    assert table.task == "score:continuations=choices"
    base, tuned = (row.cells[0] for row in table.rows)
    assert base.base is not None and base.base.value == pytest.approx(37.5)
    assert base.base.n_items == 4 and base.base.n_clusters == 2
    assert tuned.delta is not None and tuned.delta.value == pytest.approx(62.5)
    assert tuned.delta.low <= 62.5 <= tuned.delta.high and tuned.self_language and tuned.seeds == (1, 2)
    assert table.notes[0] == "chance level: 25.0"
    assert table.notes[1].startswith("ties: in 1 of 12 answers")
    (normed,) = transfer_table(results, "acc_norm", bootstrap=FEW)
    assert normed.notes == ("chance level: 25.0",)
    assert transfer_table(results, "f1", bootstrap=FEW) == []
    assert json.loads(as_json([table]))["tables"][0]["notes"] == list(table.notes)


def test_sets_with_other_numbers_of_choices_have_other_chance_levels(shelf: Shelf) -> None:
    shelf.add_chosen(SUMS, RIGHT)
    shelf.add_chosen([each[:2] for each in SUMS], [1, 0, 1, 0], language="hi")
    (table,) = transfer_table(shelf.load(), "acc", bootstrap=FEW)
    assert table.notes[0] == "chance level: 25.0 to 50.0"


def test_accuracy_outlives_the_data(shelf: Shelf) -> None:
    shelf.add_chosen(SUMS, RIGHT)
    (with_gold,), (without,) = shelf.load().cells, shelf.load(gold=False).cells
    assert with_gold.clusters == without.clusters == ("c0", "c0", "c1", "c1")
    np.testing.assert_array_equal(with_gold.metrics["acc"], without.metrics["acc"])


def test_windows_of_layers_stand_beside_the_whole_adapter(shelf: Shelf) -> None:
    for window, tuned in (("", BETTER), (",layers=1/2", SUMS), (",layers=2/2", BETTER)):
        shelf.add_chosen(SUMS, RIGHT, window=window)
        shelf.add_chosen(tuned, RIGHT, trained_on="tiny/de", seed=1, window=window)
    results = shelf.load()
    assert headlines(results) == ("acc",)
    assert len(transfer_table(results, "acc", bootstrap=FEW)) == 3
    (table,) = window_tables(results, "acc", FEW)
    (row,) = table.rows
    deltas = [cell.delta.value for cell in (row.whole, *row.cells) if cell.delta]
    assert table.windows == ("1/2", "2/2") and deltas == pytest.approx([62.5, 0, 62.5])
    assert window_tables(results, "f1", FEW) == []


def test_open_questions_and_choices_have_tables_of_their_own(shelf: Shelf) -> None:
    shelf.add(BASE)
    shelf.add_chosen(SUMS, RIGHT)
    results = shelf.load()
    assert headlines(results) == ("f1", "acc")
    generated, chosen = results.cells
    assert "acc" not in generated.metrics and "f1" not in chosen.metrics
    assert [len(transfer_table(results, name, bootstrap=FEW)) for name in ("f1", "acc")] == [1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"right": 4}, "the right choice is number 4 of 4"),
        ({"right": None}, "None is not int"),
        ({"context_id": 3}, "3 is not str"),
        ({"continuations": []}, "number 0 of 0"),
    ],
)
def test_damaged_cells_are_told(shelf: Shelf, change: dict[str, object], words: str) -> None:
    path = shelf.add_chosen(SUMS, [0, 0, 0, 0]) / "items.jsonl"
    first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps(json.loads(first) | change), *rest, ""]))
    (missing,) = shelf.load().missing
    assert words in missing.reason and "items.jsonl:1" in missing.reason


def test_examples_show_what_was_chosen(shelf: Shelf) -> None:
    shelf.add_chosen(SUMS, RIGHT)
    shelf.add_chosen(BETTER, RIGHT, trained_on="tiny/de", seed=1)
    base, tuned = shelf.load().cells
    shown = list(examples_under(base, tuned, {}))
    assert [item.changes for item in shown] == [("right",), ("turned-right",), ("right",), ("turned-right",)]
    text = as_text(shown[1])
    assert "base (wrong, share of the right choice 24 %):\n  b" in text
    assert "tuned seed 1 (right, share of the right choice 87 %):\n  aa" in text
