"""Two runs cell by cell, on hand-made cells."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from kit.jobdir import key_of
from kit.plan.types import WantedCell
from kit.results import Results
from kit.results.difference import RunDifference, differences, mcnemar_p
from kit.results.likely import Change, Recorded, changes, likely, parts
from kit.stats import Bootstrap, compare
from tests.results.cells import BASE, ENVIRONMENT, GOLD, TUNED, Shelf

FEW = Bootstrap(resamples=200)
METRICS = ("f1", "em")
MANY = tuple(f"Stadt{at}" for at in range(40))


class Bfloat(Shelf):
    """The same cells in another dtype."""

    def want(self, *words: object, **more: object) -> WantedCell:
        cell = super().want(*words, **more)  # type: ignore[arg-type]
        spec = replace(cell.spec, dtype="bfloat16")
        self.wanted[-1] = replace(cell, spec=spec, key=key_of(spec.task.kind, spec))
        return self.wanted[-1]


def compared(a: Results, b: Results) -> RunDifference:
    return differences(a, b, METRICS, bootstrap=FEW)


def one_cell(
    root: Path, outputs: tuple[str, ...] = BASE, gold: tuple[str, ...] = GOLD, **more: object
) -> Results:
    shelf = Shelf(root)
    shelf.add(outputs, gold=gold, **more)  # type: ignore[arg-type]
    return shelf.load()


def causes(found: RunDifference, recorded: Recorded | None = None) -> list[tuple[str, str, int, int]]:
    told = likely(found, recorded or Recorded())
    return [(cause.kind, cause.what, cause.differing, cause.equal) for cause in told]


def test_one_changed_prediction_is_found_and_is_no_more_than_noise(tmp_path: Path) -> None:
    changed = (*MANY[:-1], "anders")
    found = compared(one_cell(tmp_path / "a", MANY, MANY), one_cell(tmp_path / "b", changed, MANY))
    (cell,) = found.cells
    assert (cell.standing, cell.outputs) == ("within noise", 1)
    assert cell.flips is not None
    assert (cell.flips.to_right, cell.flips.to_wrong, cell.flips.p) == ((), ("q39",), 1.0)
    assert [one.metric.name for one in cell.metrics] == ["f1", "em"]
    em = cell.metrics[1]
    assert (em.a, em.b) == (100.0, 97.5)
    assert (em.difference.value, em.difference.n_items, em.difference.n_clusters) == (-2.5, 40, 20)
    by_hand = compare([100.0] * 40, [100.0] * 39 + [0.0], [f"c{at // 2}" for at in range(40)], FEW).difference
    assert (em.difference.low, em.difference.high) == pytest.approx((by_hand.low, by_hand.high))
    assert em.difference.low < -2.5 < em.difference.high <= 0
    ((kind, what, differing, equal),) = causes(found)
    assert (kind, differing, equal) == ("chance", 1, 0)
    assert "within the noise" in what


def test_a_flip_each_way_leaves_the_mean_and_is_still_told(tmp_path: Path) -> None:
    first, second = ("x", *MANY[1:]), (*MANY[:-1], "x")
    found = compared(one_cell(tmp_path / "a", first, MANY), one_cell(tmp_path / "b", second, MANY))
    (cell,) = found.cells
    assert cell.metrics[1].difference.value == 0
    assert cell.flips is not None
    assert (cell.flips.to_right, cell.flips.to_wrong) == (("q0",), ("q39",))
    assert (cell.outputs, cell.standing) == (2, "within noise")


def test_a_change_of_half_the_answers_is_beyond_noise(tmp_path: Path) -> None:
    half = tuple(city if at % 4 else "x" for at, city in enumerate(MANY))
    found = compared(one_cell(tmp_path / "a", MANY, MANY), one_cell(tmp_path / "b", half, MANY))
    (cell,) = found.standing("beyond noise")
    assert cell.p_holm is not None and cell.p_holm < 0.01
    assert cell.flips is not None and cell.flips.p == mcnemar_p(0, 10)
    assert "more than noise" in causes(found)[0][1]


def test_measured_noise_that_is_larger_keeps_a_difference_within_it(tmp_path: Path) -> None:
    def shelf(name: str, outputs: tuple[str, ...]) -> Results:
        made = Shelf(tmp_path / name)
        made.add(outputs, gold=MANY)
        made.add(("x",) * 40, gold=MANY, replicate=1)
        return made.load()

    half = tuple(city if at % 4 else "x" for at, city in enumerate(MANY))
    found = compared(shelf("a", MANY), shelf("b", half))
    assert not found.standing("beyond noise")
    assert found.floors["f1"].replicates is not None
    assert found.cells[0].p_holm is not None and found.cells[0].p_holm < 0.05


def test_what_is_on_one_side_alone_is_listed_with_the_reason(tmp_path: Path) -> None:
    a, b = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    for shelf in (a, b):
        shelf.add(BASE)
    for seed in (1, 2):
        a.add(TUNED, trained_on="tiny/de", seed=seed)
    b.want(trained_on="tiny/de", seed=1)
    found = compared(a.load(), b.load())
    assert [cell.standing for cell in found.cells] == ["identical"]
    assert [(one.side, one.at.seed, one.reason) for one in found.alone] == [
        ("A", 1, "not finished"),
        ("A", 2, "not asked for"),
    ]
    assert not causes(found)


def test_cells_match_across_a_coordinate_that_tells_none_apart(tmp_path: Path) -> None:
    a, b = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    for shelf, seed, outputs in ((a, 1, TUNED), (b, 2, GOLD)):
        shelf.add(BASE)
        shelf.add(outputs, trained_on="tiny/de", seed=seed)
    found = compared(a.load(), b.load())
    assert not found.alone
    assert [(one.name, one.a, one.b) for one in found.bridges] == [("seed", 1, 2)]
    assert [cell.standing for cell in found.cells] == ["identical", "within noise"]
    assert causes(found)[0] == ("asked", "asked for another seed: 1 → 2", 1, 0)


def test_items_are_matched_by_their_ids(tmp_path: Path) -> None:
    a = one_cell(tmp_path / "a", BASE)
    b = one_cell(tmp_path / "b", BASE[:3], GOLD[:3])
    (cell,) = compared(a, b).cells
    assert (cell.pair.n, cell.pair.only_a, cell.pair.only_b) == (3, 1, 0)
    assert cell.standing == "identical"
    (mirrored,) = compared(b, a).cells
    assert (mirrored.pair.only_a, mirrored.pair.only_b) == (0, 1)


def test_another_dtype_ranks_above_what_holds_of_equal_cells_too(tmp_path: Path) -> None:
    a, b = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    other = Bfloat(tmp_path / "b")
    moved = {**ENVIRONMENT, "torch": "2.14.0", "device": "NVIDIA H100"}
    for language in ("de", "hi"):
        a.add(BASE, language=language)
    b.add(BASE, language="de", environment=moved)
    other.add(TUNED, language="hi", environment=moved)
    both = Shelf(tmp_path / "b")
    both.wanted, both.gold = [*b.wanted, *other.wanted], {**b.gold, **other.gold}
    told = causes(compared(a.load(), both.load()))
    assert told[0] == ("asked", "asked for something else: dtype: float32 → bfloat16", 1, 0)
    assert told[1:] == [
        ("library", "other library versions: torch: 2.13.0 → 2.14.0", 1, 1),
        ("hardware", "other hardware: device: cpu → NVIDIA H100", 1, 1),
    ]


def test_an_adapter_that_was_tuned_again_is_told_by_its_digest(tmp_path: Path) -> None:
    where = {"trained_on": "tiny/de", "seed": 1}
    found = compared(
        one_cell(tmp_path / "a", TUNED, **where), one_cell(tmp_path / "b", GOLD, digest="e", **where)
    )
    assert causes(found)[0][:2] == ("adapter", "adapters tuned again came out with other weights")


def test_another_tuning_is_told_by_the_recipe_and_its_data(tmp_path: Path) -> None:
    a, b = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    a.add(TUNED, trained_on="tiny/de", seed=1)
    cell = b.want(trained_on="tiny/de", seed=1)
    spec = replace(cell.spec, adapters=("tune-other@60",))
    b.wanted.clear()
    again = replace(cell, spec=spec, key=key_of("generate", spec))
    b.want = lambda **more: b.wanted.append(again) or again  # type: ignore[method-assign,misc,func-returns-value]
    b.add(GOLD)
    found = compared(a.load(), b.load())
    assert causes(found)[0][:2] == ("adapter", "other adapters, for no reason that a recipe tells")
    recipe = changes(
        parts({"lora": {"r": 8}, "train": [{"limit": 3}]}),
        parts({"lora": {"r": 16}, "train": [{"languages": ["or"]}]}),
    )
    recorded = Recorded(recipe, train={"tiny/de": Change("tiny/de", "data-1", "data-2")})
    assert [each[:2] for each in causes(found, recorded)] == [
        ("asked", "asked for another tuning: lora.r: 8 → 16"),
        ("asked", "asked for another tuning: train.0.limit: 3 → –"),
        ("data", "other training data"),
    ]


def test_scores_without_gold_are_told_from_those_made_again(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "a")
    shelf.add(BASE)
    shelf.score_all()
    other = Shelf(tmp_path / "b")
    other.add(TUNED)
    other.score_all()
    told = causes(compared(shelf.load(gold=False), other.load()))
    assert told[0][:2] == ("scoring", "stored scores against scores made again from the outputs")


def test_choices_and_other_tasks_are_compared_by_their_own_metrics(tmp_path: Path) -> None:
    a, b = Shelf(tmp_path / "a"), Shelf(tmp_path / "b")
    for shelf, right in ((a, -1.0), (b, -4.0)):
        shelf.add_chosen([[right, -3, -5, -9]] * 4, [0] * 4)
        shelf.add(BASE, language="hi")
        shelf.add_scored([0.1, 0.2, 0.3, 0.1 - right / 10], language="hi")
    found = differences(a.load(), b.load(), ("f1", "em", "p_stop", "acc"), bootstrap=FEW)
    assert [[one.metric.name for one in cell.metrics] for cell in found.cells] == [
        ["acc"],
        ["f1", "em"],
        ["p_stop"],
    ]
    assert found.cells[0].flips is not None and len(found.cells[0].flips.to_wrong) == 4
    assert [cell.standing == "identical" for cell in found.cells] == [False, True, False]
    alone = differences(a.load(), b.load(), ("acc",), only=True, bootstrap=FEW)
    assert [cell.pair.a.at.task for cell in alone.cells] == ["score:continuations=choices"]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (3, 3), (1, 9), (12, 30), (700, 900)])
def test_mcnemar_against_scipy(first: int, second: int) -> None:
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert mcnemar_p(first, second) == pytest.approx(expected, rel=1e-9)


ANSWERS = st.tuples(*[st.sampled_from([city, "x", f"{city} und mehr"]) for city in GOLD])


@given(first=ANSWERS, second=ANSWERS)
@settings(max_examples=20, deadline=None)
def test_a_run_does_not_differ_from_itself_and_sides_mirror(
    first: tuple[str, ...], second: tuple[str, ...]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        a, b = one_cell(Path(root) / "a", first), one_cell(Path(root) / "b", second)
        same, one, other = compared(a, a), compared(a, b), compared(b, a)
    assert [cell.standing for cell in same.cells] == ["identical"]
    assert not same.alone and not likely(same, Recorded())
    for mine, theirs in zip(one.cells, other.cells, strict=True):
        assert (mine.standing, mine.outputs, mine.p_holm) == (theirs.standing, theirs.outputs, theirs.p_holm)
        assert mine.flips and theirs.flips
        assert (mine.flips.to_right, mine.flips.to_wrong) == (theirs.flips.to_wrong, theirs.flips.to_right)
        for here, there in zip(mine.metrics, theirs.metrics, strict=True):
            assert here.difference.value == pytest.approx(-there.difference.value)
            assert here.difference.low == pytest.approx(-there.difference.high)
            assert (here.a, here.b) == pytest.approx((there.b, there.a))
