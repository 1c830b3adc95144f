"""Slurm's executor against a real cluster of virtual nodes: the suite of behaviour, faults, and a whole run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors import Site, SlurmExecutor, executor_named
from kit.executors.batch import name_of
from kit.jobdir import JobFolder
from kit.schedule import Slot, Submission
from kit.schedule.endings import Ended
from tests.executors.conformance import Conformance, job_spec, wait_for
from tests.executors.test_faults import Once
from tests.kit_command import ROOT, Kit
from tests.schedule.test_scheduler import Bench, evaluation

pytestmark = pytest.mark.slurm
QUICK = str(Path(__file__).with_name("quick_job.py"))
SLOTS = tuple(Slot(f"slurm{at}", "cpu") for at in range(3))


def command(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module", autouse=True)
def cluster() -> None:
    """Skips where no controller answers."""
    if shutil.which("sinfo") is None:
        pytest.skip("there is no Slurm on this machine (.ci/slurm starts one)")
    found = subprocess.run(["sinfo", "--noheader"], capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"no Slurm controller answers: {found.stderr.strip()}")


@pytest.fixture
def executor() -> Iterator[SlurmExecutor]:
    """One whose jobs are quick ones; what it has left in the queue is taken out."""
    made = SlurmExecutor(SLOTS, Site(), python=QUICK)
    yield made
    subprocess.run(["scancel", f"--user={os.environ.get('USER', 'root')}"], check=False)


class TestConformance(Conformance):
    pass


def test_jobs_run_side_by_side_and_are_asked_for_at_once(executor: SlurmExecutor, tmp_path: Path) -> None:
    handles = [Conformance().start(executor, tmp_path / name, "slow")[1] for name in ("a", "b", "c")]
    wait_for(lambda: all(JobFolder(tmp_path / name).read_events()[0] for name in ("a", "b", "c")))
    assert executor.poll(handles) == ["running"] * 3
    executor.cancel(handles, grace=5)
    assert executor.poll(handles) == ["gone"] * 3


def test_another_process_finds_and_ends_the_job(executor: SlurmExecutor, tmp_path: Path) -> None:
    _, handle = Conformance().start(executor, tmp_path / "job", "slow")
    other = executor_named("slurm")
    assert other.poll([handle]) == ["running"]
    other.cancel([handle], grace=5)
    assert other.poll([handle]) == ["gone"]


def test_a_job_that_still_waits_is_taken_out_of_the_queue(tmp_path: Path) -> None:
    waiting = SlurmExecutor(SLOTS, Site(options=("--begin=now+1hour",)), python=QUICK)
    job, handle = Conformance().start(waiting, tmp_path / "job", "ok")
    assert waiting.poll([handle]) == ["running"]
    waiting.cancel([handle], grace=1)
    assert waiting.poll([handle]) == ["gone"] and job.result() is None


def test_how_a_job_ended_is_known(executor: SlurmExecutor, tmp_path: Path) -> None:
    ends = {}
    for title in ("vanish", "fail", "slow"):
        _, handle = Conformance().start(executor, tmp_path / title, title)
        if title == "slow":
            wait_for(lambda: bool(JobFolder(tmp_path / "slow").read_events()[0]))
            command("scancel", handle.id)
        wait_for(lambda handle=handle: executor.poll([handle]) == ["gone"])
        ends[title] = executor.ended(handle)
    assert ends["vanish"] == Ended("signal", 9) and ends["fail"] == Ended("exited", 1)
    assert ends["slow"].how == "outside" and "cancelled from outside" in ends["slow"].text


def test_the_end_of_the_time_limit_is_told(tmp_path: Path) -> None:
    brief = SlurmExecutor(SLOTS, Site(time="00:01"), python=QUICK)  # Slurm rounds up to a minute
    _, handle = Conformance().start(brief, tmp_path / "job", "slow")
    wait_for(lambda: brief.poll([handle]) == ["gone"], seconds=240)
    assert brief.ended(handle) == Ended("outside", text="the job came to the end of its time limit (TIMEOUT)")


def test_a_job_that_slurm_refuses_says_why(tmp_path: Path) -> None:
    wrong = SlurmExecutor(SLOTS, Site(partition="nowhere"), python=QUICK)
    job = JobFolder(tmp_path / "job")
    job.write_spec(job_spec("ok"))
    with pytest.raises(EnvironmentError_, match=r"does not take the job: .*nvalid partition"):
        wrong.submit([Submission(job.path, SLOTS[0])])
    assert wrong.find([job.path]) == [None]


def test_a_controller_that_is_away_is_waited_for(executor: SlurmExecutor, tmp_path: Path) -> None:
    """Killed and started again: jobs go on meanwhile, and are known afterwards."""
    if os.geteuid() != 0 or not Path("/etc/slurm/slurm.conf").exists():
        pytest.skip("only root can kill this cluster's controller")
    job, handle = Conformance().start(executor, tmp_path / "job", "slow")
    wait_for(lambda: bool(job.read_events()[0]))
    time.sleep(8)  # a controller writes its state down every five seconds; what is younger is lost with it
    command("pkill", "-KILL", "-x", "slurmctld")
    wait_for(lambda: executor.poll([handle]) == ["unknown"])
    with pytest.raises(EnvironmentError_, match="does not answer"):
        executor.find([job.path])  # it is not to be taken for gone
    command("slurmctld")
    wait_for(lambda: executor.poll([handle]) == ["running"])
    (found,) = executor.find([job.path])
    assert found is not None and (found.id, found.mark) == (handle.id, handle.mark)
    executor.cancel([handle], grace=5)
    assert executor.poll([handle]) == ["gone"]


def test_the_script_stands_beside_the_job(executor: SlurmExecutor, tmp_path: Path) -> None:
    folder = tmp_path / "a folder of 'one''s own'"
    _, handle = Conformance().start(executor, folder, "ok")
    wait_for(lambda: executor.poll([handle]) == ["gone"])
    assert JobFolder(folder).result() is not None
    text = (folder / "batch.sh").read_text()
    assert handle.mark == name_of(folder) and f"--job-name={handle.mark}" in text


def test_a_job_that_is_cancelled_is_submitted_anew_and_goes_on(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SlurmExecutor(SLOTS, Site(), python=QUICK))
    once = Once(bench.folder.job, lambda: cancelled(bench))
    state = bench.run(evaluation("e0", "slow-once"), observe=once)
    (job,) = state.jobs
    assert state.stage == "done" and job.attempts == 2 and once.done
    assert len(job.retries) == 1 and bench.store.cell("cell-e0")


def cancelled(bench: Bench) -> None:
    handle = bench.folder.job("e0").handle()
    assert handle is not None
    command("scancel", handle.id)


def test_a_job_whose_node_dies_goes_on_elsewhere(tmp_path: Path) -> None:
    """The node's daemon and the job on it are killed at once; the controller notices after its time-out."""
    if os.geteuid() != 0 or "v3" not in command("sinfo", "--noheader", "--Node", "--format=%N"):
        pytest.skip("only on the virtual nodes of .ci/slurm may a node be killed")
    bench = Bench(tmp_path, SlurmExecutor(SLOTS, Site(), python=QUICK))
    killed: list[str] = []

    def kill() -> None:
        handle = bench.folder.job("e0").handle()
        assert handle is not None
        record = command("scontrol", "show", "job", "--oneliner", handle.id)
        node = next(word for word in record.split() if word.startswith("NodeList=")).partition("=")[2]
        killed.append(node)
        command("pkill", "-KILL", "-f", f"slurmd -N {node}")
        command("pkill", "-KILL", "-f", f"slurmstepd: .{handle.id}")
        command("pkill", "-KILL", "-f", str(bench.folder.job("e0").path))

    try:
        state = bench.run(evaluation("e0", "slow-once"), observe=Once(bench.folder.job, kill))
    finally:
        for node in killed:
            command("slurmd", "-N", node)
    (job,) = state.jobs
    assert state.stage == "done" and job.attempts == 2, state
    wait_for(
        lambda: "3" in command("sinfo", "--noheader", "--states=idle", "--format=%D").split(), seconds=120
    )


