"""The paper's recipes at toy scale: real data, real tunings, from the recipe to the verdict."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.kit_command import ROOT, Kit

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("XLT_KIT_MIRROR"), reason="XLT_KIT_MIRROR names no data mirror"),
]
PAPER = ROOT / "recipes" / "paper"
TOY = (
    "switches.dtype=float32", "switches.autocast=none", "resources.device=cpu", "resources.executor=local",
    "trainer.epochs=1", "trainer.learning_rate=1e-3", "sequence_limit=512", "answer_limit=8", "lora.r=4",
)  # fmt: skip


def run(kit: Kit, recipe: str, *overrides: str) -> dict[str, Any]:
    """Run a recipe of the paper, and judge its claims."""
    words = [word for text in (*TOY, *overrides) for word in ("--set", text)]
    mirror = os.environ["XLT_KIT_MIRROR"]
    kit("run", PAPER / f"{recipe}.yaml", "--mirror", mirror, "--offline", *words)
    return {one["id"]: one for one in kit.json("claims", "--mirror", mirror)["verdicts"]}


def test_the_afternoon_ends_in_verdicts(kit: Kit) -> None:
    found = run(
        kit,
        "afternoon-80gb",
        "models=[tiny-bloom]",
        "train.0.languages=[or,hi]",
        "train.1.languages=[ru,de]",
        "evaluate.0.languages=[or,hi]",
        "evaluate.0.limit=6",
    )
    run_here = {name for name, verdict in found.items() if verdict["outcome"] != "not run"}
    assert run_here >= {"C1a", "C1b", "C2", "C2-odia", "C3", "C4"}
    assert all("mechanics only" in found[name]["flags"] for name in run_here)
    assert (
        found["C4-quality"]["outcome"] == "not run" and "machine-translated" in found["C4-quality"]["command"]
    )
    (pair,) = found["C1b"]["pairs"]
    assert pair["name"] == "xquad-mt-nllb/ru@6 → xquad-in/or"
    (pair,) = [
        one for one in found["C4"]["pairs"] if one["name"].endswith("/or against xquad-mt-marian/de@6")
    ]
    assert pair["base"] is not None


def test_families_of_every_architecture_run_from_recipe_to_verdict(kit: Kit, tmp_path: Path) -> None:
    folders = {family: random_model(family, tmp_path / family) for family in ("llama", "mistral", "gemma")}
    models = ",".join(
        f"{{name: tiny-{family}, path: {path}, family: {family}}}" for family, path in folders.items()
    )
    found = run(
        kit,
        "families",
        f"models=[{models}]",
        "train.0.languages=[or]",
        "evaluate.0.languages=[or]",
        "evaluate.0.limit=4",
    )
    assert found["C1b"]["outcome"] != "not run"
    models_judged = {one["model"] for one in kit.json("claims")["verdicts"] if one["id"] == "C2-odia"}
    assert models_judged == {"tiny-llama", "tiny-mistral", "tiny-gemma"}


def random_model(family: str, folder: Path) -> Path:
    """A model of random weights in the family's architecture, with the embedded model's tokenizer."""
    transformers = pytest.importorskip("transformers")
    embedded = ROOT / "kit" / "catalog" / "embedded" / "tiny-bloom"
    tokenizer = transformers.AutoTokenizer.from_pretrained(embedded)
    config = transformers.AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    transformers.set_seed(1)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
