import gc
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import StorageError
from kit.results import CONTRAST_COLUMNS, METRICS, transfer_table
from kit.results.items import _value
from tests.results.cells import BASE, ENVIRONMENT, GOLD, TUNED, Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_columns_of_a_generated_cell(shelf: Shelf) -> None:
    shelf.add(BASE, stops=("end", "limit", "newline", "end"), seen=True)
    (cell,) = shelf.load().cells
    assert cell.ids == ("q0", "q1", "q2", "q3")
    assert cell.clusters == ("c0", "c0", "c1", "c1")
    assert cell.raw == BASE
    assert cell.stops == ("end", "limit", "newline", "end")
    assert cell.tokens.tolist() == [2, 4, 2, 2]
    assert cell.seen
    assert cell.environment == ENVIRONMENT
    expected = {
        "em": [1, 0, 0, 0],
        "f1": [1, 1 / 2, 2 / 3, 0],
        "mlqa_em": [1, 0, 0, 0],
        "contains_gold": [1, 1, 0, 0],
        "overran": [0, 1, 0, 0],
        "answer_words": [1, 3, 1, 1],
        "gold_words": [1, 1, 2, 1],
        "length_ratio": [1, 3, 1 / 2, 1],
        "at_limit": [0, 1, 0, 0],
    }
    for name, values in expected.items():
        assert cell.metrics[name] == pytest.approx(values), name
        assert cell.metrics[name].dtype == np.float64
    of_others = {
        name
        for name in METRICS
        if name.startswith(("span_", "known", "p_stop", "gold_logprob", "mass_", "acc", "choice_"))
    } | {"lost_stop", "lost_language", "f1_free", *CONTRAST_COLUMNS}
    assert set(cell.metrics) == set(METRICS) - of_others and len(of_others) == 31


def test_mlqa_is_absent_outside_its_languages(shelf: Shelf) -> None:
    shelf.add(BASE, language="or")
    (cell,) = shelf.load().cells
    assert "mlqa_f1" not in cell.metrics
    assert "aware_f1" in cell.metrics


def test_stored_scores_are_used_where_there_is_no_gold(shelf: Shelf) -> None:
    shelf.add(BASE)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.score_all()
    again, stored = shelf.load(), shelf.load(gold=False)
    assert (again.rescored, stored.rescored) == ("all", "none")
    assert not any("stored" in note for note in again.notes)
    assert any(note.startswith("2 of 2 cells show the scores that were stored") for note in stored.notes)
    for new, old in zip(again.cells, stored.cells, strict=True):
        assert (new.rescored, old.rescored) == (True, False)
        assert new.clusters == old.clusters
        assert set(new.metrics) == {*old.metrics, "f1_length"}  # that one is worked out from the gold alone
        for name in old.metrics:
            assert new.metrics[name].tolist() == old.metrics[name].tolist()


