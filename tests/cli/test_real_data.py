"""The real path on real data: XQuAD-IN Hindi, NLLB and MarianMT sets, evaluated on XQuAD-IN and XQuAD."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.bundle import opened
from kit.bundle.mask import masked
from tests.kit_command import ROOT, Kit

pytestmark = pytest.mark.slow


def test_the_recipe_runs_on_real_data(kit: Kit, mirror: Path) -> None:
    smaller = ["--set", "evaluate.0.limit=6", "--set", "evaluate.1.limit=6", "--set", "trainer.steps=2"]
    done = kit("run", ROOT / "recipes" / "real-data-cpu.yaml", *smaller, "--mirror", mirror, "--offline")
    assert "xquad-in (test)" in done.stdout
    [folder] = (kit.home / "runs").glob("real-data-cpu-*")
    # Nothing of the training examples is cut at the recipe's limit, so every answer is learnt from.
    events = [
        json.loads(line)
        for path in folder.glob("jobs/*/events.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    counts = [event["data"] for event in events if event["kind"] == "truncation"]
    assert [count["examples"] for count in counts] == [103] * 4
    assert all(count["cut"] == count["answers_cut"] == 0 for count in counts)
    [table] = kit.json("table", folder)["tables"]
    rows = {cell["trained_on"] for cell in table["cells"]}
    assert rows == {"", "xquad-in/hi", "xquad-mt-nllb/ru", "xquad-mt-nllb/de", "xquad-mt-marian/de"}
    columns = {(cell["dataset"], cell["language"]) for cell in table["cells"]}
    assert columns == {("xquad-in", "or"), ("xquad-in", "hi"), ("xquad-in", "bn"), ("xquad", "de")}
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert {entry["items"] for entry in manifest["data"] if entry["use"] == "train"} == {103}

    # What is made of it for others holds no text of others, and is checked with their data or without.
    bundle = kit.home / "real.zip"
    assert (
        "gold answers and choices of xquad, xquad-in are masked" in kit("export", folder, "-o", bundle).stdout
    )
    with opened(bundle) as root:
        items = [
            json.loads(line)
            for path in root.glob("store/cells/score-*/items.jsonl")
            for line in path.read_text("utf-8").splitlines()
        ]
        texts = [each["text"] for item in items for each in item["continuations"]]
        assert len(texts) == 6 * 4 * 5 and all(text == masked(text) for text in texts)
        assert not list(root.glob("store/data/*"))
    stranger = Kit(kit.home / "elsewhere")
    without, beside = (
        json.loads(stranger("verify", bundle, *words, "--json").stdout)
        for words in ((), ("--mirror", mirror))
    )
    assert without["whole"] and (without["rescored"], without["aggregated"]) == (0, 20)
    assert beside["whole"] and (beside["rescored"], beside["aggregated"]) == (20, 0)
