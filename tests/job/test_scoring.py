"""Teacher-forced scores against a naive loop, whatever the batch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from kit.data.example import Example
from kit.job.prompt import Encoder
from kit.job.scoring import Scored, Scorer
from kit.job.vocabulary import read_vocabulary
from tests.job.conftest import QA, examples, xquad_in

Row = tuple[list[int], list[int]]


def _rows(tokenizer: Any, data: list[Example]) -> list[Row]:
    encoder = Encoder(tokenizer, QA)
    return [(encoder.prompt_ids(one), encoder.continuation_ids(one, one.answers[0])) for one in data]


def _naive(tiny: tuple[Any, Any], row: Row) -> tuple[list[float], float, float]:
    """One forward pass a token, over the text so far, without a cache."""
    model, tokenizer = tiny
    prompt, tail = row
    with torch.no_grad():
        steps = [
            torch.softmax(model(torch.tensor([prompt + tail[:done]])).logits[0, -1].double(), dim=-1)
            for done in range(len(tail) + 1)
        ]
    tokens = [math.log(step[token]) for step, token in zip(steps, tail, strict=False)]
    breaks = [i for i in range(len(tokenizer)) if tokenizer.decode([i]).lstrip(" ").startswith("\n")]
    return tokens, math.log(steps[-1][tokenizer.eos_token_id]), math.log(steps[-1][breaks].sum())


def _check(scored: Scored, tiny: tuple[Any, Any], row: Row) -> None:
    tokens, end, newline = _naive(tiny, row)
    assert list(scored.tokens) == pytest.approx(tokens, abs=1e-5)
    assert scored.end == pytest.approx(end, abs=1e-5)
    assert scored.newline == pytest.approx(newline, abs=1e-5)


@pytest.mark.parametrize("rows_at_once", [0, 1, 4, 12], ids=["exact", "one", "four", "all"])
def test_scores_are_those_of_a_naive_loop(tiny: tuple[Any, Any], rows_at_once: int) -> None:
    model, tokenizer = tiny
    rows = _rows(tokenizer, examples(12))
    rows[3] = (rows[3][0], [])  # an empty continuation still has a place to stop at
    scorer = Scorer(model, read_vocabulary(tokenizer, model))
    stream = scorer.fast(rows, lambda length, asked: rows_at_once) if rows_at_once else scorer.exact(rows)
    done = {one.index: one for one in stream}
    assert sorted(done) == list(range(12))
    assert done[3].tokens == ()
    for index, row in enumerate(rows):
        _check(done[index], tiny, row)


def test_scores_on_real_text_are_those_of_a_naive_loop(tiny: tuple[Any, Any], mirror: Path) -> None:
    model, tokenizer = tiny
    data = [example for language in ("hi", "or", "bn") for example in xquad_in(mirror, language, 2, 350)]
    rows = _rows(tokenizer, data)
    scorer = Scorer(model, read_vocabulary(tokenizer, model))
    for one in scorer.fast(rows, lambda length, asked: 3):
        _check(one, tiny, rows[one.index])
