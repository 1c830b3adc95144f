"""Interchanges against plain means of their items, how they stand, and the cause that they let a verdict name."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kit.claims.causes import decides, named
from kit.claims.model import Rules
from kit.claims.verdict import Evidence, Interchanged
from kit.report.interchange import swap_csv, swap_json, swap_view
from kit.results import Results, SwapTable, swap_tables, swaps_of
from kit.results.grid import grids
from kit.stats import Estimate
from tests.results.cells import Shelf

ITEMS = 40  # on 20 contexts, of which every fourth served to find the layer
GOLD = tuple(f"Ort{at}" for at in range(ITEMS))


def rows(
    seed: int, into: float, out: float, whole: float = 0.4, control: float | None = 0.0
) -> list[dict[str, object]]:
    """Effects around these means (0 to 1); one of the random direction lies around 0."""
    draw = np.random.default_rng(seed)
    made: list[dict[str, object]] = []
    for at in range(ITEMS):
        searched = at // 2 % 4 == 0
        noise = draw.normal(0, 0.02, size=8).tolist()
        tested = {
            "direction": [into + noise[0], out + noise[1]],
            "whole": [whole + noise[2], whole + noise[3]],
            "random": noise[4:6],
        }
        if control is not None:
            tested["control"] = [control + noise[6], control + noise[7]]
        curves = {"direction": [[0.1, into], [0.2, out]], "whole": [[0.1, whole], [0.3, whole]]}
        effects = curves if searched else tested
        base, tuned = [0.5 + noise[0], 0.3], [0.1, 0.8]
        made.append({"searched": searched, "layer": 2, "base": base, "tuned": tuned, "effects": effects})
    return made


def load(root: Path, found: list[dict[str, object]], more: list[dict[str, object]] | None = None) -> Results:
    shelf = Shelf(root)
    where = {"language": "or", "gold": GOLD}
    shelf.add(GOLD, **where)  # type: ignore[arg-type]
    for seed, made in ((1, found), (2, more)):
        if made is not None:
            shelf.add(GOLD, trained_on="tiny/de", seed=seed, **where)  # type: ignore[arg-type]
            shelf.add_swaps(made, trained_on="tiny/de", seed=seed, **where)
    return shelf.load()


def only(results: Results) -> SwapTable:
    (table,) = swap_tables(results)
    return table


def test_figures_are_means_over_the_items_that_did_not_serve_the_search(tmp_path: Path) -> None:
    both = [rows(0, 0.3, 0.2), rows(1, 0.3, 0.2)]
    table = only(load(tmp_path, *both))
    (row,) = table.rows
    assert (row.subject.name, row.column.name, row.swaps.layers) == ("tiny/de@60", "tiny/or", (2, 2))

    def mean(name: str, way: int) -> float:
        values = [r["effects"][name][way] for made in both for r in made if not r["searched"]]  # type: ignore[index]
        return 100 * float(np.mean(values))

    for at, way in enumerate((row.swaps.into, row.swaps.out)):
        assert way.effect.value == pytest.approx(mean("direction", at))
        assert way.whole.value == pytest.approx(mean("whole", at))
        assert way.over_random.value == pytest.approx(mean("direction", at) - mean("random", at))
        assert way.over_control is not None
        assert way.over_control.value == pytest.approx(mean("direction", at) - mean("control", at))
        assert way.share == pytest.approx(mean("direction", at) / mean("whole", at))
        assert (way.effect.n_items, way.effect.n_clusters, way.effect.n_seeds) == (30, 15, 2)
    assert row.swaps.masses["tuned_target"].value == pytest.approx(80)


def test_every_layer_has_the_effects_of_the_items_that_served_the_search(tmp_path: Path) -> None:
    (row,) = only(load(tmp_path, rows(0, 0.3, 0.2), rows(1, 0.3, 0.2))).rows
    first, second = row.by_layer
    assert (first.block, second.block) == (1, 2)
    assert [one.value for one in (*first.direction, *first.whole)] == pytest.approx([10, 20, 10, 30])
    assert [one.value for one in (*second.direction, *second.whole)] == pytest.approx([30, 20, 40, 40])
    assert (second.whole[0].n_items, second.whole[0].n_clusters) == (10, 5)
    table = only(load(tmp_path / "again", rows(0, 0.3, 0.2)))
    text = StringIO()
    Console(file=text, width=100).print(swap_view(table, layers=True))
    assert "on the 5 contexts (10 items) that served the search" in text.getvalue()


@pytest.mark.parametrize(
    ("found", "stands"),
    [
        (rows(0, 0.3, 0.2), "works both ways"),
        (rows(0, 0.3, 0.2, control=None), "works both ways"),
        (rows(0, 0.3, 0.0), "suffices, is not necessary"),
        (rows(0, 0.0, 0.2), "is necessary, does not suffice"),
        (rows(0, -0.3, 0.0), "does not work"),
        (rows(0, 0.3, 0.2, control=0.35), "does not work"),  # another script's direction does as much
        (rows(0, 0.06, 0.05, whole=0.07), "undecided"),
    ],
)
def test_how_an_interchange_stands(tmp_path: Path, found: list[dict[str, object]], stands: str) -> None:
    results = load(tmp_path, found)
    table = only(results)
    assert table.rows[0].swaps.stands == stands
    assert stands in swap_json([table]) and swap_csv([table]).count("\n") == 3
    assert swap_view(table).renderables
    (grid,) = [grid for grid in grids(results) if grid.task == "generate"]
    tuned = grid.pool(grid.subjects[1], grid.columns[0])
    assert [one.stands for one in swaps_of(tuned)] == [stands]  # beside the answers, where claims look
    assert swaps_of(grid.pool(grid.base, grid.columns[0])) == []


def test_a_damaged_cell_is_missing_with_its_reason(tmp_path: Path) -> None:
    broken = rows(0, 0.3, 0.2)
    broken[3]["base"] = [0.5]
    results = load(tmp_path, broken)
    assert swap_tables(results) == []
    assert "not an item of a cell" in results.missing[0].reason


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 1, value + 1, 100, 20, 1)


def evidence(language: float, stands: str | None) -> Evidence:
    zero = estimate(0.0)
    swaps = () if stands is None else (Interchanged("Beng", stands, zero, zero),)
    return Evidence(
        change=estimate(30.0), over=zero, lead=zero, rest=estimate(30.0), stop=zero,
        language=estimate(language), free=estimate(30 - language), interchanges=swaps,
    )  # fmt: skip


def test_suppression_is_named_where_language_is_and_the_interchange_works_both_ways() -> None:
    assert named(evidence(25, "works both ways"), Rules()) == ("language", "suppression")
    assert named(evidence(25, "suffices, is not necessary"), Rules()) == ("language",)
    assert named(evidence(25, None), Rules()) == ("language",)
    assert named(evidence(0, "works both ways"), Rules()) == ()
    assert not decides(evidence(25, None), ("suppression",), Rules())
    assert decides(evidence(25, None), ("language",), Rules())
    assert not decides(evidence(25, "undecided"), ("suppression",), Rules())
    assert decides(evidence(25, "does not work"), ("suppression",), Rules())


def test_without_a_part_by_language_no_interchange_is_needed_to_rule_suppression_out() -> None:
    asked = (("suppression",), Rules())
    assert decides(evidence(0, "undecided"), *asked) and decides(evidence(0, None), *asked)
    assert not decides(evidence(1.5, "undecided"), *asked)  # its interval ends at 2.5 points
    falls = replace(evidence(0.5, "undecided"), change=estimate(-30.0))
    assert decides(falls, *asked) and not decides(replace(falls, language=estimate(-2.0)), *asked)
    assert not decides(replace(falls, language=None), *asked)
