"""The page that compares two runs, from the list of runs on; its pictures, in two sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.image import SVGImageSnapshotExtension
from textual.widgets import DataTable

from kit.data.example import render_slice
from kit.jobdir import key_of
from kit.plan import Wanted
from kit.plan.types import WantedCell
from kit.schedule import RunFolder, RunState
from kit.store import Store
from kit.tui.screens import runs as runs_page
from tests.results.cells import ENVIRONMENT, Shelf
from tests.tui import sample
from tests.tui.driving import Drive, drive
from tests.tui.scenes import picture

SIZES = ((80, 24), (160, 50))
MOVED = {**ENVIRONMENT, "torch": "2.14.0", "device": "NVIDIA H100"}


class Bfloat(Shelf):
    """The same cells in another dtype."""

    def want(self, *words: object, **more: object) -> WantedCell:
        cell = super().want(*words, **more)  # type: ignore[arg-type]
        spec = replace(cell.spec, dtype="bfloat16")
        self.wanted[-1] = replace(cell, spec=spec, key=key_of(spec.task.kind, spec))
        return self.wanted[-1]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs: the second in another dtype on another machine, its base the same, its tuned model worse."""
    path = tmp_path_factory.mktemp("two") / "home"
    store = Store(path / "store")
    for name, shelf, environment in (
        ("first-0b5e55ed", Shelf(store.root, sample.ask), ENVIRONMENT),
        ("second-5ca1ab1e", Bfloat(store.root, sample.ask), MOVED),
    ):
        second = isinstance(shelf, Bfloat)
        for language in sample.LANGUAGES:
            where = {"language": language, "gold": sample.gold(language), "dataset": "toy-qa"}
            base, tuned = sample.base_answers(language), sample.tuned_answers(language, "hi", 1)
            worse = {"bn": [*base[:12], *tuned[12:]], "or": ["?"] * len(tuned)} if second else {}
            answers = worse.get(language, tuned)
            shelf.add(base, environment=environment, **where)  # type: ignore[arg-type]
            shelf.add(answers, environment=environment, trained_on="toy-qa/hi", seed=1, **where)  # type: ignore[arg-type]
        for (data, _), examples in shelf.gold.items():
            store.slice_path(data).parent.mkdir(exist_ok=True)
            store.slice_path(data).write_bytes(render_slice(examples))
        folder = RunFolder(path / "runs" / name)
        (folder.path / "jobs").mkdir(parents=True)
        folder.write_wanted(Wanted("grid", tuple(shelf.wanted)))
        cells = len(shelf.wanted)
        folder.write_state(RunState(name, "done", (), sample.NOW - 60, sample.NOW, cells, 0, 1))
        dtype = "bfloat16" if second else "float32"
        folder.write_manifest({"schema": 1, "recipe": {"name": "grid", "switches": {"dtype": dtype}}})
    (path / "recipes").mkdir()
    return path


async def compare(user: Drive) -> None:
    """From the list of runs to the comparison of both."""
    await user.press("2")
    await user.until(lambda: user.app.screen.query_one(DataTable).row_count == 2, "the runs")
    table = user.app.screen.query_one(DataTable)
    names = [str(key.value) for key in table.rows]
    table.move_cursor(row=names.index("first-0b5e55ed"))
    await user.press("equals_sign")
    await user.until(lambda: "A = first" in user.text(), "the mark")
    table.move_cursor(row=names.index("second-5ca1ab1e"))
    await user.press("equals_sign")
    await user.until(lambda: user.page() == "DifferencePage" and "compared" in user.static("#caption"), "it")
    user.app.clear_notifications()


def test_causes_come_first_and_flips_are_under_a_cell(home: Path) -> None:
    async def script(user: Drive) -> None:
        await compare(user)
        assert "1. asked for something else: dtype: float32 → bfloat16" in user.text()
        table = user.app.screen.query_one(DataTable)
        assert table.row_count == 2
        await user.press("a")
        await user.until(lambda: table.row_count == 10, "all cells")
        await user.press("a", "home", "enter")
        await user.until(lambda: user.page() == "Read" and "turned-wrong" in user.text(), "the flips")
        await user.press("escape", "d")
        await user.until(lambda: user.page() == "Read" and "switches.dtype" in user.text(), "what differs")
        await user.press("escape", "question_mark")
        await user.until(lambda: "Comparison" in user.text(), "the help")
        await user.press("escape", "escape")
        await user.until(lambda: user.page() == "Runs", "the runs again")

    drive(home, script, home / "recipes")


def test_the_mark_is_taken_off_by_the_same_key(home: Path) -> None:
    async def script(user: Drive) -> None:
        await user.press("2")
        await user.until(lambda: user.app.screen.query_one(DataTable).row_count == 2, "the runs")
        await user.press("equals_sign")
        await user.until(lambda: "A = " in user.text(), "the mark")
        await user.press("equals_sign")
        await user.until(lambda: "A = " not in user.text(), "no mark")
        assert user.page() == "Runs"

    drive(home, script, home / "recipes")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_its_picture(
    size: tuple[int, int], home: Path, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    monkeypatch.setattr(runs_page, "time", sample.frozen())
    seen: list[str] = []

    async def script(user: Drive) -> None:
        await compare(user)
        seen.append(await user.still(lambda: picture(user)))

    drive(home, script, home / "recipes", size)
    assert seen[0] == snapshot(extension_class=SVGImageSnapshotExtension)
