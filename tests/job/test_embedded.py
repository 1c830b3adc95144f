"""The shipped weights: small, made with the settings beside them, and over-generating by design."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import kit  # noqa: E402
from kit.corpus import CorpusSettings, Item, examples  # noqa: E402
from kit.job.pretrain import PretrainSettings  # noqa: E402

FOLDER = Path(kit.__file__).parent / "catalog" / "embedded" / "tiny-bloom"


def test_weights_are_small_and_of_the_shape_that_the_settings_name() -> None:
    assert (FOLDER / "model.safetensors").stat().st_size < 4_000_000
    settings = json.loads((FOLDER / "settings.json").read_text(encoding="utf-8"))
    pretraining = PretrainSettings.from_dict(settings["pretrain"])
    config = json.loads((FOLDER / "config.json").read_text(encoding="utf-8"))
    assert config["model_type"] == "bloom"
    shape = (config["n_layer"], config["hidden_size"], config["n_head"], config["vocab_size"])
    assert shape == (pretraining.layers, pretraining.hidden, pretraining.heads, pretraining.vocab_size)


def test_the_defaults_are_the_settings_of_the_shipped_weights() -> None:
    settings = json.loads((FOLDER / "settings.json").read_text(encoding="utf-8"))
    pretraining = PretrainSettings.from_dict(settings["pretrain"])
    assert pretraining == PretrainSettings(steps=pretraining.steps)
    corpus = CorpusSettings.from_dict(settings["corpus"])
    assert corpus == CorpusSettings(documents=pretraining.steps * pretraining.batch)


@pytest.mark.parametrize("language", ["de", "hi", "or"])
def test_the_base_knows_most_answers_and_overruns_them(language: str) -> None:
    items = examples(language, "test")[:60]
    answers = _greedy(items)
    held = [item.answer in answer for item, answer in zip(items, answers, strict=True)]
    equal = [item.answer == answer for item, answer in zip(items, answers, strict=True)]
    assert sum(held) / len(items) > 0.6
    assert (sum(held) - sum(equal)) / len(items) > 0.4
    assert sum(equal) > 0


def _greedy(items: list[Item]) -> list[str]:
    """The first line of the greedy answer to each item, in one batch padded on the left."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    model = transformers.AutoModelForCausalLM.from_pretrained(FOLDER).eval()
    prompts = [f"{item.context}\n\nQ: {item.question}\nA:" for item in items]
    batch = tokenizer(prompts, return_tensors="pt", padding=True)
    with torch.inference_mode():
        out = model.generate(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            do_sample=False,
            max_new_tokens=24,
        )
    texts = tokenizer.batch_decode(out[:, batch.input_ids.shape[1] :], skip_special_tokens=True)
    return [text.strip().split("\n")[0] for text in texts]
