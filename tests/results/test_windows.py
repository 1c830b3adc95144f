"""Windows of layers in tables: each against the same base, beside the whole adapter, and never mixed with it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from kit.errors import UsageError
from kit.report.window_figure import draw_windows, window_figure
from kit.report.windows import window_csv, window_json, window_view
from kit.results import window_tables
from kit.results.types import parted_window
from tests.results.cells import BASE, TUNED, Shelf

BOTH = {"language": "de", "trained_on": "tiny/ru", "seed": 1}


def test_a_window_is_parted_from_a_tasks_name() -> None:
    assert parted_window("generate") == ("generate", "")
    assert parted_window("generate:layers=1/6") == ("generate", "1/6")
    assert parted_window("generate:stop=end,layers=0-4,only=own-script") == (
        "generate:stop=end,only=own-script",
        "0-4",
    )


def shelf(root: Path) -> Shelf:
    made = Shelf(root)
    for task in ("generate", "generate:layers=1/2", "generate:layers=2/2"):
        made.add(BASE, language="de", task=task)
    made.add(TUNED, **BOTH)
    made.add(BASE, **BOTH, task="generate:layers=1/2")
    made.want(**BOTH, task="generate:layers=2/2")
    return made


def test_each_window_stands_against_the_same_base(tmp_path: Path) -> None:
    (table,) = window_tables(shelf(tmp_path).load())
    assert table.windows == ("1/2", "2/2") and table.task == "generate"
    (row,) = table.rows
    first, second = row.cells
    assert row.whole.delta is not None and first.delta is not None and second.delta is None
    assert row.whole.delta.value == pytest.approx(100 * (3 - 13 / 6) / 4)  # by hand, see TUNED and BASE
    assert first.delta.value == 0 and first.base == row.whole.base
    assert not second.complete and len(table.missing) == 1
    stream = io.StringIO()
    Console(file=stream, width=120, color_system=None).print(window_view(table))
    text = stream.getvalue()
    assert "tiny/ru@60" in text and "+20.8" in text and "1/2" in text and "~" in text
    written = json.loads(window_json([table]))["tables"][0]["rows"][0]["cells"]
    assert [one["window"] for one in written] == ["all", "1/2", "2/2"]
    lines = list(csv.DictReader(io.StringIO(window_csv([table]))))
    assert [float(line["delta_value"] or "nan") for line in lines][:2] == [pytest.approx(20.833333), 0]


def test_curves_show_each_window_the_whole_and_no_gap_as_nought(tmp_path: Path) -> None:
    tables = window_tables(shelf(tmp_path).load())
    (axis,) = window_figure(tables).axes
    nought, curve, whole = axis.lines
    assert curve.get_xdata().tolist() == [0] and curve.get_ydata().tolist() == [
        0.0
    ]  # the second is not there
    assert whole.get_ydata()[0] == pytest.approx(100 * (3 - 13 / 6) / 4) and nought.get_ydata()[0] == 0
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1/2", "2/2"]
    for name in ("a.svg", "b.svg", "c.png"):
        draw_windows(tables, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    with pytest.raises(UsageError, match=r"d\.gif"):
        draw_windows(tables, tmp_path / "d.gif")
    with pytest.raises(UsageError, match="no finished windows"):
        draw_windows([], tmp_path / "d.svg")


def test_what_was_scored_with_the_whole_adapter_is_no_column_of_a_window(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    made.add(TUNED, **BOTH)
    made.add(TUNED, **BOTH, task="generate:layers=1/2")
    made.add_scored([0.5] * 4, **BOTH)
    whole, window, _ = made.load().cells
    assert "p_stop" in whole.metrics and "p_stop" not in window.metrics


def test_the_mask_of_a_window_is_the_windows_own(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    for task, outputs in (
        ("generate:layers=1/2", ("Рим", "Paris", "кот", "Köln")),
        ("generate:layers=1/2,only=own-script", TUNED),
        ("generate:only=own-script", BASE),
    ):
        made.add(outputs, **BOTH, task=task)
    window = made.load().cells[0]
    assert window.metrics["lost_language"].tolist() == [1, 0, 1, 0]


def test_nothing_is_shown_where_nothing_was_asked(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    made.add(BASE, language="de")
    assert window_tables(made.load()) == []
