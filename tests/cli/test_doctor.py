"""`xlt-kit doctor` as its users have it."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from kit.executors.engine import connect
from tests.kit_command import ROOT, SMOKE, Kit

STATES = {"fine", "warning", "problem", "skipped"}
QUIET = ("doctor", "--no-bench", "--offline")


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    folder = tmp_path / "recipes"
    folder.mkdir()
    (folder / "smoke.yaml").write_bytes(SMOKE.read_bytes())
    return folder


def nowhere(tmp_path: Path) -> str:
    return f"unix://{tmp_path}/none.sock"


def test_json_has_all_that_the_text_says(kit: Kit, tmp_path: Path, recipes: Path) -> None:
    words = [*QUIET, "--recipes", recipes, "--json"]
    found = json.loads(kit(*words, DOCKER_HOST=nowhere(tmp_path)).stdout)
    assert set(found) == {"machine", "home", "findings", "speed", "recipes"} and found["speed"] is None
    for one in found["findings"]:
        assert set(one) == {"what", "state", "says", "remedy"} and one["state"] in STATES
        assert one["remedy"] or one["state"] in ("fine", "skipped")
    states = {one["what"]: one["state"] for one in found["findings"]}
    assert states["engine"] == "warning" and states["network (hub)"] == states["clock"] == "skipped"
    (one,) = found["recipes"]
    assert one["name"] == "smoke" and one["standing"] == "fits" and one["seconds"] > 0


def test_text_has_signs_remedies_and_the_recipes(kit: Kit, tmp_path: Path, recipes: Path) -> None:
    text = kit(*QUIET, "--recipes", recipes, DOCKER_HOST=nowhere(tmp_path)).stdout
    assert "✓ python" in text and "! engine" in text and "· clock" in text
    assert "→ start it (systemctl start docker" in text
    assert f"✓ {recipes / 'smoke.yaml'}" in text and "of work" in text and "1 to know" in text


def test_a_problem_ends_in_the_exit_code_of_the_environment(kit: Kit, tmp_path: Path, recipes: Path) -> None:
    words = [*QUIET, "--recipes", recipes, "--mirror", tmp_path / "none"]
    done = kit(*words, code=10)
    assert "✗ mirror" in done.stdout and "→ check --mirror" in done.stdout
    assert "error: 1 problem: mirror" in done.stderr
    done = kit(*words, "--json", code=10)
    assert {one["what"] for one in json.loads(done.stdout)["findings"] if one["state"] == "problem"} == {
        "mirror"
    }
    assert json.loads(done.stderr)["error"]["code"] == "environment"


def test_a_home_that_cannot_be_written_is_one_problem_of_many_lines(
    kit: Kit, tmp_path: Path, recipes: Path
) -> None:
    (tmp_path / "file").write_text("")
    done = kit(*QUIET, "--recipes", recipes, "--home", tmp_path / "file" / "home", code=10)
    assert "✗ home" in done.stdout and "memory" in done.stdout
    assert "· " + str(recipes / "smoke.yaml") in done.stdout


def test_strange_surroundings_are_told_and_end_nothing(kit: Kit, tmp_path: Path) -> None:
    strange = {"HF_ENDPOINT": "http://[", "DOCKER_HOST": "", "DOCKER_CONTEXT": "gone", "PATH": "/nonexistent"}
    text = kit("doctor", "--no-bench", "--recipes", tmp_path / "none", **strange).stdout
    assert "! hub login" in text and "! network (hub)" in text and "context 'gone' is not there" in text


def test_a_folder_without_recipes_is_said(kit: Kit, tmp_path: Path) -> None:
    assert "no recipes under" in kit(*QUIET, "--recipes", tmp_path / "none").stdout


@pytest.mark.slow
def test_the_speed_is_measured_kept_and_used(kit: Kit, recipes: Path) -> None:
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs torch")
    before = kit.json(*QUIET, "--recipes", recipes)["recipes"][0]["seconds"]
    found = kit.json("doctor", "--offline", "--recipes", recipes)
    factor, after = found["speed"]["factor"], found["recipes"][0]["seconds"]
    assert factor > 0 and (after > before) == (factor > 1) and (kit.home / "speed.json").is_file()
    assert kit.json(*QUIET, "--recipes", recipes)["recipes"][0]["seconds"] == after


@pytest.mark.docker
def test_a_real_engine_is_found(kit: Kit, recipes: Path) -> None:
    from kit.errors import EnvironmentError_

    try:
        engine = connect()
    except EnvironmentError_ as problem:
        pytest.skip(str(problem))
    found = {one["what"]: one for one in kit.json(*QUIET, "--recipes", recipes)["findings"]}
    assert found["engine"]["state"] == "fine" and engine.address in found["engine"]["says"]
    assert found["engine's disk"]["state"] in STATES - {"skipped"} or engine.kind == "podman"


def test_every_message_of_the_troubleshooting_page_is_one_of_the_kit() -> None:
    source = " ".join(path.read_text("utf-8") for path in sorted((ROOT / "kit").rglob("*.py")))
    rows = [
        line.split("|")[1]
        for line in (ROOT / "docs" / "troubleshooting.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    messages = [
        words for row in rows for words in re.findall("`([^`]+)`", row) if not words.startswith("xlt-kit")
    ]
    assert len(messages) > 30
    for words in messages:
        for piece in (part.strip() for part in words.split("…")):
            assert piece in source, words
