"""A cluster's file, the script of a job, and what Slurm's words mean."""

from __future__ import annotations

import shlex
import socket
import subprocess
from pathlib import Path

import pytest

from kit.errors import EnvironmentError_
from kit.executors.batch import ended_as, name_of, queue, script
from kit.executors.site import Site, find_site
from kit.schedule.endings import Ended, judge_loss

FULL = """\
hosts: [login*, {host}]
partition: gpu
account: nlp
gpus: "a100:1"
memory: 64G
time: "4:00:00"
options: ["--exclude=bad1"]
setup: [module load cuda]
python: /opt/kit/bin/python
jobs: 20
"""


def test_a_site_is_found_by_its_name_and_by_this_host(tmp_path: Path) -> None:
    (tmp_path / "big.yaml").write_text(FULL.format(host=socket.gethostname()))
    (tmp_path / "far.yaml").write_text("hosts: [nowhere*]\n")
    found = find_site(None, tmp_path)
    assert found == find_site("big", tmp_path) and (found.name, found.jobs) == ("big", 20)
    assert found.directives(4, cuda=True) == [
        *("--cpus-per-task=4", "--partition=gpu", "--account=nlp", "--mem=64G", "--time=4:00:00"),
        *("--gres=a100:1", "--exclude=bad1"),
    ]
    assert not any("gres" in one for one in found.directives(4, cuda=False))
    assert find_site(None, tmp_path / "none") == Site()


@pytest.mark.parametrize(
    ("text", "line", "message", "remedy"),
    [
        ("partition: gpu\npartitoin: x\n", 2, "`partitoin` is no key of a site", "did you mean 'partition'?"),
        ("jobs: 0\n", 1, "`jobs`: input should be greater", "docs/slurm.md"),
        ("hosts: login\n", 1, "`hosts`: ", "docs/slurm.md"),
        ("time: 60\n", 1, "`time`: input should be a valid string", "docs/slurm.md"),
    ],
)
def test_faults_of_a_site_are_told_with_their_place(
    tmp_path: Path, text: str, line: int, message: str, remedy: str
) -> None:
    (tmp_path / "here.yaml").write_text(text)
    with pytest.raises(EnvironmentError_, match=message) as caught:
        find_site("here", tmp_path)
    where = caught.value.where
    assert where is not None and where.line == line and remedy in str(caught.value.remedy)


def test_names_that_stand_for_nothing_or_for_too_much(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentError_, match="no site 'here'") as caught:
        find_site("here", tmp_path)
    assert "here.yaml" in str(caught.value.remedy)
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(f"hosts: ['{socket.gethostname()}']\n")
    with pytest.raises(EnvironmentError_, match=r"several sites fit .*: one, two"):
        find_site(None, tmp_path)
    with pytest.raises(EnvironmentError_) as caught:
        find_site("on", tmp_path)
    assert "did you mean 'one'?" in str(caught.value.remedy)


def test_the_script_is_bash_that_runs_the_job_in_its_folder(tmp_path: Path) -> None:
    """Run by bash itself: what `#SBATCH` says is a comment to it, all else is quoted as it must be."""
    folder = tmp_path / "it's a $folder"
    folder.mkdir()
    said = tmp_path / "said"
    python = tmp_path / "python that says"
    python.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" "$A" "$B" > {shlex.quote(str(said))}\n')
    python.chmod(0o755)
    text = script(folder, folder / "log", ["--mem=2G"], ["export B=set-up"], str(python), {"A": "a b'c"})
    (tmp_path / "batch.sh").write_text(text)
    subprocess.run(["bash", tmp_path / "batch.sh"], check=True)
    assert said.read_text().splitlines() == ["-m", "kit.job", str(folder), "a b'c", "set-up"]
    head = [line for line in text.splitlines() if line.startswith("#SBATCH ")]
    assert f"#SBATCH --job-name={name_of(folder)}" in head and "#SBATCH --mem=2G" in head
    assert text.index("#SBATCH --mem") < text.index("export B")


def test_the_queue_is_read_and_what_has_ended_is_not_in_it() -> None:
    told = "12|RUNNING|xlt-kit-a\n13|PENDING|xlt-kit-b\n14|TIMEOUT|xlt-kit-c\n17|COMPLETING|xlt-kit-d\n"
    told += "15_3|RUNNING|a|b\n\n16|CONFIGURING|x\n"
    assert queue(told) == {
        "12": ("xlt-kit-a", "RUNNING"),
        "13": ("xlt-kit-b", "PENDING"),
        "15_3": ("a|b", "RUNNING"),
        "16": ("x", "CONFIGURING"),
    }


@pytest.mark.parametrize(
    ("record", "ended"),
    [
        ("JobId=1 JobState=COMPLETED Reason=None ExitCode=0:0", Ended("exited", 0)),
        ("JobId=1 JobState=FAILED ExitCode=3:0", Ended("exited", 3)),
        ("JobId=1 JobState=FAILED ExitCode=0:9", Ended("signal", 9)),
        ("JobId=1 JobState=OUT_OF_MEMORY ExitCode=0:125", Ended("memory", text="that of its Slurm job")),
        ("JobId=1 JobState=NODE_FAIL", Ended("outside", text="the job's node failed (NODE_FAIL)")),
        ("JobId=1 JobState=RUNNING ExitCode=0:0", Ended("unknown")),
        ("", Ended("unknown")),
    ],
)
def test_ends_are_told_apart(record: str, ended: Ended) -> None:
    assert ended_as(record) == ended


def test_what_a_cluster_does_to_a_job_is_tried_again_four_times() -> None:
    ended = Ended("outside", text="the job was preempted (PREEMPTED)")
    verdicts = [judge_loss(ended, "evaluate", starts) for starts in (1, 3, 4)]
    assert [one.again for one in verdicts] == [True, True, False]
    assert verdicts[0].failure.message == "the job was preempted (PREEMPTED)"
