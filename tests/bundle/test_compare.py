"""What differs is named by where it stands; rounding is not a difference, and what lacks data is left open."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kit.bundle.compare import compare_json, compare_text

TABLE = {
    "tables": [
        {
            "metric": "f1",
            "notes": ["one"],
            "cells": [
                {"trained_on": "", "language": "hi", "tuned": {"value": 12.345678, "low": 11.0}},
                {"trained_on": "tiny-qa/de", "language": "hi", "tuned": {"value": 20.5, "low": 19.0}},
            ],
        }
    ]
}


def _files(tmp_path: Path, shipped: Any, again: Any) -> tuple[Path, Path]:
    paths = (tmp_path / "shipped.json", tmp_path / "again.json")
    for path, value in zip(paths, (shipped, again), strict=True):
        path.write_text(json.dumps(value))
    return paths


def test_equal_files_have_no_differences(tmp_path: Path) -> None:
    compared = compare_json(*_files(tmp_path, TABLE, TABLE), complete=True)
    assert (compared.figures, compared.leaves, compared.rounded) == (4, (), False)


def test_a_figure_is_named_by_its_row_and_column(tmp_path: Path) -> None:
    other = json.loads(json.dumps(TABLE))
    other["tables"][0]["cells"][1]["tuned"]["value"] = 20.6
    (leaf,) = compare_json(*_files(tmp_path, other, TABLE), complete=True).leaves
    assert leaf.place == "tables[f1].cells[tiny-qa/de hi].tuned.value"
    assert str(leaf) == f"{leaf.place}: 20.6 was shipped, 20.5 comes out"


def test_the_sixth_decimal_may_be_rounded_the_other_way(tmp_path: Path) -> None:
    other = json.loads(json.dumps(TABLE))
    other["tables"][0]["cells"][0]["tuned"]["value"] = 12.345679
    compared = compare_json(*_files(tmp_path, other, TABLE), complete=True)
    assert compared.leaves == () and compared.rounded


def test_what_needs_the_data_is_open_and_a_changed_word_is_not(tmp_path: Path) -> None:
    bare = json.loads(json.dumps(TABLE))
    bare["tables"][0]["cells"][0]["tuned"] = None
    bare["tables"][0]["notes"] = ["another"]
    paths = _files(tmp_path, TABLE, bare)
    assert {leaf.standing for leaf in compare_json(*paths, complete=False).leaves} == {"unchecked"}
    assert {leaf.standing for leaf in compare_json(*paths, complete=True).leaves} == {"differs"}
    renamed = json.loads(json.dumps(TABLE))
    renamed["tables"][0]["metric"] = "em"
    (leaf,) = compare_json(*_files(tmp_path, renamed, TABLE), complete=False).leaves
    assert leaf.standing == "differs"


def test_a_file_that_is_no_json_is_a_difference(tmp_path: Path) -> None:
    shipped, again = _files(tmp_path, TABLE, TABLE)
    shipped.write_text("{")
    (leaf,) = compare_json(shipped, again, complete=True).leaves
    assert "not JSON" in leaf.shipped


def test_texts_differ_by_line(tmp_path: Path) -> None:
    shipped, again = tmp_path / "a.md", tmp_path / "b.md"
    again.write_text("| hi | 12.3 |\n| or | 4.5 |\n")
    shipped.write_text("| hi | 12.3 |\n| or | 9.5 |\n")
    (leaf,) = compare_text(shipped, again, rounded=False).leaves
    assert leaf.place == "line 2" and "9.5" in leaf.shipped and "4.5" in leaf.again
    shipped.write_text("| hi | 12.4 |\n| or | 4.5 |\n")
    assert compare_text(shipped, again, rounded=True).leaves == ()
    assert len(compare_text(shipped, again, rounded=False).leaves) == 1
    shipped.write_text("| hi | 12.3 |\n")
    (leaf,) = compare_text(shipped, again, rounded=True).leaves
    assert leaf.shipped == "1 lines"
