"""A lens table in words, as files and as curves: the same figures everywhere."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from kit.errors import UsageError
from kit.report.lens import lens_csv, lens_json, lens_view, write_lens
from kit.report.lens_figure import draw, figure
from kit.report.terminal import render
from kit.results import LensTable, lens_tables
from tests.results.cells import Shelf
from tests.results.test_lens import CLASSES, masses


@pytest.fixture
def tables(tmp_path: Path) -> list[LensTable]:
    """Two languages; a base and a tuning."""
    made = Shelf(tmp_path / "shelf")
    for at, language in enumerate(("or", "hi")):
        made.add_lens(masses(at), CLASSES, language=language)
        made.add_lens(masses(at + 5), CLASSES, language=language, trained_on="tiny/de", seed=1)
    return lens_tables(made.load())


def test_words_show_every_layer_and_class(tables: list[LensTable]) -> None:
    text = render(lens_view(tables[0]), 120)
    assert "Lens: toy, tiny/or (test), prompt qa, task lens" in text
    assert "n = 4 on 2 contexts" in text and "left out, small in every layer: special" in text
    assert "Orya°" in text and "tiny/de@60: change against the base" in text
    first = tables[0].rows[0].mass[0][0]
    assert f"{first.value:.1f}" in text
    blocks = text.count("embedding")
    assert blocks == 2
    assert all(len(line) <= 60 for line in render(lens_view(tables[0]), 60).splitlines())


def test_files_hold_the_same_figures(tables: list[LensTable], tmp_path: Path) -> None:
    paths = write_lens(tables, tmp_path / "out")
    assert [path.name for path in paths] == ["lens.json", "lens.csv"]
    assert json.loads(paths[0].read_text()) == json.loads(lens_json(tables))
    content = json.loads(lens_json(tables))["tables"]
    lines = list(csv.DictReader(lens_csv(tables).splitlines()))
    assert len(lines) == sum(2 * 3 * len(table["classes"]) for table in content)
    for table in content:
        for row in table["rows"]:
            for layer, estimates in zip(table["layers"], row["mass"], strict=True):
                for name, estimate in zip(table["classes"], estimates, strict=True):
                    (line,) = [
                        line
                        for line in lines
                        if (line["language"], line["trained_on"], line["layer"], line["class"])
                        == (table["language"], row["trained_on"], layer, name)
                    ]
                    assert float(line["mass_value"]) == estimate["value"]
                    assert float(line["mass_low"]) == estimate["low"]
                    assert (line["change_value"] == "") == (row["change"] is None)


def test_curves_are_the_figures(tables: list[LensTable], tmp_path: Path) -> None:
    drawn = figure(tables)
    axis = drawn.axes[0]
    labels = [line.get_label() for line in axis.lines]
    for at, name in enumerate(tables[0].classes):
        shown = f"{name} (own)" if name in tables[0].own else name
        line = axis.lines[labels.index(shown)]
        assert list(line.get_ydata()) == [layer[at].value for layer in tables[0].rows[1].mass]
    dashed = [line for line in axis.lines if line.get_linestyle() == "--"]
    assert len(dashed) == len(tables[0].classes)
    for ending in ("svg", "png", "pdf"):
        once, again = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
        draw(tables, once)
        draw(tables, again)
        assert once.read_bytes() == again.read_bytes() and once.stat().st_size > 1000
    assert "Orya (own)" in (tmp_path / "a.svg").read_text()
    with pytest.raises(UsageError, match="not written as"):
        draw(tables, tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="no lens"):
        figure([])
