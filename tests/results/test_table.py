from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.errors import DataError, UsageError
from kit.results import Groups, NoiseFloor, Results, TransferTable, transfer_table
from kit.stats import Bootstrap, compare
from tests.results.cells import BASE, GOLD, TUNED, Shelf, transfer_shelf

FEW = Bootstrap(resamples=500)


def table(shelf: Shelf, metric: str = "f1", groups: Groups | None = None) -> TransferTable:
    (only,) = transfer_table(shelf.load(), metric, groups=groups, bootstrap=FEW)
    return only


def test_numbers_by_hand(tmp_path: Path) -> None:
    made = table(transfer_shelf(tmp_path))
    assert [row.subject.name for row in made.rows] == ["base", "tiny/de@60"]
    assert [column.name for column in made.columns] == ["tiny/de", "tiny/hi"]
    base, tuned = (row.cells[0] for row in made.rows)
    assert base.base is not None
    assert base.base.value == pytest.approx(100 * (1 + 1 / 2 + 2 / 3 + 0) / 4)
    assert (base.tuned, base.delta, base.ratio) == (None, None, None)
    assert base.n == 4
    assert tuned.base == base.base
    assert tuned.tuned is not None
    assert tuned.delta is not None
    assert tuned.ratio is not None
    assert tuned.tuned.value == pytest.approx(87.5)  # the mean of seeds with 75 and 100
    assert tuned.delta.value == pytest.approx(100 / 3)
    assert tuned.ratio.value == pytest.approx(87.5 / (100 * 13 / 24))
    assert (tuned.n, tuned.seeds, tuned.replicates, tuned.complete) == (4, (1, 2), 1, True)
    assert (tuned.delta.n_items, tuned.delta.n_clusters, tuned.delta.n_seeds) == (4, 2, 2)
    assert len(tuned.keys) == 2
    assert len(tuned.base_keys) == 1


def test_the_interval_is_that_of_the_statistics_over_contexts_and_seeds(tmp_path: Path) -> None:
    tuned = table(transfer_shelf(tmp_path)).rows[1].cells[0]
    base_scores = np.array([100, 50, 200 / 3, 0])
    tuned_scores = np.array([[100, 100, 100, 0], [100, 100, 100, 100]])
    expected = compare(base_scores, tuned_scores, ["c0", "c0", "c1", "c1"], FEW).difference
    assert tuned.delta is not None
    assert (tuned.delta.low, tuned.delta.high) == pytest.approx((expected.low, expected.high))


def test_shares_are_in_percent_and_lengths_in_words(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path)
    for metric, base, tuned in (("overran", 25, 0), ("at_limit", 25, 0), ("answer_words", 6 / 4, 5 / 4)):
        row = table(shelf, metric).rows[1].cells[0]
        assert row.base is not None
        assert row.tuned is not None
        assert (row.base.value, row.tuned.value) == pytest.approx((base, tuned)), metric


def test_own_language_and_seen_columns_are_marked(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path, languages=("de", "hi"), sources=("deu",))
    made = table(shelf)
    assert [cell.self_language for cell in made.rows[1].cells] == [True, False]
    assert [cell.self_language for cell in made.rows[0].cells] == [False, False]
    other = Shelf(tmp_path / "other")
    other.add(BASE, seen=True)
    other.add(BASE, language="hi")
    assert [column.seen for column in table(other).columns] == [True, False]


def test_a_missing_seed_leaves_a_cell_incomplete_on_what_is_there(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path, languages=("de",), sources=())
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.want(trained_on="tiny/de", seed=2)
    made = table(shelf)
    cell = made.rows[1].cells[0]
    assert cell.tuned is not None
    assert cell.tuned.value == pytest.approx(75)
    assert (cell.seeds, cell.complete) == ((1,), False)
    assert [missing.wanted.at.seed for missing in made.missing] == [2]


