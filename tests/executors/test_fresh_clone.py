"""The README in an empty container: Python, make and git alone, and of this machine no more than where pip looks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.executors.engines import this_engine
from tests.kit_command import ROOT

pytestmark = [pytest.mark.docker, pytest.mark.slow]

BARE = "xlt-kit-bare:debian12"
_PATH = re.compile(r"(?:file://)?(/[^\s'\"]+)")


def pip_here() -> tuple[dict[str, str], list[str]]:
    """What this machine tells pip, as variables, and the files and folders that it names."""
    told = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    variables, places = {}, []
    for line in told.splitlines():
        name, _, value = line.partition("=")
        value = value.strip("'")
        variables["PIP_" + name.strip(":").rpartition(".")[2].replace("-", "_").upper()] = value
        places += [place for place in _PATH.findall(value) if Path(place).exists()]
    # An index in a folder has its files beside its pages.
    places = [str(Path(place).parent) if place.endswith("/simple") else place for place in places]
    variables |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    return variables, list(dict.fromkeys(places))


def readme_blocks() -> list[str]:
    """The commands of the README's first steps, in their order; the tests are not run in here."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    start = text[text.index("## Start") : text.index("## The terminal UI")]
    lines = [
        line for block in re.findall(r"```sh\n(.*?)```", start, re.DOTALL) for line in block.splitlines()
    ]
    return [line for line in lines if line.strip() and not line.startswith("make test")]


def test_a_stranger_reaches_a_verified_bundle_by_the_readme_alone() -> None:
    import docker

    engine = this_engine()
    client: Any = engine.client
    try:
        client.images.get(BARE)
    except docker.errors.ImageNotFound:
        pytest.skip(f"there is no image {BARE}: .ci/docker makes it")
    commands = readme_blocks()
    assert commands[0].startswith("make smoke") and any("xlt-kit verify" in line for line in commands)
    variables, places = pip_here()
    script = "\n".join(["set -eux", "git clone -q /src /root/clone", "cd /root/clone", *commands])
    trust = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    volumes = {place: {"bind": place, "mode": "ro"} for place in places}
    volumes[str(ROOT)] = {"bind": "/src", "mode": "ro"}
    container = client.containers.create(
        BARE,
        ["bash", "-c", script],
        volumes=volumes,
        environment={**variables, **trust, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"},
        network_mode="host",
        nano_cpus=2_000_000_000,
    )
    try:
        container.start()
        ended = container.wait(timeout=int(os.environ.get("XLT_KIT_CLONE_SECONDS", "1800")))
        said = container.logs().decode(errors="replace")
    finally:
        container.remove(force=True)
    assert ended["StatusCode"] == 0, said[-4000:]
    assert "n = 300 a cell" in said, "the smoke run ends in its table"
    assert "✓ nothing differs" in said and "63 cells scored again" in said
