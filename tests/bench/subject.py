"""The model that generation is timed on: a BLOOM of 103 million parameters that answers as the shipped one does.

The shipped base is widened: each of its 128 hidden values stands eight times among 1,024, its 8 heads of 16 values are
8 of 16 heads of 64 (those whose ALiBi slopes are the same), and five layers that add nothing stand behind its three.
The products are as dense and as large as those of any BLOOM of this shape (a layer of bloom-560m), and the answers are
a trained model's: they end in newlines, some early, some late.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BloomConfig, BloomForCausalLM, PreTrainedTokenizerFast

import kit
from kit.data.example import Example
from kit.job.model import load_tokenizer
from kit.jobdir import Prompt

PROMPT = Prompt("{context}\n\nQ: {question}\nA:", joint=" ", start_token="none")
EMBEDDED = Path(kit.__file__).parent / "catalog" / "embedded" / "tiny-bloom"
_TIMES, _LAYERS, _HEADS = 8, 8, 16
_DATA = "github/Sachi-27/Multilingual-NLP/73022a94dcd093935e093fe67e61ae18ab6679d7/datasets/xquad_in"


def questions(mirror: Path, language: str, count: int | None = None) -> list[Example]:
    """XQuAD-IN's test questions in the order of their file."""
    path = mirror / _DATA / language / f"xquad_{language}_test.json"
    rows = json.loads(path.read_bytes())["examples"][:count]
    return [
        Example(r["id"], r["title"], r["context"], r["question"], (r["answers"][0]["text"],), language)
        for r in rows
    ]


def widened(layers: int = _LAYERS) -> tuple[BloomForCausalLM, PreTrainedTokenizerFast]:
    """Model, in float32 on the CPU and without dropout, and tokenizer. `layers`: 3 or more."""
    small: Any = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32)
    torch.manual_seed(0)
    old: Any = small.config
    config = BloomConfig(
        **{
            **old.to_dict(),
            "hidden_size": old.hidden_size * _TIMES, "n_layer": layers, "n_head": _HEADS,
            "hidden_dropout": 0.0, "attention_dropout": 0.0,
        }
    )  # fmt: skip
    model = BloomForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _fill(model.transformer, small.transformer)
    model.generation_config = small.generation_config
    return model.eval(), load_tokenizer(EMBEDDED)


def _fill(large: Any, small: Any) -> None:
    large.word_embeddings.weight.copy_(small.word_embeddings.weight.repeat(1, _TIMES))
    # The head is the embedding again, and sums over eight times the values.
    _copy(large.word_embeddings_layernorm, small.word_embeddings_layernorm)
    for new, old in zip(large.h, small.h, strict=False):
        _copy(new.input_layernorm, old.input_layernorm)
        _copy(new.post_attention_layernorm, old.post_attention_layernorm)
        _heads(new.self_attention, old.self_attention)
        _product(new.mlp.dense_h_to_4h, old.mlp.dense_h_to_4h)
        _product(new.mlp.dense_4h_to_h, old.mlp.dense_4h_to_h)
    for new in large.h[len(small.h) :]:
        for norm in (new.input_layernorm, new.post_attention_layernorm):
            norm.weight.fill_(1.0)
    large.ln_f.weight.copy_(small.ln_f.weight.repeat(_TIMES) / _TIMES)
    large.ln_f.bias.copy_(small.ln_f.bias.repeat(_TIMES) / _TIMES)


def _copy(new: Any, old: Any) -> None:
    new.weight.copy_(old.weight.repeat(_TIMES))
    new.bias.copy_(old.bias.repeat(_TIMES))


def _product(new: Any, old: Any) -> None:
    """Each output eight times; each input an eighth from each of its eight places."""
    new.weight.copy_(old.weight.repeat(_TIMES, _TIMES) / _TIMES)
    new.bias.copy_(old.bias.repeat(_TIMES))


def _heads(new: Any, old: Any) -> None:
    """The small heads at every second place; queries grow as scores are divided by the root of a larger head."""
    few, narrow, wide, hidden = old.num_heads, old.head_dim, new.head_dim, old.hidden_size
    weight = old.query_key_value.weight.view(few, 3, narrow, hidden).repeat(1, 1, 1, _TIMES) / _TIMES
    bias = old.query_key_value.bias.view(few, 3, narrow).clone()
    weight[:, 0] *= (wide / narrow) ** 0.5
    bias[:, 0] *= (wide / narrow) ** 0.5
    every = new.num_heads // few
    new.query_key_value.weight.view(new.num_heads, 3, wide, -1)[every - 1 :: every, :, :narrow] = weight
    new.query_key_value.bias.view(new.num_heads, 3, wide)[every - 1 :: every, :, :narrow] = bias
    out = old.dense.weight.view(hidden, few, narrow).repeat(_TIMES, 1, 1)
    new.dense.weight.view(-1, new.num_heads, wide)[:, every - 1 :: every, :narrow] = out
    new.dense.bias.copy_(old.dense.bias.repeat(_TIMES))
