"""Decoding against transformers' own pipeline, batches against single prompts, and the rules of stopping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import DynamicCache, pipeline

from kit.job.decode import Decoded, Decoder
from kit.job.failures import BadInput
from kit.job.model import load_tokenizer
from kit.job.prompt import Encoder, render
from kit.job.sampling import Chooser
from kit.job.vocabulary import line_is_complete, read_vocabulary
from kit.jobdir import GenerateTask
from kit.score.answer import cut
from tests.job.conftest import QA, examples, xquad_in

GREEDY = GenerateTask(stop="end", limit=24)
SAMPLED = GenerateTask(stop="end", limit=24, temperature=0.1, top_k=50, top_p=0.95)
LANGUAGES = ("hi", "or", "bn", "te", "ta", "en")


def _decoder(tiny: tuple[Any, Any], task: GenerateTask, batched: bool = False) -> Decoder:
    model, tokenizer = tiny
    chooser = Chooser(task, 0, "cpu", batched)
    return Decoder(model, tokenizer, read_vocabulary(tokenizer, model), task, chooser)


def _in_order(stream: Iterator[Decoded]) -> list[Decoded]:
    return sorted(stream, key=lambda done: done.index)


@pytest.fixture(scope="module")
def real_prompts(mirror: Path, tiny: tuple[Any, Any]) -> list[tuple[str, list[int]]]:
    """Text and ids of two short test prompts in each of six languages."""
    encoder = Encoder(tiny[1], QA)
    data = [example for language in LANGUAGES for example in xquad_in(mirror, language, 2, longest=350)]
    return [(render(QA, example), encoder.prompt_ids(example)) for example in data]


@pytest.mark.parametrize("task", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_exact_is_the_plain_pipeline_token_for_token_on_real_text(
    tiny: tuple[Any, Any], real_prompts: list[tuple[str, list[int]]], task: GenerateTask
) -> None:
    generate = pipeline("text-generation", model=tiny[0], tokenizer=tiny[1], device="cpu")
    settings: dict[str, Any] = {"do_sample": False}
    if task.temperature:
        settings = {"do_sample": True, "temperature": 0.1, "top_k": 50, "top_p": 0.95}
    torch.manual_seed(0)
    theirs = [
        generate(text, max_new_tokens=task.limit, return_tensors=True, **settings)[0]["generated_token_ids"]
        for text, _ in real_prompts
    ]
    ids = [str(number) for number in range(len(real_prompts))]
    ours = list(_decoder(tiny, task).exact(ids, [prompt for _, prompt in real_prompts]))
    assert [done.index for done in ours] == list(range(len(real_prompts)))
    for (_, prompt), done, reference in zip(real_prompts, ours, theirs, strict=True):
        assert [*prompt, *done.ids] == list(reference)


def test_the_stream_of_a_cell_follows_its_seed_and_order(
    tiny: tuple[Any, Any], random_prompts: list[list[int]]
) -> None:
    hot = replace(SAMPLED, temperature=2.0)

    def run(seed: int, prompts: list[list[int]]) -> list[tuple[int, ...]]:
        model, tokenizer = tiny
        decoder = Decoder(
            model, tokenizer, read_vocabulary(tokenizer, model), hot, Chooser(hot, seed, "cpu", batched=False)
        )
        return [done.ids for done in decoder.exact([str(i) for i in range(len(prompts))], prompts)]

    assert run(0, random_prompts) == run(0, random_prompts)
    assert run(0, random_prompts) != run(1, random_prompts)
    assert run(0, random_prompts) != run(0, random_prompts[::-1])[::-1]


@pytest.fixture(scope="module")
def random_prompts(tiny: tuple[Any, Any]) -> list[list[int]]:
    """Prompts of unlike length in four scripts."""
    encoder = Encoder(tiny[1], QA)
    return [encoder.prompt_ids(example) for example in examples(12)]


@pytest.mark.parametrize("rows", [1, 3, 5, 12])
@pytest.mark.parametrize("stop", ["end", "newline"])
def test_fast_greedy_is_exact_greedy_whatever_the_batch(
    tiny: tuple[Any, Any], random_prompts: list[list[int]], rows: int, stop: Any
) -> None:
    task = replace(GREEDY, stop=stop)
    ids = [str(number) for number in range(len(random_prompts))]
    alone = _in_order(_decoder(tiny, task).exact(ids, random_prompts))
    together = _in_order(
        _decoder(tiny, task, batched=True).fast(ids, random_prompts, lambda length, asked: rows)
    )
    assert together == alone
    assert len({done.stop for done in alone}) > 1 or len({len(done.ids) for done in alone}) > 1


def test_fast_greedy_is_exact_greedy_on_real_text(
    tiny: tuple[Any, Any], real_prompts: list[tuple[str, list[int]]]
) -> None:
    prompts = [prompt for _, prompt in real_prompts]
    ids = [str(number) for number in range(len(prompts))]
    together = _in_order(_decoder(tiny, GREEDY, batched=True).fast(ids, prompts, lambda length, asked: 4))
    assert together == _in_order(_decoder(tiny, GREEDY).exact(ids, prompts))


def test_items_with_streams_of_their_own_do_not_feel_batch_or_order(
    tiny: tuple[Any, Any], random_prompts: list[list[int]]
) -> None:
    hot = replace(SAMPLED, temperature=1.5, stream="item")
    ids = [f"item-{number}" for number in range(len(random_prompts))]
    alone = _in_order(_decoder(tiny, hot).exact(ids, random_prompts))
    together = _in_order(_decoder(tiny, hot, batched=True).fast(ids, random_prompts, lambda length, asked: 5))
    backwards = _in_order(_decoder(tiny, hot).exact(ids[::-1], random_prompts[::-1]))
    assert together == alone
    assert [done.ids for done in backwards][::-1] == [done.ids for done in alone]
    twins = list(_decoder(tiny, hot).exact(["one", "other", "one"], random_prompts[:1] * 3))
    assert twins[0].ids == twins[2].ids != twins[1].ids


def test_one_stream_a_cell_is_refused_in_batches(tiny: tuple[Any, Any]) -> None:
    with pytest.raises(BadInput, match="depends on order and batch"):
        _decoder(tiny, SAMPLED, batched=True)


def test_a_lack_of_memory_halves_the_batch_and_changes_nothing(
    tiny: tuple[Any, Any], random_prompts: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny[0]
    ids = [str(number) for number in range(len(random_prompts))]
    alone = _in_order(_decoder(tiny, GREEDY).exact(ids, random_prompts))
    forward = model.forward
    sizes = []

    def scarce(input_ids: torch.Tensor, **arguments: Any) -> Any:
        sizes.append(len(input_ids))
        if len(input_ids) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return forward(input_ids=input_ids, **arguments)

    monkeypatch.setattr(model, "forward", scarce)
    together = _in_order(
        _decoder(tiny, GREEDY, batched=True).fast(ids, random_prompts, lambda length, asked: 12)
    )
    assert together == alone
    assert [size for size in sizes if size > 1][:3] == [12, 6, 3]


class _Scripted(torch.nn.Module):
    """A model whose next token depends on the last one alone: `chain` maps each token to the one after it."""

    def __init__(self, chain: dict[int, int], vocabulary: int) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(vocabulary, vocabulary), requires_grad=False)
        for token, following in chain.items():
            self.table[token, following] = 1.0
        self.generation_config = SimpleNamespace(eos_token_id=None)

    def forward(self, input_ids: torch.Tensor, past_key_values: Any = None, **arguments: Any) -> Any:
        cache = DynamicCache() if past_key_values is None else past_key_values
        return SimpleNamespace(logits=self.table[input_ids[:, -1:]], past_key_values=cache)


def _scripted(folder: Path, texts: Sequence[str], task: GenerateTask) -> tuple[list[Decoded], list[str]]:
    """Decode one item a text, whose tokens follow each other exactly; returns also what was decoded."""
    tokenizer = load_tokenizer(folder)
    done, raw = [], []
    for text in texts:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert len(set(ids)) == len(ids), "a chain cannot repeat a token"
        start = tokenizer.unk_token_id
        model = _Scripted(dict(zip([start, *ids], ids, strict=False)), len(tokenizer))
        decoder = Decoder(
            model, tokenizer, read_vocabulary(tokenizer, model), task, Chooser(task, 0, "cpu", batched=False)
        )
        one = next(decoder.exact(["a"], [[start]]))
        done.append(one)
        raw.append(tokenizer.decode(list(one.ids), skip_special_tokens=True))
    return done, raw


def test_a_newline_stops_only_after_the_first_visible_character(random_model: Path) -> None:
    texts = [" Kano\n Jon</s>", "\n Kano</s>", " Kano</s>"]
    done, raw = _scripted(random_model, texts, GenerateTask(stop="newline", limit=50))
    assert [one.stop for one in done] == ["newline", "end", "end"]
    assert raw == [" Kano\n", "\n Kano", " Kano"]
    done, raw = _scripted(random_model, texts, GenerateTask(stop="end", limit=50))
    assert [one.stop for one in done] == ["end", "end", "end"]
    assert raw == [" Kano\n Jon", "\n Kano", " Kano"]


def test_the_limit_counts_new_tokens_and_the_end_token_is_among_them(random_model: Path) -> None:
    tokenizer = load_tokenizer(random_model)
    length = len(tokenizer(" काठमांडू", add_special_tokens=False)["input_ids"])
    for limit, stop in ((length, "limit"), (length + 1, "end")):
        done, _ = _scripted(random_model, [" काठमांडू</s>"], GenerateTask(stop="newline", limit=limit))
        assert (done[0].stop, len(done[0].ids)) == (stop, limit)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", False),
        ("Kano", False),
        ("\n", False),
        (" \n \n", False),
        ("\n\n Kano", False),
        ("Kano\n", True),
        ("\n Kano\nJon", True),
        ("�\n", True),
        ("\u3000\n", False),
        ("Kano\r", False),
    ],
)
def test_a_line_is_complete_when_more_text_cannot_change_the_answer(text: str, complete: bool) -> None:
    assert line_is_complete(text) is complete
    tails = ["", "x", "\n", " x\ny", "\n\nx"]
    answers = {cut(text + tail).rstrip() for tail in tails}
    assert (len(answers) == 1) is complete


def test_the_vocabulary_finds_end_and_newline_tokens(random_model: Path, tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    vocabulary = read_vocabulary(tokenizer, model)
    assert vocabulary.end == (tokenizer.eos_token_id,)
    newline = tokenizer("\n", add_special_tokens=False)["input_ids"][0]
    assert newline in vocabulary.new_line
    for token in vocabulary.new_line:
        assert tokenizer.decode([token]).lstrip(" ").startswith("\n")
    assert set(vocabulary.new_line) <= vocabulary.with_newline


def test_spaces_may_come_before_the_break_and_anything_after_it(random_model: Path) -> None:
    tokenizer = load_tokenizer(random_model)
    words = ["  \n", " \n\nQ", "x\n", " \t\n"]
    tokenizer.add_tokens(words)
    model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=[7, 2, 8]))
    vocabulary = read_vocabulary(tokenizer, model)
    spaced, doubled, late, tabbed = tokenizer.convert_tokens_to_ids(words)
    assert {spaced, doubled} <= set(vocabulary.new_line)
    assert not {late, tabbed} & set(vocabulary.new_line)
    assert {spaced, doubled, late, tabbed} <= vocabulary.with_newline
    assert vocabulary.end == (tokenizer.eos_token_id, 7, 8)
    tokenizer.eos_token = None
    with pytest.raises(BadInput, match="end token"):
        read_vocabulary(tokenizer, SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=None)))
