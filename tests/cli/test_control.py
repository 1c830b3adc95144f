"""Runs in the background, runs that were left, and terminals that close: with real kits, jobs and a real terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.executors.conformance import wait_for
from tests.kit_command import Kit

RECIPE = """
schema: 1
name: small
models: [tiny-bloom]
evaluate:
  - {{file: {data}, format: jsonl, language: de}}
  - {{dataset: tiny-qa, languages: [hi], limit: {limit}}}
tasks: [generate]
resources: {{device: cpu, slots: 1}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, 6)


@pytest.fixture
def long_recipe(tmp_path: Path) -> Path:
    return write_recipe(tmp_path, 300)


def write_recipe(folder: Path, limit: int, last: str = "Rom") -> Path:
    data = folder / "own.jsonl"
    answers = ["Bonn", "Wien", "Bern", last]
    data.write_text(
        "".join(
            json.dumps({"id": f"t{i}", "context": f"Anna lebt in {a}.", "question": "Wo?", "answers": [a]})
            + "\n"
            for i, a in enumerate(answers)
        )
    )
    path = folder / "small.yaml"
    path.write_text(RECIPE.format(data=data, limit=limit))
    return path


@pytest.fixture(autouse=True)
def nothing_is_left(kit: Kit) -> Iterator[None]:
    yield
    left = list(at_work(kit))
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert not left, "processes are left"


def at_work(kit: Kit) -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(kit.home) in word for word in words):
            yield process


def jobs_at_work(kit: Kit) -> list[psutil.Process]:
    return [process for process in at_work(kit) if "kit.job" in process.cmdline()]


def stage(kit: Kit) -> str:
    return str(kit.json("runs")[-1]["stage"])


def test_a_detached_run_is_watched_to_its_end(kit: Kit, recipe: Path) -> None:
    started = kit.json("run", recipe, "--detach")
    assert psutil.pid_exists(started["pid"])
    assert stage(kit) == "running"
    second = kit("run", recipe, code=9)
    assert f"process {started['pid']}" in second.stderr and "xlt-kit attach small-" in second.stderr
    watched = kit("attach")
    assert "done" in watched.stdout and "F1" in watched.stdout
    wait_for(lambda: not psutil.pid_exists(started["pid"]))
    assert stage(kit) == "done"
    assert "F1" in (Path(started["path"]) / "kit.log").read_text()


def test_stop_ends_the_kit_and_its_jobs_and_resume_finishes(kit: Kit, long_recipe: Path) -> None:
    kit("run", long_recipe, "--detach")
    wait_for(lambda: bool(jobs_at_work(kit)))
    assert "go on with: xlt-kit resume small-" in kit("stop").stdout
    assert not list(at_work(kit))
    assert stage(kit) == "stopped"
    assert "nothing of small-" in kit("stop").stdout
    long_recipe.unlink()
    assert "done" in kit("resume").stdout


def test_a_run_whose_kit_was_killed_is_left_and_its_job_adopted(kit: Kit, long_recipe: Path) -> None:
    pid = kit.json("run", long_recipe, "--detach")["pid"]
    wait_for(lambda: bool(jobs_at_work(kit)))
    job = jobs_at_work(kit)[0]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    assert stage(kit) == "left"
    assert "xlt-kit resume small-" in kit("attach", code=130).stderr
    assert job.is_running()
    kit("resume")
    events = [
        json.loads(line) for line in next(kit.home.glob("runs/*/jobs/evaluate-base*/events.jsonl")).open()
    ]
    assert [event["data"]["pid"] for event in events if event["kind"] == "started"] == [job.pid]


def test_jobs_that_a_killed_kit_left_are_stopped_too(kit: Kit, long_recipe: Path) -> None:
    pid = kit.json("run", long_recipe, "--detach")["pid"]
    wait_for(lambda: bool(jobs_at_work(kit)))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    assert "stopped" in kit("stop").stdout
    assert not list(at_work(kit)) and stage(kit) == "stopped"


