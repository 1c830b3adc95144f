"""`xlt-kit report` on the smoke recipe's real run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.kit_command import Kit
from tests.report.pages import Reading

pytestmark = pytest.mark.slow

Smoke = tuple[Kit, subprocess.CompletedProcess[str]]


def test_a_run_ends_in_the_page_that_the_command_writes_again(smoke: Smoke, tmp_path: Path) -> None:
    kit, done = smoke
    [folder] = (kit.home / "runs").glob("smoke-*")
    written = (folder / "tables" / "report.html").read_text("utf-8")
    assert "report.html" in done.stdout
    kit("report", folder.name, "-o", tmp_path / "again.html", TZ="Asia/Kathmandu", LC_ALL="C")
    assert (tmp_path / "again.html").read_text("utf-8") == written
    assert str(kit.home) not in written


def test_its_numbers_are_those_of_the_files_of_the_run(smoke: Smoke) -> None:
    kit, _ = smoke
    [folder] = (kit.home / "runs").glob("smoke-*")
    read = Reading((folder / "tables" / "report.html").read_text("utf-8"))
    [run] = read.data["runs"]
    for name in ("f1", "over-generation"):
        assert run["tables"][name] == json.loads((folder / "tables" / f"{name}.json").read_text("utf-8"))
    claims = json.loads((folder / "tables" / "claims.json").read_text("utf-8"))["verdicts"]
    assert [{**one, "command": None} for one in read.data["claims"]["verdicts"]] == [
        {**one, "command": None} for one in claims
    ]
    assert {origin["state"] for origin in read.data["origins"].values()} == {"fresh"}
    assert [one["ours"] for one in read.data["environments"]] == [True]
    assert "Mechanics only: tiny-bloom" in read.text and "3 reproduced" in read.text
