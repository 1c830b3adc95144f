"""Tiny random models of families that the catalog does not know, with the embedded tokenizer and chat templates.

The templates are those of Qwen2.5, Qwen3 and Gemma 3, shortened to what concerns turns of text.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, Gemma3TextConfig, Qwen2Config, Qwen3Config

import kit

EMBEDDED = Path(kit.__file__).parent / "catalog" / "embedded" / "tiny-bloom"
Family = Literal["qwen2", "qwen3", "gemma3"]

_QWEN = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{{- message.content + '<|im_end|>' + '\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
)
QWEN2_TEMPLATE = _QWEN + "{%- endif %}"
QWEN3_TEMPLATE = (
    _QWEN
    + "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}"
    "{%- endif %}{%- endif %}"
)
GEMMA3_TEMPLATE = (
    "{{ bos_token }}{%- for message in messages -%}{%- if (message['role'] == 'assistant') -%}"
    "{%- set role = 'model' -%}{%- else -%}{%- set role = message['role'] -%}{%- endif -%}"
    "{{ '<start_of_turn>' + role + '\\n' }}{{ message['content'] | trim }}{{ '<end_of_turn>\\n' }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\\n' }}{%- endif -%}"
)
_SHAPE: dict[str, Any] = {
    "vocab_size": 2016,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}


def chat_model(folder: Path, family: Family, template: str | None = "own") -> Path:
    """Such a model in a folder; `template` is that of its family, another one, or None for none."""
    own, marks, config = {
        "qwen2": (QWEN2_TEMPLATE, ("<|im_start|>", "<|im_end|>"), Qwen2Config),
        "qwen3": (QWEN3_TEMPLATE, ("<|im_start|>", "<|im_end|>"), Qwen3Config),
        "gemma3": (GEMMA3_TEMPLATE, ("<start_of_turn>", "<end_of_turn>"), Gemma3TextConfig),
    }[family]
    more: dict[str, Any] = {"gemma3": {"head_dim": 8, "sliding_window": 16}, "qwen3": {"head_dim": 8}}.get(
        family, {}
    )
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    tokenizer.add_tokens(list(marks), special_tokens=True)
    tokenizer.chat_template = own if template == "own" else template
    tokenizer.save_pretrained(folder)
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    model = AutoModelForCausalLM.from_config(
        config(**_SHAPE, **more, **ids, pad_token_id=tokenizer.pad_token_id)
    )
    model.save_pretrained(folder)
    return folder
