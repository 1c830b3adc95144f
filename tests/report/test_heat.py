"""The heat map of a real table: order, warmth, what is hidden."""

from __future__ import annotations

from itertools import pairwise
from subprocess import CompletedProcess

import pytest

from kit.api import Workspace, results
from kit.report.heat import column_order, heat_of
from kit.results import TransferTable, transfer_table
from kit.schedule import find_run
from tests.kit_command import Kit


@pytest.fixture(scope="module")
def table(smoke: tuple[Kit, CompletedProcess[str]]) -> TransferTable:
    workspace = Workspace(smoke[0].home)
    (found,) = transfer_table(results(workspace, find_run(workspace.runs, "last")), "f1")
    return found


def test_every_cell_has_its_number_and_the_largest_change_is_the_warmest(table: TransferTable) -> None:
    heat = heat_of(table, "delta")
    assert len(heat.rows) == 4 and len(heat.columns) == 9
    assert all(cell.text for row in heat.cells for cell in row)
    warm = {cell.warmth: cell for row in heat.cells[1:] for cell in row}
    assert max(warm) == 1.0 and warm[1.0].text.startswith("+")
    assert all(cell.warmth is None for cell in heat.cells[0]), "the base is no difference"
    assert "Δ" in heat.cells[1][0].detail and "n = 300" in heat.cells[1][0].detail


def test_levels_are_shares_of_a_hundred(table: TransferTable) -> None:
    heat = heat_of(table, "tuned")
    assert heat.level and all(0 <= (c.warmth or 0) <= 1 for row in heat.cells for c in row)
    assert heat.cells[0][0].warmth == pytest.approx(float(heat.cells[0][0].text) / 100, abs=0.001)


def test_what_is_better_when_lower_is_warm_when_it_falls(
    smoke: tuple[Kit, CompletedProcess[str]],
) -> None:
    workspace = Workspace(smoke[0].home)
    (found,) = transfer_table(results(workspace, find_run(workspace.runs, "last")), "overran")
    cell = heat_of(found, "delta").cells[1][0]
    assert cell.text.startswith("-") and (cell.warmth or 0) > 0


def test_sides_swap_rows_sort_and_cells_keep_their_place(table: TransferTable) -> None:
    heat = heat_of(table, "delta")
    turned = heat.transposed()
    assert turned.rows == heat.columns and turned.cells[3][1] == heat.cells[1][3]
    assert turned.transposed() == heat
    column = heat.columns.index("or")
    ordered = heat.sorted_by("or")
    assert ordered.rows[0] == "base" and ordered.rows[1] == "tiny-qa/or"
    warmths = [row[column].warmth or 0.0 for row in ordered.cells[1:]]
    assert warmths == sorted(warmths, reverse=True)
    assert ordered.cells[1][column].row == heat.rows.index("tiny-qa/or")


def test_columns_by_script_stand_together(table: TransferTable) -> None:
    scripts = {"en": "Latn", "es": "Latn", "de": "Latn", "vi": "Latn", "ru": "Cyrl", "hi": "Deva"}
    heat = heat_of(table, "delta").in_order(column_order(table, scripts))
    names = [scripts.get(name, "") for name in heat.columns]
    assert len([1 for a, b in pairwise(names) if a != b]) == len(set(names)) - 1


def test_unsure_cells_are_hidden(table: TransferTable) -> None:
    heat = heat_of(table, "delta").without_unsure()
    for row, cells in zip(heat.cells, heat_of(table, "delta").cells, strict=True):
        assert [cell.text == "·" for cell in row] == [not cell.sure for cell in cells]
