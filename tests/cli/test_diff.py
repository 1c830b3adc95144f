"""`xlt-kit diff` on real runs: a copy with one changed prediction, another seed, another dtype."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.kit_command import SMOKE, Kit

Smoke = tuple[Kit, CompletedProcess[str]]
SMALL = ("--set", "train.0.languages=[de]", "--set", "evaluate.0.languages=[de, hi]")


@pytest.fixture(scope="module")
def copy(smoke: Smoke, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """A home of its own with the finished smoke run, and smaller runs of it."""
    home = tmp_path_factory.mktemp("diff") / "home"
    shutil.copytree(smoke[0].home, home, symlinks=True)
    kit = Kit(home)
    for more in (("seeds=[1]",), ("seeds=[3]",), ("seeds=[1]", "switches.dtype=bfloat16")):
        kit("run", SMOKE, *SMALL, *(word for one in more for word in ("--set", one)))
    return kit


def runs(kit: Kit) -> Iterator[str]:
    """The smaller runs, in the order in which they were made; behind the smoke run itself."""
    return (each["run"] for each in kit.json("runs")[-3:])


def smoke_run(kit: Kit) -> str:
    return max((kit.json("runs")), key=lambda each: each["state"]["wanted"])["run"]


def change_one(kit: Kit) -> str:
    """Say something else in the first tuned answer that is right; returns the key of its cell."""
    for folder in sorted((kit.home / "store" / "cells").glob("generate-*")):
        if not json.loads((folder / "cell.json").read_text())["spec"]["adapters"]:
            continue
        scores = [json.loads(line) for line in (folder / "scores.jsonl").read_text("utf-8").splitlines()]
        at = next((n for n, score in enumerate(scores) if score["aware_em"] == 1), None)
        if at is not None:
            lines = (folder / "items.jsonl").read_text("utf-8").splitlines()
            item = json.loads(lines[at])
            lines[at] = json.dumps({**item, "raw": " nothing of the kind"}, ensure_ascii=False)
            (folder / "items.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
            return folder.name
    raise AssertionError("no tuned answer is right")


def test_a_copy_with_one_changed_prediction(smoke: Smoke, tmp_path: Path) -> None:
    kit, other = smoke[0], Kit(tmp_path / "home")
    shutil.copytree(kit.home, other.home, symlinks=True)
    run = smoke_run(kit)
    same = kit("diff", run, run, "--home-b", other.home, "--exit-code").stdout
    assert "identical" in same and "within" not in same.splitlines()[2]
    key = change_one(other)
    told = kit.json("diff", run, run, "--home-b", other.home)
    differing = [cell for cell in told["cells"] if cell["standing"] != "identical"]
    assert [cell["keys"] for cell in differing] == [[key, key]]
    (cell,) = differing
    assert (cell["standing"], cell["outputs"], cell["n"]) == ("within noise", 1, 300)
    assert len(cell["flips"]["to_wrong"]) == 1 and not cell["flips"]["to_right"]
    assert told["causes"][0]["kind"] == "altered" and told["causes"][0]["score"] == 1
    text = " ".join(kit("diff", run, run, "--home-b", other.home).stdout.split())
    assert "1. files of B's cells were changed after they had been stored (1 of 1 differing, 0 of" in text
    flips = kit("diff", run, run, "--home-b", other.home, "--flips").stdout
    assert "nothing of the kind" in flips and "gold:" in flips and "1 of 1 shown" in flips
    assert kit("diff", run, run, "--home-b", other.home, "--flips", key[:20]).stdout == flips


def test_another_seed_is_matched_across_and_named_first(copy: Kit) -> None:
    one, other, _ = runs(copy)
    told = copy.json("diff", one, other)
    assert told["bridges"] == [{"name": "seed", "a": 1, "b": 3}]
    assert not told["alone"]
    cause = told["causes"][0]
    assert (cause["what"], cause["equal"]) == ("asked for another seed: 1 → 3", 0)
    base = [cell for cell in told["cells"] if not cell["at"]["trained_on"]]
    assert base and {cell["standing"] for cell in base} == {"identical"}
    assert any(change["what"] == "seeds" for change in told["changes"]["recipe"])


def test_another_dtype_is_named_first(copy: Kit) -> None:
    one, _, other = runs(copy)
    text = copy("diff", one, other).stdout
    assert "1. asked for something else: dtype: float32 → bfloat16" in " ".join(text.split())
    rows = list(csv.DictReader(io.StringIO(copy("diff", one, other, "--format", "csv").stdout)))
    assert {row["n"] for row in rows} == {"300"} and {"f1", "em"} <= {row["metric"] for row in rows}
    (alone,) = {row["metric"] for row in csv.DictReader(
        io.StringIO(copy("diff", one, other, "--metric", "em", "--format", "csv").stdout)
    )}  # fmt: skip
    assert alone == "em"


def test_cells_of_one_run_alone_and_the_exit_code(copy: Kit) -> None:
    one, other, _ = runs(copy)
    told = copy.json("diff", smoke_run(copy), one)
    assert {each["side"] for each in told["alone"]} == {"A"} and len(told["cells"]) == 8
    assert {cell["standing"] for cell in told["cells"]} == {"identical"}
    assert not told["causes"]
    lost = copy("diff", one, "nothing-of-the-kind", code=2)
    assert "no run is called" in lost.stderr
    wrong = copy("diff", one, other, "--flips", "tiny-qa/xx:yy", code=2)
    assert "rows: base, tiny-qa/de" in wrong.stderr
    beyond = told_beyond(copy, one, other)
    copy("diff", one, other, "--exit-code", code=1 if beyond else 0)


def told_beyond(kit: Kit, one: str, other: str) -> bool:
    return bool(kit.json("diff", one, other)["counts"]["beyond noise"])
