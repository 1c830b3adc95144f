"""Transfer tables as pictures: every number, every name, nothing from elsewhere."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from kit.report.colour import COLOUR_BLIND, CONTRAST, DARK, LIGHT, Scale, blend, contrast, ink_on
from kit.report.formats import write_all
from kit.report.svg import as_svg
from kit.report.text import VALUES, Values, shown
from kit.results import TransferTable, transfer_table
from kit.stats import Bootstrap
from tests.results.cells import GOLD, TUNED, Shelf, transfer_shelf

FEW = Bootstrap(resamples=200)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def table(tmp_path: Path) -> TransferTable:
    shelf = transfer_shelf(tmp_path, ("de", "hi"), ("de",))
    shelf.want(trained_on="tiny/ru", seed=1)
    (made,) = transfer_table(shelf.load(), "f1", bootstrap=FEW)
    return made


def texts(picture: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(picture).iter(f"{SVG}text")]


@pytest.mark.parametrize("values", VALUES)
def test_every_figure_and_interval_stands_in_the_picture(table: TransferTable, values: Values) -> None:
    found = texts(as_svg([table], values))
    for row in table.rows:
        for cell in (*row.cells, *row.averages):
            said = shown(cell, table.metric, values, row.subject.is_base)
            assert not said.value or said.value + said.marks in found
            assert not said.interval or said.interval in found
    assert {"base", "tiny/de", "tiny/ru", "de", "hi", "all", "tiny (test)"} <= set(found)
    assert any("95 % interval" in text for text in found) and any(
        "missing, not finished" in text for text in found
    )


def test_tooltips_tell_what_stands_behind_a_cell(table: TransferTable) -> None:
    tree = ElementTree.fromstring(as_svg([table]))
    tips = [node.text or "" for node in tree.iter(f"{SVG}title")]
    assert len(tips) == len(table.rows) * (len(table.columns) + len(table.groups))
    assert any("tiny/de → tiny/hi (test): base" in tip and "n = 4, seeds 1, 2" in tip for tip in tips)


def test_nothing_comes_from_elsewhere_and_nothing_breaks_the_markup(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(TUNED, model='<m> & "q"', language="ur")
    shelf.add(GOLD, model='<m> & "q"', language="ur", trained_on="<ଓଡ଼ିଆ>/x&y", seed=1)
    tables = transfer_table(shelf.load(), "f1", bootstrap=FEW)
    picture = as_svg(tables)
    assert "<ଓଡ଼ିଆ>/x&y" in texts(picture)
    assert re.findall(r"https?://[^\s\"]+", picture) == ["http://www.w3.org/2000/svg"]
    assert "<script" not in picture and "@font-face" not in picture


def test_tables_stand_below_one_another_without_overlap(table: TransferTable) -> None:
    tree = ElementTree.fromstring(as_svg([table, table]))
    tops = [
        float((group.get("transform") or "").split()[-1].rstrip(")")) for group in tree.findall(f"{SVG}g")
    ]
    height = float(tree.get("height") or 0)
    assert len(tops) == 2 and tops[1] - tops[0] > 150 and height > tops[1] + 150
    assert ElementTree.fromstring(as_svg([])).tag == f"{SVG}svg"


def test_files_hold_the_values_that_were_chosen(table: TransferTable, tmp_path: Path) -> None:
    write_all([table], tmp_path / "t", "f1")
    write_all([table], tmp_path / "t", "f1-ratio", "ratio")
    assert {path.name for path in (tmp_path / "t").glob("*.svg")} == {"f1.svg", "f1-ratio.svg"}
    assert (
        "×" in (tmp_path / "t" / "f1-ratio.svg").read_text()
        and "×" in (tmp_path / "t" / "f1-ratio.md").read_text()
    )
    assert "×" not in texts((tmp_path / "t" / "f1.svg").read_text())[8:]


@pytest.mark.parametrize("scale", [DARK, LIGHT, COLOUR_BLIND, CONTRAST])
@pytest.mark.parametrize("level", [True, False])
def test_figures_can_be_read_on_every_colour(scale: Scale, level: bool) -> None:
    """The contrast of WCAG 2.1 between ink and ground, at least 4.5 (its level AA)."""
    for warmth in (-1, -0.6, -0.3, -0.1, 0, 0.1, 0.3, 0.6, 1):
        ground = scale.at(warmth, level)
        assert contrast(ground, ink_on(ground)) >= 4.5, (ground, ink_on(ground))


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )  # the standard's best known near miss


def test_colours_blend_from_end_to_end() -> None:
    assert blend("#000000", "#ffffff", 0) == "#000000" and blend("#000000", "#ffffff", 1) == "#ffffff"
    assert blend("#102030", "#304050", 0.5) == "#203040"