def test_rescoring_reads_the_outputs_and_not_the_stored_scores(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    shelf.score_all()
    path = folder / "scores.jsonl"
    rows = [json.loads(line) | {"f1": 0.25} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert shelf.load().cells[0].metrics["f1"] == pytest.approx([1, 1 / 2, 2 / 3, 0])
    assert shelf.load(gold=False).cells[0].metrics["f1"].tolist() == [0.25] * 4


def test_scores_of_another_version_of_the_metrics_are_told(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    shelf.score_all()
    path = folder / "scores.jsonl"
    path.write_text(path.read_text().replace('"metrics_version": ', '"metrics_version": 9'))
    assert any("another version of the metrics" in note for note in shelf.load(gold=False).notes)


def test_missing_cells_are_listed_with_the_reason(shelf: Shelf) -> None:
    shelf.add(BASE)
    unfinished = shelf.want(trained_on="tiny/de", seed=1)
    damaged = shelf.add(TUNED, trained_on="tiny/de", seed=2)
    (damaged / "items.jsonl").write_text("{")
    results = shelf.load()
    assert len(results.cells) == 1
    assert [missing.wanted.at.seed for missing in results.missing] == [1, 2]
    assert results.missing[0].reason == "not finished"
    assert results.missing[0].wanted is unfinished
    assert results.missing[1].reason.startswith("damaged: ")
    assert "items.jsonl:1" in results.missing[1].reason


def test_without_gold_and_stored_scores_a_cell_is_missing(shelf: Shelf) -> None:
    shelf.add(BASE)
    shelf.add_scored([0.5] * 4)
    results = shelf.load(gold=False)
    assert not results.cells
    assert [missing.reason for missing in results.missing] == [
        "neither gold data nor stored scores are at hand",
        "neither gold data nor stored scores tell the contexts of its items",
    ]


def test_stored_scores_of_other_items_are_refused(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    shelf.score_all()
    lines = (folder / "scores.jsonl").read_text().splitlines(keepends=True)
    (folder / "scores.jsonl").write_text("".join(lines[:3]))
    (missing,) = shelf.load(gold=False).missing
    assert "does not hold the items" in missing.reason


def test_a_newer_schema_is_refused_with_the_remedy(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    facts = json.loads((folder / "cell.json").read_text()) | {"schema": 2}
    (folder / "cell.json").write_text(json.dumps(facts))
    with pytest.raises(StorageError, match="upgrade xlt-kit"):
        shelf.load()


@pytest.mark.parametrize("gold", [True, False])
def test_p_stop_joins_by_coordinates_and_id(shelf: Shelf, gold: bool) -> None:
    shelf.add_scored([0.1, 0.2, 0.3, 0.0], logprob=-0.5)
    shelf.add(BASE)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    folder = shelf.find(shelf.wanted[0].key)
    assert folder is not None
    lines = (folder / "items.jsonl").read_text().splitlines(keepends=True)
    (folder / "items.jsonl").write_text("".join(reversed(lines)))
    shelf.score_all()
    scored, base, tuned = shelf.load(gold).cells
    assert base.metrics["p_stop"] == pytest.approx([0.1, 0.2, 0.3, 0.0])
    assert base.metrics["gold_logprob"] == pytest.approx([-0.5] * 4)
    assert base.score_key == scored.key
    assert "p_stop" not in tuned.metrics
    assert scored.kind == "score"
    assert scored.clusters == ("c1", "c1", "c0", "c0")


def test_p_stop_of_another_training_of_the_adapter_is_not_joined(shelf: Shelf) -> None:
    shelf.add(TUNED, trained_on="tiny/de", seed=1, digest="old")
    shelf.add_scored([1] * 4, trained_on="tiny/de", seed=1, digest="new")
    results = shelf.load()
    assert "p_stop" not in results.cells[0].metrics
    assert any("2 different trainings" in note for note in results.notes)


def test_prompts_that_are_too_long_for_the_model_are_told_of(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE, language="hi")
    for language, over in (("de", 1), ("or", 3)):
        path = shelf.add(BASE, language=language, prompt="qa:shots=3") / "cell.json"
        facts = json.loads(path.read_text())
        path.write_text(json.dumps({**facts, "over_long": {"prompts": over, "limit": 2048, "longest": 2100}}))
    [note] = shelf.load().notes
    assert note == (
        "in 2 of 3 cells prompts are longer than the model was made for, at worst 3 of 4 (tiny/or, prompt qa:shots=3); "
        "none was cut"
    )


def test_cells_of_several_environments_are_told(shelf: Shelf) -> None:
    shelf.add(BASE)
    shelf.add(TUNED, trained_on="tiny/de", seed=1, environment=ENVIRONMENT | {"device": "cuda"})
    (note,) = shelf.load().notes
    assert "2 environments" in note
    assert "device cuda" in note


def test_one_cell_in_two_places_is_read_once_and_stands_in_both(shelf: Shelf) -> None:
    shelf.add(BASE)
    first = shelf.wanted[0]
    shelf.wanted.append(
        type(first)(first.key, type(first.at)(**{**vars(first.at), "prompt": "same"}), first.spec, 4)
    )
    cells = shelf.load().cells
    assert [cell.at.prompt for cell in cells] == ["qa", "same"]
    assert cells[0].metrics["f1"] is cells[1].metrics["f1"]


def test_find_and_select(shelf: Shelf) -> None:
    shelf.add(BASE)
    shelf.add(GOLD, trained_on="tiny/de", seed=1)
    shelf.add_scored([1] * 4)
    results = shelf.load()
    base = results.cells[0]
    assert results.find(base.key) is base
    assert results.find("generate-") is None  # two begin so
    assert results.find("score-") is results.cells[2]
    assert [cell.at.seed for cell in results.select(task="generate", language="de")] == [None, 1]
    with pytest.raises(AttributeError):
        list(results.select(colour="red"))


def test_slices_that_alternate_keep_the_order_of_the_recipe_and_their_own_gold(shelf: Shelf) -> None:
    for seed in (1, 2):
        shelf.add(BASE, language="de", trained_on="tiny/de", seed=seed)
        shelf.add(BASE, language="hi", trained_on="tiny/de", seed=seed, gold=BASE)
    cells = shelf.load().cells
    assert [(cell.at.language, cell.at.seed) for cell in cells] == [
        ("de", 1), ("hi", 1), ("de", 2), ("hi", 2),
    ]  # fmt: skip
    assert [float(cell.metrics["em"].mean()) for cell in cells] == [0.25, 1, 0.25, 1]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(shelf: Shelf, enabled: bool) -> None:
    shelf.add(BASE)
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        shelf.load()
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def _read(read: Any, line: str) -> tuple[str, str]:
    try:
        return "value", repr(read(line))
    except ValueError as problem:
        return type(problem).__name__, str(problem)


_VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=3)
_LINES = st.builds(lambda value, ascii_: json.dumps(value, ensure_ascii=ascii_), _VALUES, st.booleans())


@given(
    st.sampled_from(["", " ", "\ufeff", "{"]),
    _LINES | st.text(max_size=5),
    st.sampled_from(["\n", "", " \n", "\r\n", "x\n", "{}\n"]),
)
def test_a_line_is_read_as_json_reads_it(before: str, line: str, after: str) -> None:
    assert _read(_value, before + line + after) == _read(json.loads, before + line + after)


def test_columns_of_the_form_come_from_outputs_or_from_what_was_stored(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(("Rom", "Paris ist es", "da ist Katze Bonn", "rote Katze"), language="de")
    shelf.score_all()
    fresh, stored = shelf.load().cells[0].metrics, shelf.load(gold=False).cells[0].metrics
    for name in ("f1_span", "lost_over", "lost_lead", "f1_foil"):
        assert name in fresh and fresh[name] == pytest.approx(stored[name], nan_ok=True)
    parts = fresh["f1_span"] - fresh["lost_over"] - fresh["lost_lead"]
    assert parts == pytest.approx(fresh["f1"])
    assert fresh["lost_over"][1] > 0.4 and fresh["lost_lead"][2] > 0
    assert fresh["f1_foil"][2] == 1.0, "Bonn is the answer to the other question on that context"


def test_older_cells_without_the_form_have_all_else(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    folder = shelf.add(GOLD, language="de")
    shelf.score_all()
    path = folder / "scores.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        del row["form"]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = shelf.load(gold=False).cells[0].metrics
    assert "f1" in found and "f1_span" not in found
    assert "f1_span" in shelf.load().cells[0].metrics


def test_rankings_of_several_score_cells_join_the_generated_one(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE, language="de")
    shelf.add_scored((0.5, 0.5, 0.5, 0.5), language="de")
    row = {"spans": 4, "rank": 1, "ties": 1, "share": 0.4, "f1": 0.5, "ceiling": 1.0}
    shelf.add_ranked([row, None, {**row, "rank": 3, "ties": 0}, {**row, "ties": 0}], language="de")
    shelf.add_ranked([{**row, "rank": 2}] * 4, "prompt", language="de")
    generated = next(cell for cell in shelf.load().cells if cell.kind == "generate")
    expected = {
        "known": [0.5, np.nan, 0, 1],
        "known_share": [0.4, np.nan, 0.4, 0.4],
        "known_measured": [1, 0, 1, 1],
        "p_stop_own": [0.5, np.nan, 0.5, 0.5],
        "span_first": [0, 0, 0, 0],
        "span_f1": [0.5] * 4,
        "span_ceiling": [1.0] * 4,
        "p_stop": [0.5] * 4,
    }
    for name, values in expected.items():
        assert generated.metrics[name] == pytest.approx(values, nan_ok=True), name
    [table] = transfer_table(shelf.load(), "known")
    base = table.rows[0].cells[0].base
    assert base is not None and (base.value, base.n_items) == (50.0, 3)
