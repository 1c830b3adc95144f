"""Counts of operations and bytes against torch's own counter, and by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaConfig, LlamaForCausalLM

from kit.job.prefix import groups
from kit.job.work_done import Sizes, alone, decoding_bytes, together


def counted(model: Any, length: int, heads: int) -> int:
    """What torch counts for one row; it counts all pairs of positions where half of them are masked."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        model(torch.arange(5, 5 + length)[None], use_cache=False, logits_to_keep=heads)
    return int(counter.get_total_flops())


@pytest.mark.parametrize(("length", "heads"), [(1, 1), (40, 1), (40, 7)])
def test_operations_are_those_that_torch_counts(tiny: tuple[Any, Any], length: int, heads: int) -> None:
    sizes = Sizes.of(tiny[0])
    masked = 4 * sizes.layers * sizes.queries * (length * (length - 1) // 2)
    assert sizes.operations(length, 0, heads) + masked == counted(tiny[0], length, heads)


def test_a_model_that_shares_keys_and_has_a_head_of_its_own() -> None:
    config = LlamaConfig(
        vocab_size=300, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    sizes = Sizes.of(model)
    assert sizes.cached == 2 * 2 * 8 and sizes.head == 300 * 32
    assert sizes.body == 2 * (32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 64)
    flops = counted(model, 1, 1)
    assert sizes.operations(1, 0, 1) == pytest.approx(flops, abs=4 * 2 * 32)  # scores of one position


def test_sharing_runs_a_prefix_once() -> None:
    sizes = Sizes(body=1000, head=10, layers=1, queries=0, cached=0, size=4)
    prompts = [[*range(50), 100 + row] for row in range(5)]
    assert alone(sizes, [51] * 5) == 5 * (2 * 1000 * 51 + 20)
    assert together(sizes, [51] * 5, groups(prompts)) == 2 * 1000 * (50 + 5) + 5 * 20


def test_bytes_of_decoding() -> None:
    sizes = Sizes(body=100, head=20, layers=2, queries=8, cached=16, size=2)
    # Two steps for the longer row, one for the other; each reads the weights, and what the rows have cached.
    cached = 2 * 16 * 2 * ((10 + 1) + (10 + 2) + (7 + 1))
    assert decoding_bytes(sizes, [(10, 3), (7, 2)]) == 2 * 120 * 2 + cached
    assert decoding_bytes(sizes, [(10, 1)]) == 0
