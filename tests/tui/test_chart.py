"""Pictures of numbers, and titles that fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from kit.tui.chart import bar, line_chart, shortened


def test_a_line_of_numbers_as_a_picture() -> None:
    picture = line_chart([3.0, 2.0, 1.0, 0.5], 10, 3)
    assert len(picture) == 3 and all(len(line) == 10 for line in picture)
    assert picture[0][0] != "⠀" and picture[0][-1] == "⠀" and picture[2][-1] != "⠀"
    assert line_chart([1.0], 10, 3) == [] and len(line_chart([1.0, 1.0], 4, 2)) == 2


@pytest.mark.parametrize(
    ("share", "drawn"), [(0, "    "), (1, "████"), (0.5, "██  "), (2, "████"), (0.125, "▌   ")]
)
def test_a_bar(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


@given(st.text(), st.integers(0, 60))
def test_a_title_fits(title: str, width: int) -> None:
    assert cell_len(shortened(title, width)) <= max(width, 1)


def test_a_short_title_keeps_what_tells_jobs_apart() -> None:
    assert shortened("evaluate bloomz-1b1 tuned on toy-qa/de seed 1", 24).endswith("de seed 1")
    assert shortened("evaluate bloomz-1b1 tuned on toy-qa/de seed 1", 24).startswith("evaluate …")
