"""The page of the transfer table, over a real run and over one at work."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.geometry import Offset

from kit.schedule import find_run
from tests.tui import sample
from tests.tui.driving import Drive, drive


def test_the_table_is_turned_sorted_grouped_and_read(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        first = user.heat().heat
        assert first.rows[0] == "base" and "F1" in user.static("#caption")
        await user.press("down", "right")
        assert "tiny-qa/de → tiny-qa/es" in user.static("#detail") and "Δ" in user.static("#detail")
        await user.press("v")
        assert "shows base" in user.static("#caption")
        await user.press("v", "v", "v")
        assert user.heat().heat == first
        await user.press("m")
        await user.until(lambda: "EM" in user.static("#caption"), "EM")
        await user.press("M")
        await user.until(lambda: "F1" in user.static("#caption"), "F1")
        await user.press("x")
        assert user.heat().heat.columns[0] == "base"
        await user.press("x", "end", "o")
        assert user.heat().heat.rows[:2] == ("base", "tiny-qa/or") and "sorted by te" in user.static(
            "#caption"
        )
        assert user.heat().heat.columns[user.heat().column] == "te"
        await user.press("o", "b")
        assert "columns by script" in user.static("#caption")
        await user.press("b", "b", "b", "b", "h")
        assert "unsure hidden" in user.static("#caption") and "columns by" not in user.static("#caption")
        await user.press("h", "v", "w")
        folder = find_run(done / "runs", "last")
        await user.until(lambda: (folder.tables / "f1-base.svg").exists(), "the picture")
        assert {path.suffix for path in folder.tables.iterdir()} >= {".csv", ".md", ".tex", ".svg", ".json"}

    drive(done, script)


def test_intervals_stand_beside_the_figures_and_are_remembered(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        cell = user.heat().heat.cells[1][0]
        assert cell.interval == "" and "…" not in user.text().split("tiny-qa/de ")[1].split("\n")[0]
        await user.press("i")
        low, _, high = user.heat().heat.cells[1][0].interval.partition("…")
        assert float(low) < float(cell.text) < float(high)
        line = next(line for line in user.text().splitlines() if line.strip().startswith("tiny-qa/de "))
        assert f"{cell.text}{cell.marks}" in line and f"{low}…{high}" in line

    drive(done, script)

    async def again(user: Drive) -> None:
        await user.to_table()
        assert user.heat().heat.cells[1][0].interval
        await user.press("i")

    drive(done, again)


def test_groups_stand_under_their_names_and_have_means(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        await user.press("b")
        bands = user.heat().heat.bands
        assert bands[:4] == ("Latn",) * 4 and "Deva" in bands
        assert "─ Latn ─" in user.text()
        await user.press("x")
        assert " · Latn" in user.text()
        await user.press("x", "b")
        await user.until(lambda: "means by script" in user.static("#caption"), "the means")
        await user.until(lambda: "script Latn" in user.heat().heat.columns, "their columns")
        assert "--group script" in user.static("#command")
        await user.press("enter")
        assert "no examples of its own" in user.notices()[-1]
        await user.press("b")
        await user.until(lambda: "columns by family" in user.static("#caption"), "families")

    drive(done, script)


def test_the_cursor_stays_on_its_row_and_column_and_heads_can_be_clicked(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        await user.press("down", "down", "right", "right")

        def here() -> tuple[str, str]:
            heat = user.heat()
            return heat.heat.rows[heat.row], heat.heat.columns[heat.column]

        place = here()
        at = user.heat()._label + 2 * user.heat()._wide + 4
        await user.pilot.click("#heat", offset=Offset(at, 0))
        await user.until(lambda: f"sorted by {place[1]}" in user.static("#caption"), "the order")
        assert here() == place
        await user.press("b")
        assert here() == place
        await user.press("m")
        await user.until(lambda: "EM" in user.static("#caption"), "EM")
        assert here() == place and f"sorted by {place[1]}" in user.static("#caption")
        await user.press("M")
        await user.pilot.click("#heat", offset=Offset(user.heat()._label + 4, 3))
        assert user.heat().row == 1 and user.heat().column == 0
        await user.pilot.click("#heat", offset=Offset(user.heat()._label + 4, 3))
        await user.until(lambda: user.page() == "ExamplesPage", "the examples")

    drive(done, script)


def test_a_metric_that_is_not_for_a_language_leaves_its_column_out_and_says_so(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        await user.press("m", "m")
        await user.until(lambda: "F1 (MLQA)" in user.static("#caption"), "MLQA's F1")
        assert "or" not in user.heat().heat.columns and "outside the metric's languages" in user.static(
            "#caption"
        )
        await user.press("M", "M")

    drive(done, script)


def test_cells_to_come_show_how_their_jobs_stand(at_work: Path) -> None:
    async def script(user: Drive) -> None:
        await user.press("4")
        await user.until(lambda: user.heat().heat.rows, "the table")
        assert "filling" in user.static("#caption")
        last = [cell.text for cell in user.heat().heat.cells[-1]]
        assert last[3:] == ["…", "…"] and last[0].startswith("+")
        await user.press("end", "down", "down", "down")
        assert "not finished yet" in user.static("#detail")
        await user.press("enter")
        await user.until(lambda: user.page() == "ExamplesPage", "the base's answers")
        assert "the base alone so far" in user.static("#head")

    drive(at_work, script)


def test_the_jobs_page_shows_the_table_where_it_has_room(at_work: Path) -> None:
    async def script(user: Drive) -> None:
        await user.press("3")
        await user.until(lambda: user.heat().heat.rows, "the little table")
        assert user.heat().display and "…" in [cell.text for cell in user.heat().heat.cells[-1]]
        await user.pilot.resize_terminal(80, 24)
        await user.until(lambda: not user.heat().display, "no room")
        await user.pilot.resize_terminal(160, 50)
        await user.until(lambda: user.heat().display, "room again")
        await user.pilot.click("#mini", offset=Offset(user.heat()._label + 3, 3))
        await user.pilot.click("#mini", offset=Offset(user.heat()._label + 3, 3))
        await user.until(lambda: user.page() == "TablePage", "the table")

    drive(at_work, script, size=(160, 50))


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (300, 80)])
def test_any_size_will_do(done: Path, size: tuple[int, int]) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        await user.press("end", "down")
        assert user.heat().chosen is not None
        await user.pilot.resize_terminal(70, 20)
        await user.press("home")
        assert "tuned on" in user.text()

    drive(done, script, size=size)


def test_a_run_of_choices_shows_their_accuracy_and_what_was_chosen(tmp_path: Path) -> None:
    sample.make_choices(tmp_path)

    async def script(user: Drive) -> None:
        await user.to_table()
        await user.until(lambda: user.heat().heat.rows, "the table")
        caption = user.static("#caption")
        assert "accuracy over choices (0–100)" in caption and "chance level: 25.0" in caption
        assert user.heat().heat.columns[:2] == ("de", "or")
        await user.press("down", "enter")
        await user.until(lambda: user.page() == "ExamplesPage", "the examples")
        await user.until(lambda: "share of the right choice" in user.static("#text"), "what was chosen")
        assert "ended by" not in user.static("#text") and "F1" not in user.static("#text")

    drive(tmp_path, script)
