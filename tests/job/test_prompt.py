"""From examples to token ids: start tokens, boundaries, truncation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from kit.data.example import Example
from kit.job.failures import BadInput
from kit.job.prompt import Encoder, render
from kit.jobdir import Prompt
from tests.job.conftest import EMBEDDED, QA, examples, xquad_in

TOKENIZER = AutoTokenizer.from_pretrained(EMBEDDED)
END = TOKENIZER.eos_token_id
LANGUAGES = ("as", "bn", "en", "gu", "hi", "kn", "ml", "mr", "or", "pa", "ta", "te", "ur")


def test_braces_within_the_data_stay_as_they_are() -> None:
    example = Example("1", "c", "a {question} {x} {0}", "what {context}?", ("b",), "en")
    prompt = Prompt("Input: {context} Question: {question}\\Output:{other}")
    assert render(prompt, example) == "Input: a {question} {x} {0} Question: what {context}?\\Output:{other}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_written_start_is_what_writing_the_markers_gives_on_real_text(mirror: Path, language: str) -> None:
    encoder = Encoder(TOKENIZER, replace(QA, start_token="written"))
    for example in xquad_in(mirror, language, 20, longest=5000):
        text = f"<s>{render(QA, example)} {example.answers[0]}</s>"
        made = encoder.training_text(example, 10**6, "right", END)
        assert list(made.ids) == TOKENIZER(text)["input_ids"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_boundary_is_clean_on_real_text(mirror: Path, language: str) -> None:
    encoder = Encoder(TOKENIZER, QA)
    for example in xquad_in(mirror, language, 60, longest=5000):
        prompt, tail = encoder.prompt_ids(example), encoder.continuation_ids(example, example.answers[0])
        assert prompt + tail == encoder.ids(f"{render(QA, example)} {example.answers[0]}")
        assert encoder.training_text(example, 10**6, "right", END).answer_start == len(prompt)


def _spanning() -> tuple[str, str]:
    """A word of one token, cut in two so that its beginning is another token."""
    for token in range(len(TOKENIZER)):
        word = TOKENIZER.decode([token])
        plain = word.isascii() and word[:1] == " " and word[1:].isalpha() and len(word) > 3
        if plain and len(TOKENIZER(word)["input_ids"]) == 1:
            return word[:-1], word[-1]
    raise AssertionError("the vocabulary has no word")


def test_where_a_token_spans_the_boundary_the_continuation_stands_on_its_own() -> None:
    question, answer = _spanning()
    encoder = Encoder(TOKENIZER, Prompt("{context}{question}", joint="", start_token="none"))
    example = Example("1", "c", "Kano", question, (answer,), "en")
    head = encoder.prompt_ids(example)
    assert encoder.ids("Kano" + question + answer)[: len(head)] != head
    assert encoder.continuation_ids(example, answer) == encoder.ids(answer)
    text = encoder.training_text(example, 10**6, "right", END)
    assert TOKENIZER.decode(text.ids) == "Kano" + question + answer + "</s>"
    assert TOKENIZER.decode(text.ids[text.answer_start :]) == question + answer + "</s>"


@given(answer=st.text(min_size=1, max_size=12), context=st.text(max_size=30))
@settings(max_examples=150, deadline=None)
def test_prompt_and_continuation_decode_to_the_whole_text(answer: str, context: str) -> None:
    encoder = Encoder(TOKENIZER, QA)
    example = Example("1", "c", context, "Q", (answer,), "en")
    text = f"{render(QA, example)} {answer}"
    if any(token in text for token in TOKENIZER.all_special_tokens):
        return
    ids = encoder.prompt_ids(example) + encoder.continuation_ids(example, answer)
    assert TOKENIZER.decode(ids, clean_up_tokenization_spaces=False) == text


class _Habit:
    """A tokenizer with a start token of its own habit, as Llama's, or without any start token."""

    def __init__(self, bos: int | None, habit: bool) -> None:
        self.bos_token_id = bos
        self._habit = habit

    def __call__(self, text: str, add_special_tokens: bool = True) -> Any:
        start = [self.bos_token_id] if self._habit and add_special_tokens else []
        return {"input_ids": [*start, *map(ord, text)]}


@pytest.mark.parametrize(
    ("bos", "habit", "start", "expected"),
    [
        (1, False, "tokenizer", []),
        (1, False, "written", [1]),
        (1, False, "none", []),
        (1, True, "tokenizer", [1]),
        (1, True, "written", [1, 1]),
        (1, True, "none", []),
        (None, False, "tokenizer", []),
        (None, False, "none", []),
    ],
)
def test_start_tokens(
    bos: int | None, habit: bool, start: Literal["tokenizer", "written", "none"], expected: list[int]
) -> None:
    example = Example("1", "c", "x", "y", ("z",), "en")
    encoder = Encoder(_Habit(bos, habit), Prompt("{context}{question}", start_token=start))
    assert encoder.prompt_ids(example) == [*expected, ord("x"), ord("y")]


def test_a_start_token_that_is_not_there_cannot_be_written() -> None:
    with pytest.raises(BadInput, match="has none"):
        Encoder(_Habit(None, habit=False), replace(QA, start_token="written"))


@pytest.mark.parametrize("example", examples(5))
def test_truncation_from_the_right_cuts_the_text_where_it_stands(example: Example) -> None:
    encoder = Encoder(TOKENIZER, replace(QA, start_token="written"))
    full = encoder.training_text(example, 10**6, "right", END)
    assert not full.cut
    for limit in range(1, len(full.ids)):
        cut = encoder.training_text(example, limit, "right", END)
        assert cut.ids == full.ids[:limit]
        assert cut.cut
        assert cut.answer_cut is (limit < len(full.ids) - 1)
        assert cut.answer_start == min(full.answer_start, limit)


@pytest.mark.parametrize("example", examples(15))
def test_truncation_of_the_context_keeps_question_answer_and_end(example: Example) -> None:
    encoder = Encoder(TOKENIZER, QA)
    full = encoder.training_text(example, 10**6, "context", END)
    bare = encoder.training_text(replace(example, context=""), 10**6, "context", END)
    for limit in range(len(bare.ids), len(full.ids)):
        cut = encoder.training_text(example, limit, "context", END)
        text = TOKENIZER.decode(cut.ids)
        assert len(cut.ids) <= limit
        assert text.endswith(f"\n\nQ: {example.question}\nA: {example.answers[0]}</s>")
        kept = text[: text.index("\n\nQ:")]
        assert example.context.startswith(kept)
        assert (cut.cut, cut.answer_cut) == (True, False)
        assert cut.support_cut is (example.answers[0] not in kept)
        assert TOKENIZER.decode(cut.ids[cut.answer_start :]) == f" {example.answers[0]}</s>"


def test_where_not_even_the_question_fits_the_right_is_cut() -> None:
    encoder = Encoder(TOKENIZER, QA)
    cut = encoder.training_text(examples(1)[0], 5, "context", END)
    assert (len(cut.ids), cut.answer_cut) == (5, True)