@pytest.mark.parametrize("told", [True, False])
def test_closing_the_terminal_ends_nothing(kit: Kit, recipe: Path, told: bool) -> None:
    """Whether the kit is told of it by a signal, or finds out when it writes (under `nohup`, say)."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        kit.command("run", recipe),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=kit.environment(TERM="xterm"),
        preexec_fn=own_terminal if told else deaf_terminal,
    )
    os.close(theirs)
    wait_for(lambda: bool(jobs_at_work(kit)))
    os.close(ours)  # the terminal is gone: its session is sent SIGHUP
    assert process.wait(120) == 0
    assert stage(kit) == "done"
    log = next(kit.home.glob("runs/*/kit.log")).read_text()
    assert "F1" in log and "\x1b[?25" not in log.split("done")[-1]


def deaf_terminal() -> None:
    own_terminal()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def own_terminal() -> None:
    import fcntl
    import termios

    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_a_reader_that_goes_away_does_not_end_the_run(kit: Kit, recipe: Path) -> None:
    process = subprocess.Popen(
        kit.command("run", recipe), stdout=subprocess.PIPE, env=kit.environment(), text=True
    )
    assert process.stdout is not None
    assert "cells" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(120) == 0
    assert stage(kit) == "done"
    assert "F1" in next(kit.home.glob("runs/*/kit.log")).read_text()


def test_a_run_does_not_go_on_with_other_data(kit: Kit, long_recipe: Path, tmp_path: Path) -> None:
    kit("run", long_recipe, "--detach")
    wait_for(lambda: bool(jobs_at_work(kit)))
    kit("stop")
    write_recipe(tmp_path, 300, last="Oslo")
    refused = kit("resume", code=5)
    assert "changed since it was planned: evaluate" in refused.stderr
    assert f"xlt-kit run {long_recipe}" in " ".join(refused.stderr.split())
    write_recipe(tmp_path, 300)
    assert "done" in kit("resume").stdout


def test_a_clock_set_back_under_a_run_changes_nothing(kit: Kit, long_recipe: Path) -> None:
    inject = Path(__file__).resolve().parents[1] / "chaos" / "inject"
    environment = {"PYTHONPATH": str(inject)}
    pid = kit.json("run", long_recipe, "--detach")["pid"]
    wait_for(lambda: bool(jobs_at_work(kit)))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not psutil.pid_exists(pid))
    for hours in (-50, 50):
        back = json.dumps({"role": "kit", "action": "record", "clock": [hours * 3600, 0]})
        listed = kit("runs", CHAOS=back, **environment)
        assert "left" in listed.stdout
    jump = json.dumps({"role": "kit", "action": "record", "clock": [-50 * 3600, 20]})
    began = time.monotonic()
    done = kit("resume", CHAOS=jump, **environment)
    assert "done" in done.stdout and "-" not in done.stdout.split("after")[-1].split("\n")[0]
    assert time.monotonic() - began < 600
    for path in kit.home.glob("runs/*/jobs/*/events.jsonl"):
        started = [json.loads(line) for line in path.open() if '"started"' in line]
        assert len(started) == 1, f"{path} was started twice"


def test_one_job_is_stopped_tried_again_and_its_run_deleted(kit: Kit, long_recipe: Path) -> None:
    refused = kit("retry", "last", "evaluate", code=2)
    assert "no run is called" in refused.stderr
    long_recipe.write_text(long_recipe.read_text().replace("languages: [hi]", "languages: all"))
    run = kit.json("run", long_recipe, "--detach")["run"]
    wait_for(lambda: kit.json("status")["jobs"][0]["doing"] != "")
    now = kit.json("status", run)
    assert (now["stage"], now["jobs"][0]["stage"]) == ("running", "running") and now["jobs"][0][
        "seconds_left"
    ] >= 0
    assert "cannot be asked to retry: it is running" in kit("retry", run, "evaluate", code=2).stderr
    assert "name one of: evaluate-" in " ".join(kit("stop", run, "nonsense", code=2).stderr.split())
    assert "is stopped" in kit("stop", run, "evaluate").stdout
    wait_for(lambda: not list(at_work(kit)))
    assert stage(kit) == "stopped"
    told = kit.json("status", "--missing")
    stored = len(list(kit.home.glob("store/cells/*")))
    assert len(told["missing"]) == told["cells"] - stored > 0
    assert f"{len(told['missing'])} of {told['cells']} cells are missing" in kit("status", "--missing").stdout
    text = kit("status").stdout
    assert (
        ": stopped, 0/1 jobs" in text
        and "stopped by the user" in text
        and "-> try it again: xlt-kit retry" in text
    )
    assert "xlt-kit retry" in next(kit.home.glob("runs/*/kit.log")).read_text()
    assert (
        kit.json("retry", run, "evaluate")["act"] == "tried again"
    )  # nobody works on it: it goes on by itself
    wait_for(lambda: bool(jobs_at_work(kit)))
    assert "stop" in kit("delete", run, "--yes", code=9).stderr
    kit("stop", run)
    cells = list(kit.home.glob("store/cells/*"))
    assert "--yes" in kit("delete", run, "--json", code=2).stderr
    assert kit.json("delete", run, "--yes")["freed"] > 0
    assert kit.json("runs") == [] and list(kit.home.glob("store/cells/*")) == cells
