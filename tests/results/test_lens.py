"""Tables of what a lens saw, and its columns beside scores, against plain means."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from kit.errors import DataError
from kit.report.lens import lens_view
from kit.results import lens_tables, transfer_table
from kit.results.lens import Items
from tests.results.cells import BASE, TUNED, Shelf

CLASSES = ("Latn", "Orya", "broken Orya", "Deva", "neutral", "broken", "special")


def masses(seed: int, items: int = 4, layers: int = 3) -> NDArray[np.float32]:
    """Made-up probabilities that sum to 1; the last class is next to nothing."""
    drawn = np.random.default_rng(seed).random((items, layers, len(CLASSES))) ** 3
    drawn[:, :, -1] = 1e-4
    return (drawn / drawn.sum(axis=2, keepdims=True)).astype(np.float32)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A base and two seeds of a tuning, on Odia: answers, and what the lens saw."""
    made = Shelf(tmp_path)
    for trained_on, seed, outputs, draw in (
        ("", None, BASE, 0),
        ("tiny/de", 1, TUNED, 1),
        ("tiny/de", 2, TUNED, 2),
    ):
        made.add(outputs, language="or", trained_on=trained_on, seed=seed)
        made.add_lens(masses(draw), CLASSES, language="or", trained_on=trained_on, seed=seed)
    return made


def test_masses_and_changes_are_plain_means(shelf: Shelf) -> None:
    (table,) = lens_tables(shelf.load(), least=0.01)
    assert table.own == {"Orya", "broken Orya"} and table.left_out == ("special",)
    assert set(table.classes) == set(CLASSES) - {"special"} and table.classes[-2:] in (
        ("neutral", "broken"), ("broken", "neutral"),
    )  # fmt: skip
    base, tuned = table.rows
    assert base.change is None and base.subject.is_base and tuned.change is not None
    both = np.stack([masses(1), masses(2)])
    for layer in range(3):
        for at, name in enumerate(table.classes):
            place = CLASSES.index(name)
            own, before = both[:, :, layer, place].mean() * 100, masses(0)[:, layer, place].mean() * 100
            assert base.mass[layer][at].value == pytest.approx(before, rel=1e-5)
            assert tuned.mass[layer][at].value == pytest.approx(own, rel=1e-5)
            change = tuned.change[layer][at]
            assert change.value == pytest.approx(own - before, abs=1e-4)
            assert change.low <= change.value <= change.high
            assert (change.n_items, change.n_clusters, change.n_seeds) == (4, 2, 2)


@pytest.mark.parametrize(
    ("items", "chosen"),
    # By exact match the base has the first of four right, both tuned models the first three.
    [("right-right", [0]), ("wrong-right", [1, 2]), ("base-right", [0]), ("base-wrong", [1, 2, 3])],
)
def test_sets_of_items_are_those_that_base_and_tuned_answered_so(
    shelf: Shelf, items: Items, chosen: list[int]
) -> None:
    (table,) = lens_tables(shelf.load(), least=0.01, items=items)
    assert [row.subject.is_base for row in table.rows] == ([True] if "base" in items else []) + [False]
    tuned = table.rows[-1]
    assert tuned.change is not None and tuned.mass[0][0].n_items == len(chosen)
    own = np.stack([masses(1), masses(2)])[:, chosen].mean(axis=(0, 1)) * 100
    before = masses(0)[chosen].mean(axis=0) * 100
    for layer in range(3):
        for at, name in enumerate(table.classes):
            place = CLASSES.index(name)
            assert tuned.mass[layer][at].value == pytest.approx(own[layer, place], rel=1e-5)
            assert tuned.change[layer][at].value == pytest.approx(
                own[layer, place] - before[layer, place], abs=1e-4
            )
    text = StringIO()
    Console(file=text, width=100).print(lens_view(table))
    assert "(exact match)" in text.getvalue() and f"n = {len(chosen)} on" in text.getvalue()


def test_a_set_without_items_or_answers_has_no_table(shelf: Shelf, tmp_path: Path) -> None:
    assert lens_tables(shelf.load(), items="right-wrong") == []
    bare = Shelf(tmp_path / "bare")
    bare.add_lens(masses(0), CLASSES, language="or")
    assert lens_tables(bare.load(), items="base-wrong") == [] and len(lens_tables(bare.load())) == 1


def test_the_mass_at_the_output_stands_beside_scores(shelf: Shelf) -> None:
    """Own, other and none share out all; the columns belong to the generated cells and can be a table's metric."""
    results = shelf.load()
    cell = next(results.select(task="generate", trained_on=""))
    last = masses(0)[:, -1].astype(float)
    np.testing.assert_allclose(cell.metrics["mass_own"], last[:, 1] + last[:, 2], rtol=1e-6)
    np.testing.assert_allclose(cell.metrics["mass_other"], last[:, 0] + last[:, 3], rtol=1e-6)
    total = sum(cell.metrics[name] for name in ("mass_own", "mass_other", "mass_none"))
    np.testing.assert_allclose(total, 1.0, rtol=1e-5)
    (table,) = transfer_table(results, "mass_own")
    assert table.rows[0].cells[0].base is not None
    assert table.rows[0].cells[0].base.value == pytest.approx(
        100 * (last[:, 1] + last[:, 2]).mean(), rel=1e-5
    )
    assert cell.score_key is None  # no `score` cell is there


def test_an_unknown_language_has_none_of_its_own(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    made.add(BASE, language="xx")
    made.add_lens(masses(0), CLASSES, language="xx")
    results = made.load()
    cell = next(results.select(task="generate"))
    assert np.isnan(cell.metrics["mass_own"]).all() and np.isfinite(cell.metrics["mass_none"]).all()
    (table,) = transfer_table(results, "mass_own")
    assert table.rows[0].cells[0].base is None
    assert lens_tables(results)[0].own == frozenset()


def test_languages_are_classes_of_other_matrices(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    for language in ("or", "de"):
        made.add_lens(masses(0), ("or", "de", *CLASSES[2:]), language=language, task="lens:matrix=langid")
    tables = lens_tables(made.load())
    assert [table.own for table in tables] == [{"or"}, {"de"}]
    assert [table.column.language for table in lens_tables(made.load(), language="de")] == ["de"]


def test_a_row_without_its_base_has_no_change(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    made.want(language="or", task="lens")
    made.add_lens(masses(1), CLASSES, language="or", trained_on="tiny/de", seed=1)
    (table,) = lens_tables(made.load())
    assert [row.change for row in table.rows] == [None] and len(table.missing) == 1


@pytest.mark.parametrize(
    "damage",
    ["absent", "empty", "shape", "sum", "type", "not an archive"],
    ids=lambda name: name.replace(" ", "-"),
)
def test_damaged_arrays_are_named(shelf: Shelf, damage: str) -> None:
    path = next(shelf.root.glob("cells/lens-*/lens.npz"))
    content = dict(np.load(path))
    if damage == "absent":
        path.unlink()
    elif damage in ("empty", "not an archive"):
        path.write_bytes(b"" if damage == "empty" else b"PK nothing")
    else:
        content["mass"] = {
            "shape": content["mass"][:3],
            "sum": content["mass"] * np.float32(0.9),
            "type": content["mass"].astype(np.float64),
        }[damage]
        np.savez(path, **content)
    with pytest.raises(DataError, match="the array of a lens") as raised:
        lens_tables(shelf.load())
    assert str(path) in str(raised.value.where)
