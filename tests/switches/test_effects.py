"""The table of what switches do: a row for each, with the value that is shown, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from kit.recipe.switches import PAPER, SOUND, Switches
from kit.stats import Estimate
from tests.switches.effects import BEGIN, END, PAGE, as_table, asked, rows


def test_every_switch_has_its_row_in_the_docs_and_no_other() -> None:
    page = PAGE.read_text("utf-8")
    assert rows(page) == [(effect.switch, effect.value) for effect in asked()]
    assert [effect.switch for effect in asked()] == list(Switches.model_fields)
    body = page.partition(BEGIN)[2].partition(END)[0]
    assert all(f"`{text}`" in body for effect in asked() for text in effect.beside)


def test_what_is_shown_is_the_papers_value_or_one_that_is_not_sound() -> None:
    for effect in asked():
        paper, sound = getattr(PAPER, effect.switch), getattr(SOUND, effect.switch)
        assert effect.value != sound and (effect.value == paper or paper == sound)
        Switches.model_validate({**SOUND.model_dump(), effect.switch: effect.value})


def test_a_row_holds_intervals_or_the_reason_why_not() -> None:
    first, second, *_ = asked()
    f1 = (Estimate(-3.6, -6.8, -1.0, 200, 40, 3), Estimate(0.0, 0.0, 0.0, 200, 40, 3))
    shown = replace(first, f1=f1, words=(1.6, 2.5), stop=(95.8, 85.7))
    lines = as_table([shown, replace(second, why="no such device")]).splitlines()
    assert lines[2].endswith("| -3.6 [-6.8, -1.0] | 0.0 [0.0, 0.0] | 1.6 → 2.5 | 95.8 → 85.7 |")
    assert "cannot be shown here: no such device" in lines[3]
    assert rows(f"{BEGIN}\n" + "\n".join(lines) + f"\n{END}") == [
        (first.switch, first.value),
        (second.switch, second.value),
    ]
