"""Whole runs through a real engine, with the real image: the same bits as `local`, and kits that are killed."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.errors import EnvironmentError_
from kit.executors.containers import LABEL
from kit.executors.engine import connect
from kit.executors.flavour import FLAVOURS
from kit.executors.image import check
from kit.schedule import RunFolder
from tests.chaos.lab import Lab
from tests.executors.conformance import wait_for
from tests.kit_command import SMOKE, Kit

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
        client = connect("docker").client
        check(client, FLAVOURS["cpu"].image)
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
    assert code == 0 and "1 jobs to run on 1 slots (docker: asked for" in output, output  # a series of three
    here = Lab(tmp_path / "here")
    assert here.run("run", recipe, "--executor", "local")[0] == 0
    assert len(lab.contents()) > 12 and lab.contents() == here.contents()
    cells = [json.loads(path.read_text()) for path in lab.home.glob("store/cells/*/cell.json")]
    assert len(cells) == 8  # and a container has a host name of its own, and its own Python
    manifest = json.loads(next(lab.home.glob("runs/*/manifest.json")).read_text())
    attempt = manifest["attempts"][-1]
    assert attempt["executor"] == "docker" and attempt["digest"] == check(client, FLAVOURS["cpu"].image).id
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
    assert started and set(started) == {1}


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


def test_a_planted_token_gets_nowhere(lab: Lab, client: Any, recipe: Path, tmp_path: Path) -> None:
    """It stands in the kit's environment, and neither in containers nor in anything that is kept."""
    token = "hf_PLANTEDplantedPLANTEDplanted000000"
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "PIP_INDEX_URL"):
        os.environ[name] = (
            token if name != "PIP_INDEX_URL" else f"https://user:{token}@nowhere.invalid/simple"
        )
    try:
        kit = lab.start("run", recipe, "--executor", "docker")
        wait_for(lambda: bool(containers(client, lab, everything=False)))
        found = [client.api.inspect_container(one["Id"]) for one in containers(client, lab)]
        output, _ = kit.communicate(timeout=600)
        assert kit.returncode == 0, output
        bundle = lab.run("fetch", recipe, "--bundle", tmp_path / "tree")
    finally:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "WANDB_API_KEY", "PIP_INDEX_URL"):
            del os.environ[name]
    assert found and token not in json.dumps(found) and token not in output and token not in bundle[1]
    kept = [p for root in (lab.home, tmp_path / "tree") for p in root.rglob("*") if p.is_file()]
    assert len(kept) > 20 and not [path for path in kept if token.encode() in path.read_bytes()]
    image = FLAVOURS["cpu"].image
    assert token not in json.dumps(client.api.inspect_image(image)) + json.dumps(client.api.history(image))


def test_an_image_holds_no_word_of_where_it_was_built(client: Any) -> None:
    """No address of an index, no installer, no compiler, no file of the checkout but what a job runs."""
    image = client.images.get(FLAVOURS["cpu"].image)
    assert image.attrs["Size"] < 1.5e9
    words = "command -v gcc cc make git pip curl wget; ls /build /root/.netrc /etc/pip.conf 2>/dev/null;"
    words += " ls /opt/kit/kit"
    said = client.containers.run(image.id, entrypoint=["sh", "-c", words], remove=True, network_mode="none")
    assert said.decode().split() == ["__init__.py", "data", "job", "jobdir", "score"]
    history = json.dumps(client.api.history(image.id))
    addresses = set(re.findall(r"https?://[^\s\"']+", history + json.dumps(image.attrs["Config"])))
    assert not {address for address in addresses if "python.org" not in address}


@pytest.mark.slow
def test_the_smoke_recipe_gives_the_same_predictions(smoke: tuple[Kit, Any], client: Any, lab: Lab) -> None:
    """All of it, job by job, in a store of its own."""
    code, output = lab.run("run", SMOKE, "--executor", "docker")
    assert code == 0, output
    here = Lab(smoke[0].home)
    plan = json.loads(next(lab.home.glob("runs/smoke-*/state.json")).read_text())["jobs"]
    pieces = [len(job["keys"]) for job in plan]
    assert len(plan) == 2 and sum(pieces) > 13  # two slots, a series each
    handles = [job.handle() for run in lab.home.glob("runs/*") for job in RunFolder(run).job_folders()]
    assert [handle.executor for handle in handles if handle] == ["docker"] * len(plan)
    assert sum(lab.told("started", "pid").values()) == len(plan)
    assert lab.told("usage", "limit")
    there, mine = lab.contents(), here.contents()
    assert len(there) > 190 and there == mine  # answers, scores, weights, tables
