import json
from pathlib import Path

import pytest

from kit.errors import DataError
from kit.results import score_generation
from kit.score import METRICS_VERSION, ItemScore
from tests.results.cells import BASE, Shelf, questions


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_a_line_holds_id_context_and_every_score(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    score_generation(folder, questions("de"))
    rows = [json.loads(line) for line in (folder / "scores.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == ["q0", "q1", "q2", "q3"]
    assert [row["context_id"] for row in rows] == ["c0", "c0", "c1", "c1"]
    assert [row["f1"] for row in rows] == pytest.approx([1, 1 / 2, 2 / 3, 0])
    assert [row["overran"] for row in rows] == [False, True, False, False]
    assert set(rows[0]) == {"id", "context_id", "metrics_version", "form", *ItemScore._fields}
    assert rows[0]["metrics_version"] == METRICS_VERSION


def test_mlqa_scores_are_null_outside_its_languages(shelf: Shelf) -> None:
    folder = shelf.add(BASE, language="or")
    score_generation(folder, questions("or"))
    row = json.loads((folder / "scores.jsonl").read_text().splitlines()[0])
    assert row["mlqa_f1"] is None
    assert row["aware_f1"] == 1


def test_an_item_without_gold_is_refused_and_nothing_is_written(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    with pytest.raises(DataError, match="'q3' is not among the 3 examples"):
        score_generation(folder, questions("de")[:3])
    assert sorted(path.name for path in folder.iterdir()) == ["cell.json", "items.jsonl"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text[: len(text) // 2], "not an item"),
        (lambda text: text.replace('"stop": "end"', '"stop": "tired"'), "stop is 'tired'"),
        (lambda text: text.replace('"raw"', '"row"'), "no 'raw'"),
        (lambda text: text.replace('"tokens": 2', '"tokens": "2"'), "'2' is not int"),
        (lambda text: text.replace("q1", "q0"), "comes twice"),
        (lambda text: "".join(text.splitlines(keepends=True)[:3]), "3 items, but cell.json says 4"),
    ],
)
def test_a_damaged_cell_is_refused_with_its_place(shelf: Shelf, damage: object, message: str) -> None:
    folder = shelf.add(BASE)
    path = folder / "items.jsonl"
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(DataError, match=message) as caught:
        score_generation(folder, questions("de"))
    assert caught.value.where is not None
    assert caught.value.where.path == str(path)


def test_bytes_that_are_not_utf8_are_refused(shelf: Shelf) -> None:
    folder = shelf.add(BASE)
    (folder / "items.jsonl").write_bytes(b'{"id":"\xff"}\n')
    with pytest.raises(DataError, match="cannot be read"):
        score_generation(folder, questions("de"))