@pytest.mark.slow
def test_a_run_on_the_cluster_gives_what_a_local_one_gives(smoke: tuple[Kit, object], tmp_path: Path) -> None:
    """The smoke recipe, cut down, in a store of its own; its answers are those of the whole run on this machine."""
    kit = Kit(tmp_path / "home")
    words = ("train=[{dataset: tiny-qa, languages: [hi]}]", "evaluate.0.languages=[hi, de]", "seeds=[1]")
    chosen = [word for text in words for word in ("--set", text)]
    said = kit("run", ROOT / "recipes" / "smoke.yaml", "--executor", "slurm", *chosen)
    assert "(slurm: asked for; no site)" in said.stdout
    own = {path.name: path for path in (kit.home / "store" / "cells").iterdir()}
    there = smoke[0].home / "store" / "cells"
    assert len(own) >= 6
    for key, folder in own.items():
        assert (folder / "items.jsonl").read_bytes() == (there / key / "items.jsonl").read_bytes(), key
    [run] = (kit.home / "runs").iterdir()
    handles = [json.loads(path.read_text()) for path in run.glob("jobs/*/handle.json")]
    assert handles and all(handle["executor"] == "slurm" for handle in handles)


@pytest.mark.slow
def test_a_kit_that_is_killed_finds_its_jobs_again(tmp_path: Path) -> None:
    kit = Kit(tmp_path / "home")
    recipe = ROOT / "recipes" / "smoke.yaml"
    words = ["--set", "train=[]", "--set", "evaluate.0.languages=[hi]", "--set", "tasks=[generate]"]
    first = subprocess.Popen(
        kit.command("run", recipe, "--executor", "slurm", *words),
        env=kit.environment(),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: any(kit.home.glob("runs/*/jobs/*/handle.json")))
    first.kill()
    first.wait()
    kit("run", recipe, "--executor", "slurm", *words)
    [handle] = kit.home.glob("runs/*/jobs/*/handle.json")
    log = handle.with_name("log.txt").read_text()
    assert log.count("load") == 1, log  # it was started once, and went on while nobody looked
