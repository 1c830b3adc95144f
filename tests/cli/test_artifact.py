"""`xlt-kit artifact`: what a budget buys, the whole way without a network, and going on where it was cut off."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kit.api.artifact import RECORD
from kit.api.budget import Budget, Candidate, choose, parse_budget
from kit.errors import UsageError
from tests.cli.test_fetch import cut_off
from tests.kit_command import ROOT, Kit


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("24gb,3h", Budget(24, 3)),
        ("3h, 24 GB", Budget(24, 3)),
        ("cpu,30m", Budget(0, 0.5)),
        ("80GiB", Budget(80, 3)),
        ("cpu,90min", Budget(0, 1.5)),
    ],
)
def test_a_budget_is_read_as_it_is_typed(text: str, budget: Budget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["much", "24", "3 days", "24gb;3h", "-3h", "cpu,0h"])
def test_what_is_no_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_budget(text)
    assert "3h" in (caught.value.remedy or "")


def candidate(name: str, hours: float, memory: float = 10, on: str = "GPU") -> Candidate:
    return Candidate(name, Path(f"{name}.yaml"), hours, "GPU" if on == "GPU" else "CPU", memory)


CLAIMS = {
    "p/A": frozenset({"grid"}),
    "p/B": frozenset({"small"}),
    "p/C": frozenset({"small"}),
    "p/D": frozenset({"small", "base"}),
    "p/E": frozenset({"gone"}),
}


def test_it_buys_the_most_claims_for_the_hours() -> None:
    found = [candidate("grid", 9), candidate("small", 2), candidate("base", 1), candidate("idle", 0.1)]
    bought = choose(Budget(24, 3), found, CLAIMS, {"broken": "it has a fault"})
    assert [each.name for each in bought.chosen] == ["small", "base"]
    assert bought.claims == ("p/B", "p/C", "p/D") and bought.hours == 3
    assert bought.left_out == {
        "broken": "cannot be planned here: it has a fault",
        "grid": "it takes about 9.0 h, and 0.0 h are left",
        "idle": "no claim needs it",
    }


def test_memory_and_a_missing_gpu_leave_recipes_out() -> None:
    found = [candidate("small", 1, 30), candidate("grid", 1, 10), candidate("base", 1, 1, "CPU")]
    bought = choose(Budget(24, 3), found, CLAIMS, {})
    assert [each.name for each in bought.chosen] == ["grid"]
    assert bought.left_out["small"] == "a job takes 30 GB of 24"
    assert choose(Budget(0, 3), found, CLAIMS, {}).left_out["grid"] == "it needs a GPU"


@pytest.mark.slow
def test_the_whole_way_in_a_network_that_is_cut_off(tires: tuple[Kit, str], tmp_path: Path) -> None:
    """With the recipe that is there already, so that it takes no longer than it must."""
    kit = Kit(tmp_path / "home")
    shutil.copytree(tires[0].home, kit.home)
    recipes = tmp_path / "recipes"
    (recipes / "tires").mkdir(parents=True)
    for name in ("smoke.yaml", "tires/claims.yaml", "tires/kick-the-tires.yaml"):
        shutil.copyfile(ROOT / "recipes" / name, recipes / name)
    (recipes / "small.yaml").write_text(
        "schema: 1\nextends: tires/kick-the-tires.yaml\nname: small\ntitle: the same\n"
    )
    claims = (recipes / "tires" / "claims.yaml").read_text(encoding="utf-8")
    (recipes / "claims.yaml").write_text(claims.replace("[kick-the-tires]", "[small]"), encoding="utf-8")

    def go(*words: str) -> subprocess.CompletedProcess[str]:
        command = kit.command(
            "artifact", "--budget", "cpu,15m", "--offline", "--out", tmp_path / "out", *words
        )
        return subprocess.run(
            [*cut_off(), *command],
            cwd=tmp_path,
            env={**kit.environment(), "DOCKER_HOST": os.environ.get("DOCKER_HOST", "")},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    plan = json.loads(go("--plan", "--json").stdout)
    assert plan["recipes"] == ["recipes/small.yaml"] and plan["claims"] == ["recipes/T1"]
    assert not (tmp_path / "out").exists()
    done = go()
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "[1/8] doctor" in done.stdout and "left in all" in done.stdout and "T1" in done.stdout
    for line in ("bundle.zip", "report.html", "nothing differs"):
        assert line in done.stdout
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    record = json.loads((kit.home / RECORD).read_text())
    assert {stage["state"] for stage in record["stages"]} == {"done"}
    kit("verify", tmp_path / "out" / "bundle.zip")

    again = go()
    assert again.returncode == 0 and again.stdout.count("done before") == 8
    # Cut off while the bundle was written: from there on, and no earlier.
    for stage in record["stages"]:
        if stage["name"] in ("bundle", "verify"):
            stage["state"] = "running" if stage["name"] == "bundle" else "waiting"
    (kit.home / RECORD).write_text(json.dumps(record))
    (tmp_path / "out" / "bundle.zip").unlink()
    resumed = go()
    assert resumed.returncode == 0 and resumed.stdout.count("done before") == 6
    assert (tmp_path / "out" / "bundle.zip").exists()


def test_where_there_is_nothing_to_run_it_says_so(tmp_path: Path) -> None:
    kit = Kit(tmp_path / "home")

    def refused(*words: str, folder: Path) -> str:
        done = subprocess.run(
            kit.command("artifact", "--offline", *words),
            cwd=folder,
            env=kit.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2 and "Traceback" not in done.stderr
        return done.stderr

    assert "call this where the folder `recipes` lies" in refused(folder=tmp_path)
    (tmp_path / "recipes").mkdir()
    shutil.copyfile(ROOT / "recipes" / "smoke.yaml", tmp_path / "recipes" / "smoke.yaml")
    assert "no recipe that decides a claim fits cpu,1h" in refused("--budget", "cpu,1h", folder=tmp_path)
