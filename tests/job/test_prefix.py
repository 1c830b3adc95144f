"""What prompts share is run once: which rows that binds, and that no row feels it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    Gemma3Config,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from kit.job.decode import Decoder
from kit.job.memory import rows_that_fit
from kit.job.prefix import batches, groups, shares
from kit.job.sampling import Chooser
from kit.job.scoring import Scorer
from kit.job.vocabulary import Vocabulary, read_vocabulary
from kit.jobdir import GenerateTask

TASK = GenerateTask(stop="newline", limit=8)


@st.composite
def prompts(draw: st.DrawFn, tokens: int = 2000) -> list[list[int]]:
    """Contexts of any length, each with some questions; some contexts begin like others, some prompts are twins."""
    id_ = st.integers(5, tokens - 1)
    head = draw(st.lists(id_, max_size=3))
    made = []
    for _ in range(draw(st.integers(1, 4))):
        context = head + draw(st.lists(id_, max_size=40))
        questions = draw(st.lists(st.lists(id_, min_size=1, max_size=9), min_size=1, max_size=4))
        made += [context + question for question in questions]
    return draw(st.permutations(made))


@given(prompts(), st.integers(1, 9))
def test_every_row_is_in_one_group_whose_prefix_it_has(rows: list[list[int]], fit: int) -> None:
    found = groups(rows)
    assert sorted(row for group in found for row in group.rows) == list(range(len(rows)))
    for group in found:
        assert len({tuple(rows[row][: group.length]) for row in group.rows}) == 1
        assert all(group.length < len(rows[row]) for row in group.rows)
    run = sum(group.length + sum(len(rows[row]) - group.length for row in group.rows) for group in found)
    assert run <= sum(map(len, rows))
    parts = list(batches(rows, list(map(len, rows)), lambda length, asked: fit))
    assert sorted(row for part in parts for row in part) == list(range(len(rows)))
    assert all(0 < len(part) <= fit for part in parts)


def test_questions_of_a_context_stand_together_and_a_common_head_binds_no_contexts() -> None:
    head, one, other = [1, 2, 3], list(range(10, 60)), list(range(60, 110))
    rows = [head + context + [200 + i] * 5 for i in range(5) for context in (one, other)]
    found = groups(rows)
    assert [(group.length, sorted(group.rows)) for group in found] == [
        (53, [0, 2, 4, 6, 8]),
        (53, [1, 3, 5, 7, 9]),
    ]


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=prompts(), fit=st.integers(2, 9))
def test_answers_and_scores_are_those_of_each_prompt_alone(
    tiny: tuple[Any, Any], rows: list[list[int]], fit: int
) -> None:
    model, tokenizer = tiny
    same_alone_and_together(model, tokenizer, read_vocabulary(tokenizer, model), rows, fit)


@pytest.mark.parametrize("seed", range(3))
def test_models_that_are_told_positions_and_share_heads(tiny: tuple[Any, Any], seed: int) -> None:
    """Rotary positions, grouped keys: not what BLOOM has."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=2000, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    rows = [
        list(range(9 + 50 * c, 9 + 50 * c + 20 + 7 * c)) + [300 + q] * (1 + q)
        for c in range(3)
        for q in range(3)
    ]
    assert shares(model)
    same_alone_and_together(model, tiny[1], read_vocabulary(tiny[1], model), rows, 6)


def test_a_model_with_a_sliding_window_is_run_as_it_is(tiny: tuple[Any, Any]) -> None:
    config = MistralConfig(
        vocab_size=2000, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.3, sliding_window=8,
    )  # fmt: skip
    torch.manual_seed(0)
    model = MistralForCausalLM(config).eval()
    rows = [list(range(9, 40)) + [300 + q] * 2 for q in range(3)]
    assert not shares(model)
    same_alone_and_together(model, tiny[1], read_vocabulary(tiny[1], model), rows, 3)


def test_a_model_that_sees_pictures_too_is_run_on_text(tiny: tuple[Any, Any]) -> None:
    text = {
        "vocab_size": 2000, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 8,
        "num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3,
    }  # fmt: skip
    pictures = {
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "image_size": 28, "patch_size": 14,
    }  # fmt: skip
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(Gemma3Config(text_config=text, vision_config=pictures)).eval()
    rows = [list(range(9, 40)) + [300 + q] * 2 for q in range(3)]
    assert rows_that_fit(model, 8, None, "cpu")(100, 20) > 1
    same_alone_and_together(model, tiny[1], read_vocabulary(tiny[1], model), rows, 3)


def same_alone_and_together(
    model: Any, tokenizer: Any, vocabulary: Vocabulary, rows: list[list[int]], fit: int
) -> None:
    """Greedy answers to the token, scores to the rounding of float32."""
    decoder = Decoder(model, tokenizer, vocabulary, TASK, Chooser(TASK, 0, "cpu", batched=True))
    names = [str(row) for row in range(len(rows))]
    alone = list(decoder.exact(names, rows))
    together = sorted(decoder.fast(names, rows, lambda length, asked: fit), key=lambda done: done.index)
    assert together == alone
    asked = [(row, one.ids[: index % 4]) for index, (row, one) in enumerate(zip(rows, alone, strict=True))]
    scorer = Scorer(model, vocabulary)
    scores = {one.index: one for one in scorer.fast(asked, lambda length, asked: fit)}
    for one in scorer.exact(asked):
        other = scores[one.index]
        assert other.tokens == pytest.approx(one.tokens, abs=1e-4)
        assert (other.end, other.newline) == pytest.approx((one.end, one.newline), abs=1e-4)
