"""Windows of layers (S4) and controls (S2) from a recipe to tables, on the shipped base."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kit_command import Kit

RECIPE = """\
schema: 1
name: small-interference
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de], limit: 24}
  - {dataset: tiny-qa, languages: [de], limit: 24, answers: shuffled}
  - {dataset: tiny-qa, languages: [de], limit: 24, directions: random}
evaluate: [{dataset: tiny-qa, languages: [de], limit: 16}]
tasks: [generate, {kind: generate, layers: each/2}, {kind: generate, layers: 0-2}, {kind: generate, layers: 1/6}]
lora: {r: 8, alpha: 32, dropout: 0.05}
trainer: {learning_rate: 3e-3, steps: 10, batch: 4, accumulation: 1, max_grad_norm: 1.0}
answer_limit: 12
seeds: [1]
resources: {device: cpu, slots: 1}
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Kit, Path]:
    home = tmp_path_factory.mktemp("interference")
    recipe = home / "small-interference.yaml"
    recipe.write_text(RECIPE)
    kit = Kit(home / "home")
    kit("run", recipe, "--executor", "local")
    return kit, recipe


def rows(kit: Kit, *words: str) -> dict[str, dict[str, Any]]:
    (table,) = kit.json("layers", *words)["tables"]
    return {
        row["trained_on"]: {cell["window"]: cell["delta"]["value"] for cell in row["cells"]}
        for row in table["rows"]
    }


@pytest.mark.slow
def test_all_layers_do_what_the_adapter_does_and_none_nothing(done: tuple[Kit, Path]) -> None:
    kit, _ = done
    found = rows(kit)
    assert set(found) == {"tiny-qa/de", "tiny-qa~random/de", "tiny-qa~shuffled/de"}
    for row in found.values():
        assert list(row) == ["all", "1/2", "2/2", "0-2", "1/6"]
        assert row["0-2"] == row["all"] and row["1/6"] == 0
    # What has learnt moves its answers more than what is only as large.
    assert abs(found["tiny-qa/de"]["all"]) > abs(found["tiny-qa~random/de"]["all"])
    assert kit("layers", COLUMNS="120").stdout.count("tiny-qa~shuffled/de") == 1
    assert kit("layers", "--format", "csv").stdout.count("\n") == 1 + 3 * 5
    assert "no answers of windows" in kit("layers", "--language", "xx", code=2).stderr
    assert "drawn:" in kit("layers", "--figure", kit.home / "layers.svg").stdout
    assert "tiny-qa~shuffled/de" in (kit.home / "layers.svg").read_text()
    [folder] = (kit.home / "runs").iterdir()
    assert json.loads((folder / "tables" / "layers.json").read_text()) == kit.json("layers")


@pytest.mark.slow
def test_nothing_is_done_twice_and_another_seed_of_a_control_is_another_one(done: tuple[Kit, Path]) -> None:
    kit, recipe = done
    assert "0 to compute" in kit("plan", recipe).stdout
    stored = kit.home / "store" / "adapters"
    doubles = [path for path in stored.glob("derive-*/10") if (path / "derived.json").is_file()]
    assert len(doubles) == 1 and len(list(stored.glob("tune-*"))) == 2
    words = kit("plan", recipe, "--set", "train.2.control_seed=1").stdout
    assert "5 to compute" in words  # one double with its windows; what it copies is there
    assert "series of 2 on tiny-bloom: tiny-qa~random1/de seed 1" in words
