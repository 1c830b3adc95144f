"""The main job as a user sees it: the smoke recipe through the real command, on real models."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.executors.conformance import wait_for
from tests.kit_command import SMOKE, Kit

pytestmark = pytest.mark.slow

Smoke = tuple[Kit, subprocess.CompletedProcess[str]]


def run_folder(kit: Kit) -> Path:
    [folder] = (kit.home / "runs").glob("smoke-*")
    return folder


def stamps(kit: Kit) -> dict[str, tuple[int, int]]:
    """Inode and time of every file of every finished cell and adapter."""
    store = kit.home / "store"
    files = [path for part in ("cells", "adapters") for path in (store / part).rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_it_ends_in_a_table_and_says_where_the_files_are(smoke: Smoke) -> None:
    kit, done = smoke
    assert "tuned on" in done.stdout
    assert "mean all" in done.stdout
    assert "n = 300 a cell" in done.stdout
    assert "2 seeds" in done.stdout
    assert str(run_folder(kit)) in done.stdout


def test_the_numbers_are_real_and_moved_by_tuning(smoke: Smoke) -> None:
    kit, _ = smoke
    [table] = kit.json("table")["tables"]
    base = [cell["base"]["value"] for cell in table["cells"] if not cell["trained_on"]]
    tuned = [cell for cell in table["cells"] if cell["trained_on"]]
    assert len(base) == 9
    assert len(tuned) == 27
    assert all(5 < value < 95 for value in base)
    assert all(cell["n"] >= 300 and cell["seeds"] == 2 for cell in tuned)
    sure = [cell for cell in tuned if cell["delta"]["low"] > 0 or cell["delta"]["high"] < 0]
    assert len(sure) >= len(tuned) / 2
    assert all(cell["delta"]["low"] <= cell["delta"]["value"] <= cell["delta"]["high"] for cell in tuned)


def test_the_base_over_generates(smoke: Smoke) -> None:
    kit, _ = smoke
    [table] = kit.json("table", "--metric", "overran")["tables"]
    assert all(cell["base"]["value"] >= 30 for cell in table["cells"] if not cell["trained_on"])


def test_delta_is_tuned_minus_base_in_every_file(smoke: Smoke) -> None:
    kit, _ = smoke
    rows = list(csv.DictReader(io.StringIO((run_folder(kit) / "tables" / "f1.csv").read_text("utf-8"))))
    tuned = [row for row in rows if row["trained_on"]]
    assert len(tuned) == 27
    for row in tuned:
        assert float(row["delta_value"]) == pytest.approx(
            float(row["tuned_value"]) - float(row["base_value"]), abs=1e-3
        )
    names = {path.name for path in (run_folder(kit) / "tables").iterdir()}
    assert {"f1.json", "f1.csv", "f1.md", "f1.tex"} <= names


def test_the_same_recipe_does_nothing_the_second_time(smoke: Smoke, tmp_path: Path) -> None:
    kit, _ = smoke
    before = stamps(kit)
    # Another file name, key order, quoting and comments: the same request.
    value = yaml.safe_load(SMOKE.read_text("utf-8").replace("1e-3", "0.001"))
    other = tmp_path / "other.yaml"
    other.write_text(
        "# a comment\n" + yaml.safe_dump(value, sort_keys=True, default_style='"').replace('"null"', "null")
    )
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(dict(reversed(value.items())), sort_keys=False, allow_unicode=True))
    for recipe in (SMOKE, plain):
        assert "0 jobs to run" in kit("run", recipe).stdout
    assert stamps(kit) == before
    assert len(list((kit.home / "runs").glob("smoke-*"))) == 1


def test_one_more_language_runs_that_language_alone(smoke: Smoke) -> None:
    kit, _ = smoke
    plan = kit.json("plan", SMOKE, "--set", "train.0.languages=[de, hi, or, te]", "--set", "seeds=[1]")
    assert [job["title"] for job in plan["jobs"]] == ["series of 2 on tiny-bloom: tiny-qa/te seed 1"]
    assert [piece.split()[0] for piece in plan["jobs"][0]["pieces"]] == ["tune", "evaluate"]
    apart = kit.json(
        "plan",
        SMOKE,
        "--set",
        "train.0.languages=[te]",
        "--set",
        "seeds=[1]",
        "--set",
        "resources.series=false",
    )
    assert [job["title"].split()[0] for job in apart["jobs"]] == ["tune", "evaluate"]
    missing = [cell for cell in plan["cells"] if cell["missing"]]
    assert {cell["at"]["trained_on"] for cell in missing} == {"tiny-qa/te"}


def test_the_plan_says_why(smoke: Smoke) -> None:
    kit, _ = smoke
    plan = kit.json("plan", SMOKE, "--set", "answer_limit=16")
    reasons = {cell["missing"] for cell in plan["cells"]}
    assert reasons == {
        None,
        "task.limit: 32 -> 16",
    }  # generated cells, for that reason; scored ones are stored
    text = kit("plan", SMOKE, "--set", "switches.end_token=masked").stdout
    assert "\ntime " in text and "\nmemory " in text
    assert "54 stored" not in text


def test_each_item_is_kept_with_its_raw_output_and_its_scores(smoke: Smoke) -> None:
    kit, _ = smoke
    cells = list((kit.home / "store" / "cells").glob("generate-*"))
    assert len(cells) == 63
    items = [json.loads(line) for line in (cells[0] / "items.jsonl").read_text("utf-8").splitlines()]
    scores = [json.loads(line) for line in (cells[0] / "scores.jsonl").read_text("utf-8").splitlines()]
    assert [item["id"] for item in items] == [score["id"] for score in scores]
    assert len(items) == 300
    about = json.loads((cells[0] / "cell.json").read_text("utf-8"))
    assert about["n"] == 300
    assert about["environment"]["torch"]
    # Outputs are kept, prompts and contexts are not: they stay in the data.
    assert not any("context" in item or "prompt" in item for item in items)


def test_the_manifest_says_what_ran_on_what(smoke: Smoke) -> None:
    kit, _ = smoke
    manifest = json.loads((run_folder(kit) / "manifest.json").read_text("utf-8"))
    assert manifest["recipe"]["switches"]["end_token"] == "learnt"
    assert manifest["models"][0]["id"].startswith("base-")
    assert {entry["language"] for entry in manifest["data"] if entry["use"] == "train"} == {"de", "hi", "or"}
    assert manifest["attempts"][0]["stage"] == "done"
    assert manifest["attempts"][0]["jobs"][0]["environment"]["torch"]
    assert manifest["packages"]["textual"]


def test_runs_logs_and_examples(smoke: Smoke) -> None:
    kit, _ = smoke
    assert "done" in kit("runs").stdout
    assert re.search(r"\b(\d+)/\1 jobs", kit("runs").stdout)
    logs = kit("logs", "-n", "500").stdout
    assert "── series-" in logs and re.search(r"piece 2/\d+: (tune|evaluate) ", logs)
    assert "step 65/65  loss" in logs
    assert "300 items in" in logs
    assert kit("logs", "-f").stdout == kit("logs").stdout
    text = kit("show", "--cell", "tiny-qa/de:hi", "--filter", "turned-right", "-n", "2").stdout
    assert text.count("turned-right") >= 2
    assert "2 of" in text
    assert "tuned seed 1" in text
    assert "tuned seed 2" in text
    assert "p(stop)" in kit("table", "--over-generation").stdout


def test_a_cell_as_a_page_and_a_table_as_a_picture(smoke: Smoke, tmp_path: Path) -> None:
    kit, _ = smoke
    page = tmp_path / "hi.html"
    done = kit("show", "--cell", "tiny-qa/de:hi", "--filter", "turned-right", "--html", str(page))
    text = page.read_text("utf-8")
    count = int(done.stdout.split()[0])
    assert count > 50 and text.startswith("<!doctype html>") and "tiny-qa/de → tiny-qa/hi" in text
    assert text.count("<section") == count and "http" not in text.replace("http://www.w3.org", "")
    lost = kit("show", "--cell", "tiny-qa/de:hi", "--html", str(page / "x.html"), code=8)
    assert "name another file" in lost.stderr
    picture = kit("table", "--format", "svg", "--values", "ratio").stdout
    figures = [node.text for node in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert sum(str(figure).startswith("×") for figure in figures) >= 27


def test_scores_survive_the_loss_of_the_data(smoke: Smoke, tmp_path: Path) -> None:
    kit, _ = smoke
    copy = Kit(tmp_path / "home")
    shutil.copytree(kit.home, copy.home)
    shutil.rmtree(copy.home / "store" / "data")
    [with_data] = kit.json("table")["tables"]
    [without] = copy.json("table")["tables"]
    assert [cell["base"] for cell in with_data["cells"]] == [cell["base"] for cell in without["cells"]]
    assert (with_data["rescored"], without["rescored"]) == ("all", "none")


def test_output_piped_into_head_is_no_fault(smoke: Smoke) -> None:
    kit, _ = smoke
    words = " ".join(kit.command("table", "--format", "csv"))
    done = subprocess.run(
        f"set -o pipefail; {words} | head -1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        env=kit.environment(),
        check=False,
    )
    assert done.stdout.startswith("metric,")
    assert done.stderr == ""


def test_ctrl_c_stops_within_seconds_and_the_same_command_goes_on(kit: Kit) -> None:
    words = ["run", SMOKE, "--set", "evaluate.0.languages=[en, hi]", "--set", "train.0.languages=[de]"]
    words += ["--set", "seeds=[1]", "--set", "evaluate.0.limit=40"]
    running = subprocess.Popen(
        kit.command(*words), env=kit.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    jobs = kit.home / "runs"
    wait_for(lambda: any(jobs.glob("smoke-*/jobs/*/handle.json")), 60)
    pids = [int(json.loads(path.read_text())["id"]) for path in jobs.glob("smoke-*/jobs/*/handle.json")]
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "go on with" in err
    assert time.monotonic() - began < 30
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    done = kit(*words)
    assert "tuned on" in done.stdout
    assert os.path.exists(kit.home / "store" / "cells")
