"""The heat map of a real table: order, warmth, what is hidden."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kit.api import Workspace, results
from kit.report.heat import detail_of, grouped, heat_of, signs_of, spans
from kit.results import TransferTable, transfer_table
from kit.schedule import find_run
from kit.stats import Bootstrap
from tests.kit_command import Kit
from tests.results.cells import transfer_shelf


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
    detail = detail_of(table, heat.cells[1][0])
    assert "Δ" in detail and "n = 300" in detail


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


def test_columns_by_script_stand_together_under_its_name(table: TransferTable) -> None:
    scripts = {"en": "Latn", "es": "Latn", "de": "Latn", "vi": "Latn", "ru": "Cyrl", "hi": "Deva"}
    heat = grouped(table, heat_of(table, "delta"), scripts)
    assert heat.bands == tuple(scripts.get(name, "other") for name in heat.columns)
    assert [name for name, _, _ in spans(heat.bands)] == ["Latn", "Cyrl", "Deva", "other"]
    assert spans(heat.bands)[:2] == [("Latn", 0, 4), ("Cyrl", 4, 1)]
    assert sum(count for _, _, count in spans(heat.bands)) == len(heat.columns)
    turned = heat.transposed()
    assert turned.bands == heat.bands and not turned.across
    assert turned.sorted_by("tiny-qa/de").bands == (), "sorted rows stand anywhere"


def test_a_missing_cell_shows_how_its_job_stands_and_several_the_worst(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path, ("de", "hi"), ("de",))
    wanted = [shelf.want(language, "tiny/ru", seed) for language in ("de", "hi") for seed in (1, 2)]
    (made,) = transfer_table(shelf.load(), "f1", bootstrap=Bootstrap(resamples=100))
    stages = dict(
        zip((cell.key for cell in wanted), ("running", "waiting", "failed", "running"), strict=True)
    )
    row = heat_of(made, "delta").rows.index("tiny/ru")
    signs = signs_of(made, stages)
    assert signs == {(row, 0): "…", (row, 1): "✗"}
    heat = heat_of(made, "delta").with_signs(signs)
    assert [cell.text for cell in heat.cells[row]] == ["…", "✗"]
    assert heat.cells[1] == heat_of(made, "delta").cells[1], "figures stay"
    assert "not finished yet" in detail_of(made, heat.cells[row][0])
    assert signs_of(made, {}) == {}


def test_unsure_cells_are_hidden(table: TransferTable) -> None:
    heat = heat_of(table, "delta").without_unsure()
    for row, cells in zip(heat.cells, heat_of(table, "delta").cells, strict=True):
        assert [cell.text == "·" for cell in row] == [not cell.sure for cell in cells]
