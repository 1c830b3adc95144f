"""Each path through the terminal UI, over real runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from textual.widgets import Input, OptionList

from kit.api import Workspace, judging
from kit.processes import identity
from kit.schedule import RunFolder, find_run, list_runs
from kit.tui import doors
from kit.tui.actions import ACTIONS
from kit.tui.doors import DOORS, Door
from kit.tui.screens import page as page_module
from kit.tui.screens.page import Page
from kit.tui.themes import THEMES
from kit.tui.widgets.heatmap import HeatMap
from kit.tui.widgets.logview import LogView
from tests.kit_command import Kit
from tests.tui import sample
from tests.tui.driving import RECIPE, Drive, drive

Smoke = tuple[Kit, CompletedProcess[str]]


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    (folder / "zz").mkdir(parents=True)
    (folder / "small.yaml").write_text(RECIPE)
    (folder / "zz" / "broken.yaml").write_text("schema: 1\nname: broken\nmodels: [tiny-blom]\nevaluat: []\n")
    return folder


def test_from_nothing_to_a_finished_table_in_two_keys(tmp_path: Path, recipes: Path) -> None:
    home = tmp_path / "home"

    async def script(user: Drive) -> None:
        await user.until(lambda: "Enter starts it" in user.static("#plan"), "the plan")
        assert "8, of which 0 are in the store" in user.static("#plan")
        await user.press("enter")
        await user.until(lambda: user.page() == "RunPage", "the run")
        await user.until(lambda: "at work" in user.static("#state"), "work")
        await user.until(lambda: "series " in user.text(), "the jobs")
        await user.press("t")
        await user.until(lambda: len(user.heat().heat.rows) == 2, "the table")
        await user.until(lambda: all(c.text for row in user.heat().heat.cells for c in row), "all cells")
        await user.press("l")
        await user.until(lambda: " done" in user.static("#state"), "the end")
        await user.press("1")
        await user.until(lambda: "everything is there" in user.static("#plan"), "the plan again")

    drive(home, script, recipes)
    assert len(list_runs(home / "runs")) == 1


def test_a_run_outlives_the_screen_and_is_found_stopped_and_gone_on_with(
    tmp_path: Path, recipes: Path
) -> None:
    home = tmp_path / "home"
    (recipes / "small.yaml").write_text(RECIPE.replace("steps: 4", "steps: 4000"))

    async def start(user: Drive) -> None:
        await user.until(lambda: "Enter starts it" in user.static("#plan"), "the plan")
        await user.press("enter")
        await user.until(lambda: user.page() == "RunPage" and "loss" in user.text(), "the tuning")
        await user.until(lambda: "tokens/s" in user.static("#curve"), "the curve")
        await user.press("q")

    drive(home, start, recipes)
    folder = find_run(home / "runs", "last")
    holder = folder.holder()
    assert holder and identity(holder.pid) == holder.mark

    async def come_back(user: Drive) -> None:
        await user.press("2")
        await user.until(lambda: "running" in user.text(), "the run")
        await user.press("d")
        assert folder.path.exists() and user.page() == "Runs"
        await user.press("enter")
        await user.until(lambda: "at work" in user.static("#state"), "the run at work")
        await user.asked("s", "n")
        assert folder.holder()
        await user.asked("s", "y")
        await user.until(lambda: "stopped" in user.static("#state"), "the end")
        assert not folder.holder()
        await user.press("g")
        await user.until(lambda: "at work" in user.static("#state"), "work again")
        await user.asked("s", "y")
        await user.until(lambda: "stopped" in user.static("#state"), "the end again")
        await user.until(lambda: not folder.holder(), "the run left alone")
        await user.press("2")
        await user.until(lambda: "stopped" in user.text(), "the runs")
        await user.asked("d", "y")
        await user.until(lambda: not folder.path.exists(), "its end")

    drive(home, come_back, recipes)


def test_recipes_are_searched_changed_and_checked_as_one_types(tmp_path: Path, recipes: Path) -> None:
    async def script(user: Drive) -> None:
        options = user.app.screen.query_one("#list", OptionList)
        # Two recipes, and the folders that they lie in.
        await user.until(lambda: options.option_count == 4, "the recipes")
        await user.press("slash")
        await user.type("broken")
        await user.press("enter")
        await user.until(lambda: "evaluat" in user.static("#plan"), "the faults")
        assert "line 4" in user.static("#plan") and "did you mean" in user.static("#plan")
        source = user.static("#yaml").splitlines()
        assert "✗ `evaluat` is no key" in source[source.index("   4 evaluat: []") + 1]
        await user.press("slash")
        user.app.screen.query_one("#search", Input).value = "small"
        await user.press("enter")
        await user.until(lambda: "Enter starts it" in user.static("#plan"), "the plan")
        await user.press("o")
        await user.type("seeds=[1,2")
        await user.until(lambda: "✗" in user.static("#plan"), "the fault")
        await user.type("]")
        await user.until(
            lambda: "1 job: 3 evaluate, 2 tune;" in user.static("#plan"), "the plan for two seeds"
        )
        assert "--set 'seeds=[1,2]'" in user.static("#command")
        await user.press("enter", "c")
        assert "--set 'seeds=[1,2]'" in user.app.clipboard
        await user.press("p")
        await user.until(lambda: user.page() == "Read" and "will run:" in user.text(), "the plan")
        assert "12 cells: new" in user.text()
        await user.press("escape")

    drive(tmp_path / "home", script, recipes)


def test_what_a_recipe_takes_is_held_against_this_machine(tmp_path: Path, recipes: Path) -> None:
    (recipes / "small.yaml").write_text(RECIPE.replace("device: cpu", "device: cuda"))

    async def script(user: Drive) -> None:
        await user.until(lambda: "to run" in user.static("#plan"), "the plan")
        lines = {line.split()[0]: line for line in user.static("#plan").splitlines() if line.strip()}
        assert "✓" in lines["memory"] and "✓" in lines["disk"] and "of work" in lines["time"]
        assert shutil.which("nvidia-smi") or ("✗" in lines["GPU"] and "here none" in lines["GPU"])

    drive(tmp_path / "home", script, recipes)


def test_one_job_is_stopped_and_tried_again_by_key(tmp_path: Path, recipes: Path) -> None:
    home = tmp_path / "home"
    recipe = RECIPE.replace("steps: 4", "steps: 4000").replace("slots: 1", "slots: 1, series: false")
    (recipes / "small.yaml").write_text(recipe)

    def job(title: str) -> str:
        state = find_run(home / "runs", "last").state()
        assert state is not None
        return next(job.stage for job in state.jobs if job.title.startswith(title))

    async def script(user: Drive) -> None:
        await user.until(lambda: "Enter starts it" in user.static("#plan"), "the plan")
        await user.press("enter")
        await user.until(lambda: user.page() == "RunPage" and "loss" in user.text(), "the tuning")
        await user.until(
            lambda: " left" in user.text() and "CPU" in user.static("#curve"), "time left and gauges"
        )
        await user.press("r")
        await user.until(
            lambda: user.notices()[-1:] and "can be tried again" in user.notices()[-1], "a refusal"
        )
        await user.asked("x", "n")
        await user.asked("x", "y")
        await user.until(lambda: "stopped" in user.static("#state"), "the end")
        assert (job("evaluate"), job("tune"), job("evaluate tiny-bloom tuned")) == (
            "done",
            "stopped",
            "blocked",
        )
        await user.until(lambda: "stopped by the user" in user.text(), "the reason")
        await user.press("r")
        await user.until(
            lambda: "at work" in user.static("#state") and job("tune") == "running", "the second go"
        )
        await user.asked("s", "y")
        await user.until(lambda: "stopped" in user.static("#state"), "the end")

    drive(home, script, recipes)


def test_an_empty_folder_welcomes(tmp_path: Path) -> None:
    async def script(user: Drive) -> None:
        await user.until(lambda: "No recipes here yet" in user.static("#what"), "the welcome")
        await user.press("2")
        await user.until(lambda: "No runs yet" in user.text(), "the other welcome")
        await user.press("enter", "d", "question_mark")
        await user.until(lambda: user.page() == "Help", "the help")
        await user.press("escape")
        await user.until(lambda: user.page() == "Runs", "the runs again")
        await user.press("4")
        await user.until(lambda: user.notices()[-1:] and "no run yet" in user.notices()[-1], "why not")
        await user.press("1")
        await user.until(lambda: user.page() == "Recipes", "the recipes")

    drive(tmp_path / "home", script, tmp_path / "nothing")


def test_doors_lead_to_the_run_of_now_and_a_new_page_is_one_line(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = Door("extra", "6,f6", "Extra", "A page that a test adds", f"{__name__}:ExtraPage", of_run=True)
    monkeypatch.setattr(doors, "DOORS", (*DOORS, door))
    monkeypatch.setattr(page_module, "DOORS", (*DOORS, door))

    async def script(user: Drive) -> None:
        name = find_run(done / "runs", "last").name
        await user.press("4")
        await user.until(
            lambda: user.page() == "TablePage" and user.heat().heat.rows, "the table of the last run"
        )
        await user.press("3")
        await user.until(lambda: user.page() == "RunPage" and name in user.static("#head"), "its jobs")
        assert user.static("#command").strip() == f"$ xlt-kit attach {name}"
        user.app.action_go("extra")
        await user.until(
            lambda: user.page() == "ExtraPage" and "6 Extra" in user.static("#head"), "the new page"
        )
        assert f"$ xlt-kit extra {name}" in user.static("#command")
        await user.press("1")
        await user.until(lambda: user.page() == "Recipes", "the recipes")

    drive(done, script)


class ExtraPage(Page):
    place = "runs"

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder

    def command(self) -> str:
        return f"xlt-kit extra {self.folder.name}"


def test_a_cell_opens_its_examples(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.to_table()
        await user.press("down", "right", "right", "right", "right", "right", "right", "right")
        await user.press("enter")
        await user.until(lambda: user.page() == "ExamplesPage", "the examples")
        items = user.app.screen.query_one("#items", OptionList)
        assert items.option_count == 300 and "tiny-qa/de → tiny-qa/or" in user.text()
        await user.until(lambda: "question" in user.static("#text"), "an example")
        assert "tuned, seed 2" in user.static("#text") and "gold" in user.static("#text")
        await user.press("f", "f", "f")
        assert items.border_title is not None and items.border_title.endswith("turned right")
        assert 0 < items.option_count < 300 and "turned right" in user.static("#text")
        opened: list[str] = []
        user.app.open_url = lambda url, new_tab=True: opened.append(url)  # type: ignore[method-assign]
        await user.press("h")
        (page,) = opened
        html = Path(page.removeprefix("file://")).read_text("utf-8")
        assert html.count("<section>") == items.option_count and 'dir="auto"' in html and "<mark>" in html
        await user.press("escape")
        await user.until(lambda: user.page() == "TablePage", "the table again")

    drive(done, script)


def test_claims_show_their_verdicts_and_under_the_cursor_why(done: Path) -> None:
    async def script(user: Drive) -> None:
        name = find_run(done / "runs", "last").name
        await user.press("5")
        await user.until(lambda: "3 reproduced" in user.static("#caption"), "the verdicts")
        await user.until(lambda: "✓ S1" in user.text() and "mechanics only" in user.text(), "their rows")
        await user.until(lambda: "raises its F1 there" in user.text(), "the reasons of the first")
        await user.press("down", "down")
        await user.until(lambda: "past the gold answer less often" in user.text(), "those of the third")
        assert f"$ xlt-kit claims {name} --details" in user.static("#command")
        written = done / "runs" / name / "tables" / "claims.csv"
        written.unlink()
        await user.press("w")
        await user.until(lambda: written.exists(), "the files")

    drive(done, script)


def test_the_lens_is_turned_and_read(tmp_path: Path) -> None:
    sample.make(tmp_path)

    async def script(user: Drive) -> None:
        await user.press("6")
        await user.until(lambda: user.heat().heat.rows, "the layers")
        change = user.heat().heat
        assert change.rows == ("5", "4", "3", "2", "1", "embedding") and "Orya°" in change.columns
        assert "toy-qa/de@60: change against the base" in user.static("#caption")
        assert change.cells[0][change.columns.index("Orya°")].text == "+25.0"  # five layers of .05 more
        await user.press("v")
        assert "probability, in percent" in user.static("#caption") and user.heat().heat.level
        await user.press("r")
        assert "base: probability" in user.static("#caption")
        await user.press("v")  # the base has no change
        assert "base: probability" in user.static("#caption")
        await user.press("right_square_bracket")
        assert "toy-qa/hi" in user.static("#caption") and "Deva°" in user.heat().heat.columns
        await user.press("left_square_bracket", "r")
        command = user.static("#command")
        assert "--language toy-qa/or --task lens --row toy-qa/de@60" in command
        assert "interchange with Beng, toy-qa/de@60 → toy-qa/or: works both ways" in user.static("#swapped")

    drive(tmp_path, script, tmp_path / "recipes")


def test_windows_of_layers_stand_on_the_page_of_the_lens(tmp_path: Path) -> None:
    sample.make_windows(tmp_path)

    async def script(user: Drive) -> None:
        await user.press("6")
        await user.until(lambda: "by layers" in user.static("#swapped"), "the windows")
        words = " ".join(user.static("#swapped").split())
        assert (
            "F1 by layers, tiny/ru@60 → tiny/de: all +" in words and "1/2 0.0" in words and "2/2 +" in words
        )
        assert "no finished lens cells" in user.static("#caption")

    drive(tmp_path, script)


def test_a_run_without_a_lens_says_how_to_get_one(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.press("6")
        await user.until(lambda: "no finished lens cells" in user.static("#caption"), "the words")

    drive(done, script)


def test_a_run_without_claims_says_how_to_name_them(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "CLAIMS", "none.yaml")

    async def script(user: Drive) -> None:
        await user.press("5")
        await user.until(lambda: "no verdicts" in user.static("#caption"), "the words")
        assert "--claims" in user.static("#caption")

    drive(done, script)


def test_help_palette_and_themes_know_every_action(done: Path) -> None:
    async def script(user: Drive) -> None:
        await user.press("question_mark")
        await user.until(lambda: "Start the recipe" in user.text(), "the help")
        await user.press("escape")
        await user.until(lambda: user.page() == "Recipes", "the recipes")
        await user.to_table()
        places = {action.label for action in ACTIONS if action.place in ("table", "table-more")}
        labels = {command.title for command in user.app.get_system_commands(user.app.screen)}
        assert places <= labels
        await user.press("ctrl+p")
        await user.until(lambda: user.page() == "CommandPalette", "the palette")
        await user.type("transpose")
        await user.press("enter")
        await user.until(
            lambda: user.page() == "TablePage" and user.heat().heat.columns[0] == "base", "the table"
        )
        for name in [*list(THEMES)[1:], next(iter(THEMES))]:
            await user.press("f9")
            assert user.app.theme == name
        await user.press("f9")

    drive(done, script)

    async def again(user: Drive) -> None:
        assert user.app.theme == list(THEMES)[1]

    drive(done, again)


def test_every_action_has_its_method() -> None:
    from kit.tui.app import XltKit
    from kit.tui.screens.claims import ClaimsPage
    from kit.tui.screens.difference import DifferencePage
    from kit.tui.screens.doctor import DoctorPage
    from kit.tui.screens.examples import ExamplesPage
    from kit.tui.screens.lens import LayerMap, LensPage
    from kit.tui.screens.recipes import Recipes
    from kit.tui.screens.run import RunPage
    from kit.tui.screens.runs import Runs
    from kit.tui.screens.table import TablePage

    owners = {
        "everywhere": (XltKit,), "recipes": (Recipes,), "run": (RunPage,), "log": (LogView,),
        "table": (TablePage, HeatMap), "table-more": (TablePage,), "examples": (ExamplesPage,), "runs": (Runs,),
        "claims": (ClaimsPage,), "lens": (LensPage, LayerMap), "difference": (DifferencePage,),
        "doctor": (DoctorPage,),
    }  # fmt: skip
    for action in ACTIONS:
        method = f"action_{action.name.partition('(')[0]}"
        assert any(hasattr(owner, method) for owner in owners[action.place]), action


def test_a_workspace_that_is_damaged_is_told_before_the_screen(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.write_text("no folder")
    from kit.errors import KitError

    with pytest.raises(KitError):
        Workspace(home).store()