def test_without_the_base_there_is_no_difference(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.want()
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    made = table(shelf)
    assert made.rows[0].cells[0].base is None
    cell = made.rows[1].cells[0]
    assert cell.tuned is not None
    assert (cell.base, cell.delta, cell.ratio, cell.complete) == (None, None, None, False)


def test_a_base_of_zero_has_no_ratio(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(["x"] * 4)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    cell = table(shelf).rows[1].cells[0]
    assert cell.delta is not None
    assert cell.delta.value == pytest.approx(75)
    assert cell.ratio is None


def test_averages_weigh_columns_alike_and_follow_the_groups(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for language, outputs in (("de", BASE), ("en", TUNED), ("hi", GOLD)):
        shelf.add(outputs, language=language)
        shelf.add(GOLD, language=language, trained_on="tiny/de", seed=1)
    made = table(shelf, groups={"script": {"de": "Latn", "en": "Latn", "hi": "Deva"}})
    assert [group.name for group in made.groups] == ["all", "script Latn"]
    base_all, base_latin = (average.base for average in made.rows[0].averages)
    assert base_all is not None
    assert base_latin is not None
    assert base_all.value == pytest.approx((100 * 13 / 24 + 75 + 100) / 3)
    assert base_latin.value == pytest.approx((100 * 13 / 24 + 75) / 2)
    tuned = made.rows[1].averages[1]
    assert tuned.delta is not None
    assert tuned.delta.value == pytest.approx(100 - base_latin.value)
    assert (tuned.n, tuned.complete) == (8, True)


def test_averages_take_only_columns_that_every_begun_row_has(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path, languages=("de", "hi", "or"), sources=("de",))
    shelf.want(trained_on="tiny/ru", seed=1)  # not begun: it takes no column away
    shelf.add(GOLD, trained_on="tiny/hi", seed=1)
    shelf.add(GOLD, trained_on="tiny/hi", seed=1, language="hi")
    shelf.want(trained_on="tiny/hi", seed=1, language="or")
    made = table(shelf)
    (group,) = made.groups
    assert [column.language for column in group.columns] == ["de", "hi"]
    assert [column.language for column in group.left_out] == ["or"]
    averages = {row.subject.train_language: row.averages[0] for row in made.rows}
    assert averages["hi"].delta is not None
    assert averages["de"].n == 8
    assert averages["ru"].tuned is None
    assert not averages["ru"].complete


def test_models_prompts_and_variants_of_a_task_get_tables_of_their_own(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add(BASE, prompt="other")
    shelf.add(BASE, model="big")
    shelf.add(BASE, task="generate:stop=end")
    made = transfer_table(shelf.load(), bootstrap=FEW)
    assert [(one.model, one.prompt, one.task) for one in made] == [
        ("toy", "qa", "generate"),
        ("toy", "other", "generate"),
        ("big", "qa", "generate"),
        ("toy", "qa", "generate:stop=end"),
    ]
    (only,) = transfer_table(shelf.load(), task="generate:stop=end", bootstrap=FEW)
    assert only.task == "generate:stop=end"


def test_replicates_are_pooled_with_seeds(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    for replicate, outputs in enumerate((TUNED, GOLD)):
        shelf.add(outputs, trained_on="tiny/de", seed=1, replicate=replicate)
    cell = table(shelf).rows[1].cells[0]
    assert cell.tuned is not None
    assert cell.tuned.value == pytest.approx(87.5)
    assert (cell.seeds, cell.replicates, cell.tuned.n_seeds) == ((1,), 2, 2)


def test_columns_outside_mlqa_are_left_out_and_told(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add(BASE, language="or")
    made = table(shelf, "mlqa_f1")
    assert [column.language for column in made.columns] == ["de"]
    assert made.notes == ("outside the metric's languages: tiny/or",)


def test_p_stop_and_log_likelihood(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add_scored([0.1, 0.3, 0.2, 0.2], logprob=-2.0)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.add_scored([1] * 4, logprob=-0.5, trained_on="tiny/de", seed=1)
    cell = table(shelf, "p_stop").rows[1].cells[0]
    assert cell.base is not None
    assert cell.delta is not None
    assert (cell.base.value, cell.delta.value) == pytest.approx((20, 80))
    (scored,) = transfer_table(shelf.load(), "gold_logprob", task="score", bootstrap=FEW)
    cell = scored.rows[1].cells[0]
    assert cell.base is not None
    assert cell.delta is not None
    assert (cell.base.value, cell.delta.value) == pytest.approx((-2, 1.5))
    assert (cell.base.low, cell.base.high) == pytest.approx((-2, -2))
    assert cell.ratio is None


def test_items_without_a_value_are_left_out_on_both_sides(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    gold = ("Rom", "", "rote Katze", "Bonn")
    shelf.add(("Rom hier", "?", "rote Katze", "Bonn"), gold=gold)
    shelf.add(gold, gold=gold, trained_on="tiny/de", seed=1)
    cell = table(shelf, "length_ratio").rows[1].cells[0]
    assert cell.base is not None
    assert cell.n == 3
    assert cell.base.value == pytest.approx(4 / 3)


def test_items_are_paired_by_id_and_other_items_are_refused(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    folder = shelf.add(TUNED, trained_on="tiny/de", seed=1)
    before = table(shelf)
    lines = (folder / "items.jsonl").read_text().splitlines(keepends=True)
    (folder / "items.jsonl").write_text("".join(reversed(lines)))
    assert table(shelf).rows[1].cells == before.rows[1].cells
    shelf.gold[shelf.wanted[0].spec.data, "de"] += [
        type(one)(f"new-{one.id}", *list(vars(one).values())[1:])
        for one in shelf.gold[shelf.wanted[0].spec.data, "de"]
    ]
    (folder / "items.jsonl").write_text("".join(lines).replace('"id": "q', '"id": "new-q'))
    with pytest.raises(DataError, match="do not hold the same items"):
        table(shelf)


def test_an_unknown_metric_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="aware_f1"):
        table(transfer_shelf(tmp_path), "bleu")


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return transfer_shelf(tmp_path_factory.mktemp("grid"), sources=("de", "hi")).load()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_delta_is_tuned_minus_base_and_ratio_their_quotient(grid: Results, data: st.DataObject) -> None:
    values = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4)
    for read in grid.cells:
        read.metrics["f1"][:] = data.draw(values)
    (made,) = transfer_table(grid, bootstrap=Bootstrap(resamples=50))
    for row in made.rows[1:]:
        for cell in (*row.cells, *row.averages):
            assert cell.base is not None
            assert cell.tuned is not None
            assert cell.delta is not None
            assert cell.delta.value == pytest.approx(cell.tuned.value - cell.base.value, abs=1e-9)
            assert cell.ratio is None or cell.ratio.value * cell.base.value == pytest.approx(cell.tuned.value)
            assert cell.delta.low <= cell.delta.high


def test_the_noise_floor_is_read_off_replicates_and_the_other_mode(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for replicate, outputs in enumerate((GOLD, TUNED)):
        shelf.add(BASE, replicate=replicate)
        shelf.add(outputs, trained_on="tiny/de", seed=1, replicate=replicate)
    shelf.add_exact(BASE)
    shelf.add_exact(TUNED, trained_on="tiny/de", seed=1)
    base, tuned = (row.cells[0].floor for row in table(shelf).rows)
    assert base.replicates is not None and (base.replicates.differing, base.replicates.mean) == (0, 0)
    assert base.modes is not None and base.modes.differing == 0
    # 100 and 75 points: one answer of four differs, and the mean by a standard deviation of 25 / sqrt 2.
    for noise in (tuned.replicates, tuned.modes):
        assert noise is not None and (noise.differing, noise.copies) == (0.25, 2)
        assert noise.mean == pytest.approx(25 / 2**0.5)


def test_no_copies_no_noise_and_other_weights_are_no_copy(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.add_exact(GOLD, digest="other", trained_on="tiny/de", seed=1)
    assert all(row.cells[0].floor == NoiseFloor() for row in table(shelf).rows)


def test_differences_have_a_permutation_test_and_bases_none(tmp_path: Path) -> None:
    made = table(transfer_shelf(tmp_path))
    base, tuned = made.rows
    assert [cell.p_permutation for cell in (*base.cells, *base.averages)] == [None] * 3
    # Two contexts, the same in both languages: of four patterns of signs two are as far from 0.
    assert [cell.p_permutation for cell in (*tuned.cells, *tuned.averages)] == [0.5] * 3
