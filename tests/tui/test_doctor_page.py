"""The page of the doctor: it looks in a thread, shows what is found as it is found, and looks again when asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import DataTable

from kit.api import Finding
from kit.api.doctor import Surroundings
from kit.tui.screens import doctor as doctor_page
from tests.tui import sample
from tests.tui.driving import Drive, drive


def rows(user: Drive, name: str) -> int:
    return user.app.screen.query_one(name, DataTable).row_count


def test_findings_come_one_by_one_while_the_screen_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, asked = threading.Event(), []

    def slowly(here: Surroundings, bench: bool) -> Iterator[Finding]:
        asked.append(bench)
        yield sample.FINDINGS[0]
        assert go_on.wait(60)
        yield from sample.FINDINGS[1:]

    monkeypatch.setattr(doctor_page, "all_findings", slowly)
    monkeypatch.setattr(doctor_page, "fits", lambda here, folder, factor, able: iter(sample.FITS))

    async def script(user: Drive) -> None:
        await user.press("7")
        await user.until(lambda: rows(user, "#found") == 1, "the first finding")
        assert "looking" in user.static("#head") and "python" in user.static("#advice")
        await user.press("r")
        await user.until(lambda: "still looking" in user.notices(), "that it is at work")
        await user.press("question_mark")
        await user.until(lambda: user.page() == "Help", "the help, meanwhile")
        await user.press("escape")
        go_on.set()
        await user.until(lambda: "1 to mend, 1 to know" in user.static("#head"), "the end")
        assert rows(user, "#found") == len(sample.FINDINGS) and rows(user, "#fitting") == len(sample.FITS)
        assert "disk: " in user.static("#advice") and "store gc" in user.static("#advice")
        await user.press("y")
        assert user.app.clipboard == "xlt-kit store du, xlt-kit store gc"
        await user.press("tab")
        await user.until(lambda: "smoke: everything" in user.static("#advice"), "the first recipe")
        await user.press("b")
        await user.until(lambda: asked == [False, True], "the speed measured")
        await user.until(lambda: "1 to mend" in user.static("#head"), "the end again")
        await user.press("enter")
        await user.until(lambda: asked == [False, True, False], "another look")
        assert user.static("#command").strip() == "$ xlt-kit doctor --no-bench"

    drive(tmp_path / "home", script)


def test_leaving_the_page_while_it_looks_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def slowly(here: Surroundings, bench: bool) -> Iterator[Finding]:
        yield sample.FINDINGS[0]
        go_on.wait(60)
        yield from sample.FINDINGS[1:]

    monkeypatch.setattr(doctor_page, "all_findings", slowly)

    async def script(user: Drive) -> None:
        await user.press("7")
        await user.until(lambda: rows(user, "#found") == 1, "the first finding")
        await user.press("1")
        await user.until(lambda: user.page() == "Recipes", "the recipes")
        go_on.set()
        await user.press("2")
        await user.until(lambda: user.page() == "Runs", "the runs")

    drive(tmp_path / "home", script)
