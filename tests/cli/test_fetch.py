"""`xlt-kit fetch` against real servers of this machine: parts, parallel, checksums, bundles, offline, full disks."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.executors.conformance import wait_for
from tests.kit_command import ROOT, Kit
from tests.serving import Site, serving

EMBEDDED = ROOT / "kit" / "catalog" / "embedded" / "tiny-bloom"
COMMIT = "a" * 40
INJECT = ROOT / "tests" / "chaos" / "inject"
FAST = {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


def rows(language: str, count: int) -> bytes:
    lines = (
        {
            "id": f"{language}{i}",
            "context": f"Anna lives in {language} {i}.",
            "question": "Where?",
            "answers": [f"{i}"],
        }
        for i in range(count)
    )
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@pytest.fixture
def site() -> Iterator[Site]:
    files = {f"/data/{language}.jsonl": rows(language, 8000) for language in ("de", "hi", "ru")}
    weights = {
        path.name: path.read_bytes()
        for path in EMBEDDED.iterdir()
        if path.suffix in (".json", ".safetensors")
    }
    with serving(Site(files, repositories={"own/tiny": (COMMIT, weights)})) as site:
        yield site


def write_recipe(
    folder: Path, site: Site, model: str = "tiny-bloom", languages: str = "[de, hi, ru]"
) -> Path:
    sums = {
        path.rpartition("/")[2]: hashlib.sha256(content).hexdigest() for path, content in site.files.items()
    }
    place = site.url.removeprefix("http://")
    (folder / "catalog.yaml").write_text(
        f"schema: 1\ndatasets:\n  served:\n    title: served\n    format: jsonl\n    licence: CC0\n"
        f"    url: {site.url}/data\n    languages: [de, hi, ru]\n    files: {{test: '{{language}}.jsonl'}}\n"
        "models:\n  hub-tiny: {hub: own/tiny, family: tiny-bloom, licence: Apache-2.0}\n"
        f"checksums:\n  {place}/data: {json.dumps(sums)}\n"
    )
    path = folder / "served.yaml"
    path.write_text(
        f"schema: 1\nname: served\ncatalog: [catalog.yaml]\nmodels: [{model}]\n"
        f"evaluate:\n  - {{dataset: served, languages: {languages}, split: test, limit: 2}}\n"
        "tasks: [generate]\nanswer_limit: 4\nresources: {device: cpu}\n"
    )
    return path


HUB = "hub-tiny"


def test_everything_is_fetched_once(kit: Kit, site: Site, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, site)
    done = kit("fetch", recipe)
    assert "licence of served: CC0" in done.stdout and done.stdout.count("network") == 3
    asked = len(site.asked)
    again = kit.json("fetch", recipe)["fetched"]
    assert [one["from"] for one in again if one["kind"] == "data"] == ["cache"] * 3
    assert {one["digest"] for one in again if one["kind"] == "data"} == {
        hashlib.sha256(content).hexdigest() for content in site.files.values()
    }
    assert len(site.asked) == asked


def test_a_download_that_is_killed_goes_on_where_it_was(kit: Kit, site: Site, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, site, languages="[de]")
    size = len(site.files["/data/de.jsonl"])
    site.pause = 0.05
    fetching = subprocess.Popen(
        kit.command("fetch", recipe), env=kit.environment(), stdout=subprocess.DEVNULL
    )
    wait_for(lambda: any(path.stat().st_size > size // 4 for path in kit.home.rglob("*.part")))
    fetching.send_signal(signal.SIGKILL)
    fetching.wait()
    site.pause = 0
    wait_for(lambda: bool(site.asked))
    site.asked.clear()
    kit("fetch", recipe)
    assert 0 < site.sent("/data/de.jsonl") < size * 0.8
    assert site.asked[0][2].startswith("bytes=")
    assert not list(kit.home.rglob("*.part"))


@pytest.mark.parametrize("ranges", [True, False])
def test_connections_that_break_and_servers_that_are_busy(
    kit: Kit, site: Site, tmp_path: Path, ranges: bool
) -> None:
    site.drops, site.failures, site.ranges = 2, 2, ranges
    kit("fetch", write_recipe(tmp_path, site, languages="[de]"))
    size = len(site.files["/data/de.jsonl"])
    assert site.drops == 0 and site.failures == 0
    assert site.sent("/data/de.jsonl") >= size if ranges else site.sent("/data/de.jsonl") >= 2 * size


def test_a_part_of_another_version_is_not_continued(kit: Kit, site: Site, tmp_path: Path) -> None:
    new = site.files["/data/de.jsonl"]
    site.files["/data/de.jsonl"] = rows("old", 8000)
    recipe = write_recipe(tmp_path, site, languages="[de]")
    text = (tmp_path / "catalog.yaml").read_text()
    expected = text.replace(hashlib.sha256(rows("old", 8000)).hexdigest(), hashlib.sha256(new).hexdigest())
    (tmp_path / "catalog.yaml").write_text(expected)
    site.drops = 9
    assert "the next go continues" in kit("fetch", recipe, code=7).stderr
    assert list(kit.home.rglob("*.part"))
    site.drops, site.files["/data/de.jsonl"] = 0, new
    kit("fetch", recipe)


def test_a_wrong_file_never_gets_the_good_name(kit: Kit, site: Site, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, site)
    site.files["/data/hi.jsonl"] += b"\n"
    refused = kit("fetch", recipe, code=6)
    assert "hi.jsonl" in refused.stderr
    assert sorted(path.name for path in kit.home.rglob("*.jsonl")) == [
        "de.jsonl",
        "ru.jsonl",
    ]  # the others are here


def test_a_bundle_is_all_that_a_machine_without_a_network_needs(kit: Kit, site: Site, tmp_path: Path) -> None:
    recipe, tree = write_recipe(tmp_path, site, HUB, "[de]"), tmp_path / "tree"
    hub = {"HF_ENDPOINT": site.url, "HF_HOME": str(tmp_path / "hub"), **FAST}
    kit("fetch", recipe, "--bundle", tree, **hub)
    names = {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}
    assert f"huggingface/own/tiny/{COMMIT}/model.safetensors" in names
    assert (tree / "huggingface/own/tiny/refs/main").read_text().strip() == COMMIT
    assert subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=tree, check=False).returncode == 0
    before = {name: (tree / name).stat().st_mtime_ns for name in names}
    assert "0 files new" in kit("fetch", recipe, "--bundle", tree, **hub).stdout
    write_recipe(tmp_path, site, HUB, "[de, ru]")
    assert "1 files new" in kit("fetch", recipe, "--bundle", tree, **hub).stdout
    kept = names - {"SHA256SUMS"}
    assert {name: (tree / name).stat().st_mtime_ns for name in kept} == {name: before[name] for name in kept}
    assert "CC0" not in (tree / "README.md").read_text() or "served" in (tree / "README.md").read_text()

    elsewhere = Kit(tmp_path / "elsewhere")
    nowhere = {"HF_HOME": str(tmp_path / "no-hub"), "HF_ENDPOINT": "http://127.0.0.1:9"}
    asked = len(site.asked)
    done = elsewhere("run", recipe, "--mirror", tree, "--offline", **nowhere)
    assert "done" in done.stdout and len(site.asked) == asked
    assert " 0 changed, 0 missing" in kit("fetch", "--verify", tree).stdout

    target = next(tree.rglob("de.jsonl"))
    content = bytearray(target.read_bytes())
    content[100] ^= 1
    target.write_bytes(content)
    assert "changed: " in kit("fetch", "--verify", tree, code=6).stdout
    refused = Kit(tmp_path / "third")("plan", recipe, "--mirror", tree, "--offline", code=6, **nowhere)
    assert str(target) in refused.stderr and "expected" in refused.stderr
    target.unlink()
    assert "missing: " in kit("fetch", "--verify", tree, code=7).stdout


def test_a_gated_model_names_its_licence_and_tokens_stay_secret(kit: Kit, site: Site, tmp_path: Path) -> None:
    site.gated.add("own/tiny")
    recipe = write_recipe(tmp_path, site, HUB, "[de]")
    hub = {"HF_ENDPOINT": site.url, "HF_HOME": str(tmp_path / "hub"), **FAST}
    refused = kit("fetch", recipe, code=7, **hub)
    assert "https://huggingface.co/own/tiny" in refused.stderr and "hf auth login" in refused.stderr
    done = kit("fetch", recipe, "--debug", HF_TOKEN="hf_SecretSecret12", **hub)
    assert any(authorization == "Bearer hf_SecretSecret12" for *_, authorization in site.asked)
    kept = "".join(
        p.read_text(errors="replace") for p in kit.home.rglob("*") if p.is_file() and p.suffix != ".jsonl"
    )
    assert "SecretSecret" not in done.stdout + done.stderr + kept


def test_offline_never_even_tries(kit: Kit, site: Site, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, site, HUB, "[de]")
    hub = {"HF_HOME": str(tmp_path / "hub"), **FAST}
    record = tmp_path / "connections"

    def watched(*words: str | Path, code: int = 0) -> int:
        record.write_text("")
        fault = {"event": "socket.connect", "action": "record", "record": str(record)}
        both = [json.dumps({"role": role, **fault}) for role in ("kit", "job")]
        for chaos in both if words[0] == "run" else both[:1]:
            kit(*words, code=code, CHAOS=chaos, PYTHONPATH=str(INJECT), HF_ENDPOINT=site.url, **hub)
        return len(record.read_text().splitlines())

    assert watched("fetch", recipe, "--offline", code=7) == 0
    assert watched("run", recipe, "--offline", code=7) == 0
    assert watched("fetch", recipe) > 0  # the watch does see connections
    assert watched("plan", recipe, "--offline") == 0
    assert watched("run", recipe, "--offline") == 0


def cut_off() -> list[str]:
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if (
            shutil.which("unshare")
            and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
        ):
            return words
    pytest.skip("needs the right to cut off the network (unshare -n)")


def test_offline_works_where_there_is_no_network(kit: Kit, tmp_path: Path, site: Site) -> None:
    recipe = write_recipe(tmp_path, site, languages="[de]")
    kit("fetch", recipe)

    def without_network(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*cut_off(), *kit.command(*words)],
            env=kit.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    probe = f"import socket; socket.create_connection(('127.0.0.1', {site.url.rpartition(':')[2]}))"
    assert subprocess.run(
        [*cut_off(), sys.executable, "-c", probe], capture_output=True, check=False
    ).returncode
    done = without_network("run", str(recipe), "--offline")
    assert done.returncode == 0 and "done" in done.stdout, done.stderr


def test_a_full_disk_while_fetching(kit: Kit, site: Site, tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(place)], capture_output=True, check=False
    )
    if mount.returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        small = Kit(place / "home")
        recipe = write_recipe(tmp_path, site, languages="[de]")
        (place / "filler").write_bytes(b"x" * 300_000)
        refused = small("fetch", recipe, code=8)
        assert "No space left" in refused.stderr or "full" in refused.stderr
        assert not list(small.home.rglob("de.jsonl"))
        os.remove(place / "filler")
        for part in small.home.rglob("*.part"):
            part.unlink()
        site.files["/data/de.jsonl"] = rows("de", 2000)
        write_recipe(tmp_path, site, languages="[de]")
        small("fetch", recipe)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_the_mirror_is_as_it_should_be(kit: Kit, mirror: Path) -> None:
    found = kit.json("fetch", "--verify", mirror)
    assert found["right"] > 60 and not found["changed"] and not found["missing"]
