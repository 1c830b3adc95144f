"""A model of one's own: checked, told what is wrong with it, written into a catalog, and run to a table."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma3TextConfig, Qwen3Config

from tests.families import Family, chat_model
from tests.job.conftest import EMBEDDED
from tests.kit_command import Kit

pytestmark = pytest.mark.slow

_SHAPE = {
    "vocab_size": 2000,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 512,
}
THINKS = "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %}<think>{% endif %}"
_TOKENS = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def random_model(folder: Path, config: Any) -> Path:
    """A tiny model of a family that the catalog does not know, with the embedded tokenizer."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for name in _TOKENS:
        if (Path(EMBEDDED) / name).exists():
            shutil.copyfile(Path(EMBEDDED) / name, folder / name)
    return folder


def changed(folder: Path, **settings: Any) -> None:
    path = folder / "tokenizer_config.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in {**told, **settings}.items() if v is not None}))


def findings(kit: Kit, folder: Path, code: int = 0) -> dict[str, dict[str, Any]]:
    words = ("model", "check", folder, "--language", "hi", "--language", "de", "--json")
    told = json.loads(kit(*words, code=code).stdout)
    return {finding["what"]: finding for finding in told["findings"]}


def test_a_new_family_from_its_folder_to_a_table(kit: Kit, tmp_path: Path) -> None:
    folder, catalog = random_model(tmp_path / "tiny-qwen", Qwen3Config(**_SHAPE)), tmp_path / "own.yaml"
    said = kit("model", "check", folder, "--language", "hi", "--catalog", catalog).stdout
    assert "Qwen3ForCausalLM (qwen3)" in said and "q_proj, k_proj, v_proj" in said
    assert "✓ lens: 2 blocks, norm and head found" in said and "GB in bfloat16" in said
    assert "✓ padding and shared prefixes: 3 of 3" in said
    recipe = tmp_path / "qwen.yaml"
    words = (
        "--model",
        "tiny-qwen",
        "--train",
        "tiny-qa/de",
        "--evaluate",
        "tiny-qa/hi",
        "--catalog",
        catalog,
    )
    kit("new", "recipe", "qwen", *words, "-o", recipe)
    small = [
        f"--set={one}"
        for one in ("evaluate.0.limit=6", "trainer.steps=2", "seeds=[1]", "resources.device=cpu")
    ]
    assert "tiny-qa/de" in kit("run", recipe, *small).stdout


@pytest.mark.parametrize(("family", "end"), [("qwen2", "<|im_end|>"), ("gemma3", "<end_of_turn>")])
def test_a_chat_model_is_asked_in_its_template_and_plainly(
    kit: Kit, tmp_path: Path, family: Family, end: str
) -> None:
    folder = chat_model(tmp_path / "tiny-chat", family)
    recipe = tmp_path / "chat.yaml"
    recipe.write_text(f"""\
schema: 1
name: chat
models: [{{name: tiny-chat, path: {folder}}}]
evaluate: [{{dataset: tiny-qa, languages: [hi], limit: 4}}]
train: [{{dataset: tiny-qa, languages: [de], limit: 8}}]
train_prompt: {{prompt: qa, chat: template}}
prompts: [qa, {{prompt: qa, chat: template}}]
lora: {{targets: [q_proj, v_proj]}}
trainer: {{steps: 1}}
answer_limit: 4
resources: {{device: cpu}}
""")
    said = kit("run", recipe).stdout
    assert "prompt qa," in said and "prompt qa:chat=template," in said
    logs = "".join(path.read_text() for path in kit.home.glob("runs/*/jobs/*/log.txt"))
    assert f"turns of the model's chat template; answers end with '{end}'" in logs
    assert "is given plain prompts" in logs


def test_models_without_a_template_are_asked_plainly_or_not_at_all(kit: Kit, tmp_path: Path) -> None:
    recipe = tmp_path / "bare.yaml"
    recipe.write_text("""\
schema: 1
name: bare
models: [tiny-bloom]
evaluate: [{dataset: tiny-qa, languages: [hi], limit: 4}]
prompts:
  - {prompt: qa, chat: template}
tasks: [generate]
resources: {device: cpu}
""")
    told = kit("run", recipe, code=3).stderr
    assert f"{recipe}:6" in told and "tiny-bloom has no chat template" in told and "chat: own" in told
    said = kit("run", recipe, "--set", "prompts=[{prompt: qa, chat: own}]").stdout
    assert "prompt qa:chat=own," in said
    thinker = chat_model(tmp_path / "thinker", "qwen2", THINKS)
    assert "begins every answer with thoughts" in kit("model", "check", thinker, "--language", "hi").stdout


def test_gemma_3_is_looked_into(kit: Kit, tmp_path: Path) -> None:
    found = findings(kit, random_model(tmp_path / "gemma", Gemma3TextConfig(**_SHAPE, sliding_window=8)))
    assert {what: finding["state"] for what, finding in found.items()} == {
        "end token": "fine",
        "pad token": "fine",
        "chat template": "fine",
        "lens": "fine",
        "padding and shared prefixes": "fine",
        "languages": "fine",
    }


def test_wrong_guesses_are_caught_with_a_remedy(kit: Kit, tmp_path: Path) -> None:
    folder = random_model(tmp_path / "chat", Qwen3Config(**_SHAPE))
    changed(
        folder, chat_template="{% if enable_thinking %}<think>{% endif %}{{ messages }}", pad_token="</s>"
    )
    found = findings(kit, folder)
    assert found["chat template"]["state"] == "warning" and "it can think" in found["chat template"]["says"]
    assert "{prompt: qa, chat: template}" in found["chat template"]["remedy"]
    assert found["pad token"]["state"] == "warning" and "trap 1" in found["pad token"]["says"]

    changed(folder, eos_token=None)
    (folder / "special_tokens_map.json").unlink(missing_ok=True)
    for name in ("config.json", "generation_config.json"):
        told = json.loads((folder / name).read_text())
        told["eos_token_id"] = None
        (folder / name).write_text(json.dumps(told))
    found = findings(kit, folder, code=10)
    assert found["end token"]["state"] == "problem" and "eos_token" in found["end token"]["remedy"]

    small = random_model(tmp_path / "small", Qwen3Config(**{**_SHAPE, "vocab_size": 1500}))
    assert "2000 tokens, and the model embeds 1500" in kit("model", "check", small, code=10).stderr


def test_what_is_no_model(kit: Kit, tmp_path: Path) -> None:
    assert "did you mean 'tiny-bloom'" in kit("model", "check", "tiny-blom", code=2).stderr
    (tmp_path / "empty").mkdir()
    kit("model", "check", tmp_path / "empty", code=7)
