"""Whole runs through a real engine, with the real image: the same bits as `local`, and kits that are killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.errors import EnvironmentError_
from kit.executors.docker import LABEL, check_image, connect
from kit.executors.image import image_name
from tests.chaos.lab import Lab
from tests.executors.conformance import wait_for

pytestmark = pytest.mark.docker
RECIPE = """
schema: 1
name: small
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de], limit: 16}
evaluate:
  - {dataset: tiny-qa, languages: [de, hi], limit: 10}
trainer: {steps: 4}
resources: {device: cpu, slots: 1}
"""


@pytest.fixture(scope="module")
def client() -> Any:
    try:
        client = connect()
        check_image(client, image_name("cpu"))
    except EnvironmentError_ as problem:
        pytest.skip(str(problem))
    return client


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def lab(tmp_path: Path, client: Any) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home")
    yield lab
    for container in containers(client, lab):
        client.api.remove_container(container["Id"], force=True)


def containers(client: Any, lab: Lab, everything: bool = True) -> list[dict[str, Any]]:
    found = client.api.containers(all=everything, filters={"label": LABEL})
    return [one for one in found if one["Labels"][LABEL].startswith(str(lab.home))]


def test_containers_give_the_bits_that_this_machine_gives(
    lab: Lab, client: Any, recipe: Path, tmp_path: Path
) -> None:
    code, output = lab.run("run", recipe, "--executor", "docker")
    assert code == 0 and "3 jobs to run on 1 slots (docker: asked for)" in output, output
    here = Lab(tmp_path / "here")
    assert here.run("run", recipe, "--executor", "local")[0] == 0
    assert len(lab.contents()) > 12 and lab.contents() == here.contents()
    cells = [json.loads(path.read_text()) for path in lab.home.glob("store/cells/*/cell.json")]
    assert len(cells) == 8  # and a container has a host name of its own, and its own Python
    manifest = json.loads(next(lab.home.glob("runs/*/manifest.json")).read_text())
    attempt = manifest["attempts"][-1]
    assert attempt["executor"] == "docker" and attempt["digest"] == check_image(client, image_name("cpu"))
    assert not containers(client, lab, everything=False)


def test_containers_outlive_their_kit_and_are_taken_over(lab: Lab, client: Any, recipe: Path) -> None:
    kit = lab.start("run", recipe, "--executor", "docker")
    wait_for(lambda: any(lab.told("started", "pid")))
    kit.send_signal(signal.SIGKILL)
    kit.wait()
    assert containers(client, lab, everything=False)
    code, output = lab.run("resume")
    assert code == 0, output
    started = [path.read_text().count('"started"') for path in lab.home.glob("runs/*/jobs/*/events.jsonl")]
    assert started == [1, 1, 1]


def test_stop_ends_containers(lab: Lab, client: Any, recipe: Path) -> None:
    kit = lab.start("run", recipe, "--executor", "docker")
    wait_for(lambda: any(lab.told("started", "pid")))
    assert "stopped" in lab.run("stop")[1]
    kit.communicate(timeout=60)
    assert kit.returncode == 130 and not containers(client, lab, everything=False)
    kit = lab.start("run", recipe, "--executor", "docker")
    wait_for(lambda: bool(containers(client, lab, everything=False)))
    kit.send_signal(signal.SIGKILL)
    kit.wait()
    assert "stopped" in lab.run("stop")[1]
    assert not containers(client, lab, everything=False)
