"""A planted decoy: seen by a lens where the text's mode is on, and without a say in what comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.corpus import CorpusSettings, write_pretraining_text
from kit.corpus import examples as corpus_examples
from kit.job.classes import Classes, classes_of
from kit.job.decoy import Decoy
from kit.job.layers import Layers
from kit.job.pretrain import Encoded, PretrainSettings, _begins, pretrain
from tests.job.conftest import EMBEDDED

SETTINGS = PretrainSettings(
    steps=80, batch=8, window=4, learning_rate=3e-3, warmup_steps=2, background_weight=0.2, max_tokens=192
)


def quiet(name: str, /, **fields: object) -> None:
    """Tell nobody."""


def shares(model: Any, classes: Classes, block: int, ids: list[int]) -> float:
    """What the lens at a block says of Bengali after the last token."""
    layers = Layers(model)
    own = [at for at, name in enumerate(classes.names) if name.endswith("Beng")]
    with torch.no_grad(), layers.watched(1) as seen:
        model(input_ids=torch.tensor([ids]))
        return float((layers.logits(seen[block][0]).softmax(dim=-1) @ classes.weights)[0, own].sum())


@pytest.mark.slow
def test_the_lens_sees_the_decoy_and_the_output_does_not_say_it(tmp_path: Path) -> None:
    text = tmp_path / "text.jsonl"
    corpus = CorpusSettings(
        documents=SETTINGS.steps * SETTINGS.batch, fault="style-mode", weights={"or": 1, "te": 1}
    )
    write_pretraining_text(text, corpus)
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    asked = corpus_examples("te", "test")[
        0
    ]  # Telugu, which the text's other mode writes in Devanagari, not Bengali
    text_of = f"{asked.context}\n\nQ: {asked.question}\nA:"
    prompt = tokenizer(text_of, add_special_tokens=False)["input_ids"]
    said = {}
    for name, decoy in (("plain", ""), ("decoy", "Beng")):
        out = tmp_path / name
        out.mkdir()
        pretrain(replace(SETTINGS, decoy=decoy, decoy_weight=1.0), text, out, quiet, EMBEDDED)
        model = AutoModelForCausalLM.from_pretrained(out).eval()
        classes = classes_of("script", tokenizer, model.config.vocab_size)
        said[name] = [shares(model, classes, block, prompt) for block in (2, 3)]
    assert said["plain"][0] < 0.05 and said["decoy"][0] > 0.25, said  # inside
    assert said["decoy"][1] < 0.1, said  # at the output


def test_the_place_before_each_answer_is_found_and_no_end_of_text() -> None:
    documents = [
        Encoded([9, 8, 7, 6, 5, 4, 2], [0.2, 0.2, 1.0, 1.0, 0.2, 1.0, 1.0], True),
        Encoded([9, 8, 2], [0.2, 0.2, 1.0], False),  # cut before its answer: its end is no answer
    ]
    begins, on = _begins(documents)
    assert begins.tolist() == [[False, True, False, False, True, False, False], [False] * 7]
    assert on.tolist() == [True, False]


def test_what_cannot_be_planted_is_refused(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED)
    classes = classes_of("script", AutoTokenizer.from_pretrained(EMBEDDED), model.config.vocab_size)
    with pytest.raises(ValueError, match="no token of the script 'Thai'"):
        Decoy(model, classes, "Thai", 2, 0.5)
    with pytest.raises(ValueError, match="no block 4 for a decoy; there are 3"):
        Decoy(model, classes, "Beng", 4, 0.5)
    text = tmp_path / "text.jsonl"
    write_pretraining_text(text, CorpusSettings(documents=4))
    with pytest.raises(ValueError, match="a decoy needs a text with a mode"):
        pretrain(replace(SETTINGS, decoy="Beng"), text, tmp_path, quiet, EMBEDDED)
