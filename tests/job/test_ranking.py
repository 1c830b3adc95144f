"""Ranking of gold answers among the spans of their contexts."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.data.example import Example
from kit.job.prompt import Encoder
from kit.job.ranking import Asked, Ranker, in_parts, ranked
from kit.job.scoring import Scored
from kit.job.spans import first_of, spans, words
from kit.jobdir import CellSpec, GenerateTask, ScoreTask
from kit.score import cut, f1
from tests.job.conftest import EMBEDDED, QA, RunJob, items

TEXTS = st.text(st.sampled_from("ab ,.कि्ଓଡ଼ିआ中文กำ 1’-\u200d"), max_size=30)

CONTEXT = "Mira lives in Kano, near the old market. Jon lives in Lima. The market of Kano opened in 1950."
SLICE = [
    Example("q0", "c0", CONTEXT, "Where does Mira live?", ("Kano",), "en"),
    Example("q1", "c0", CONTEXT, "Where does Jon live?", ("Lima", "in Lima"), "en"),
    Example("q2", "c0", CONTEXT, "When did the market open?", ("1950",), "en"),
    Example("q3", "c1", "ମୀରା କଟକରେ ରହନ୍ତି। ଜନ ପୁରୀରେ ରହନ୍ତି।", "ମୀରା କେଉଁଠି?", ("କଟକରେ",), "or"),
    Example("q4", "c2", "Nothing is said of it here.", "Who?", ("a stranger",), "en"),
]
SPANS = CellSpec("base-t", "data", QA, ScoreTask(continuations="spans"))
OWN = replace(SPANS, task=ScoreTask(continuations="spans", lead="own-words", limit=12))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mira, 1,000 (old).", ["Mira", "1", "000", "old"]),
        ("ଓଡ଼ିଶା। हिन्दी", ["ଓଡ଼ିଶା", "हिन्दी"]),
        ("中文 ab", ["中", "文", "ab"]),
        ("क\u200dष है", ["क\u200dष", "है"]),
        ("", []),
    ],
)
def test_words_keep_their_marks_and_shed_punctuation(text: str, found: list[str]) -> None:
    assert [text[a:b] for a, b in words(text)] == found


@given(TEXTS)
def test_words_are_disjoint_in_order_and_leave_no_letter_out(text: str) -> None:
    found = words(text)
    assert all(a < b for a, b in found) and all(one[1] <= two[0] for one, two in itertools.pairwise(found))
    inside = {at for a, b in found for at in range(a, b)}
    assert all(at in inside for at, char in enumerate(text) if char.isalnum())


@given(TEXTS, st.integers(1, 4))
def test_spans_are_all_runs_of_words(text: str, most: int) -> None:
    whole = words(text)
    found = list(spans(text, most))
    assert len(found) == len(set(found)) == sum(min(most, len(whole) - at) for at in range(len(whole)))


@pytest.mark.parametrize(
    ("text", "phrases", "found"),
    [
        ("It is in Kano, Nigeria", ["Kano"], "Kano"),
        ("it is in kano", ["Kano"], "kano"),
        ("in 19500 and 1950", ["1950"], "1950"),
        ("near Lima or Kano", ["Kano", "Lima"], "Lima"),
        ("New York City", ["New York", "New York City"], "New York City"),
        ("କଟକରେ", ["କଟକ"], None),
        ("Kanoa", ["Kano"], None),
        ("at $5", ["$5"], "$5"),
        ("nothing", ["", "  "], None),
    ],
)
def test_the_first_phrase_is_found_as_whole_words(text: str, phrases: list[str], found: str | None) -> None:
    place = first_of(text, phrases)
    assert (place and text[slice(*place)]) == found


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(AutoTokenizer.from_pretrained(EMBEDDED), QA)


def test_spans_have_the_golds_length_and_come_once(encoder: Encoder) -> None:
    asked = Ranker(encoder, SLICE).after_prompt(0)
    assert asked.gold[0] == "Kano" and asked.lead == ""
    texts = [text for text, _ in asked.others]
    assert len(texts) == len(set(texts)) > 3 and "Kano" not in texts
    assert {len(ids) for _, ids in asked.others} == {len(asked.gold[1])}
    assert all(text in CONTEXT for text in texts)
    for text, ids in (asked.gold, *asked.others):
        assert list(ids) == encoder.continuation_ids(SLICE[0], text)


def brute(encoder: Encoder, example: Example, length: int) -> set[str]:
    """Every span of whole words of that length, each tokenised where it is asked for."""
    found = {example.context[a:b] for a, b in spans(example.context, 99)}
    return {text for text in found if len(encoder.continuation_ids(example, text)) == length}


@pytest.mark.parametrize("at", range(5))
def test_no_span_of_that_length_is_missed(encoder: Encoder, at: int) -> None:
    asked = Ranker(encoder, SLICE).after_prompt(at)
    expected = brute(encoder, SLICE[at], len(asked.gold[1]))
    assert {text for text, _ in asked.others} == {
        text for text in expected if f1(text, list(SLICE[at].answers)) < 1
    }


def test_own_words_end_where_an_answer_begins(encoder: Encoder) -> None:
    ranker = Ranker(encoder, SLICE)
    told = ranker.after_own_words(0, "She lives in Kano now")
    assert told is not None and told.lead == "She lives in"
    text = encoder.tokenizer.decode(list(told.before))
    assert text.endswith("A: She lives in") and told.gold[0] == "Kano"
    foil = ranker.after_own_words(0, "I think Lima, perhaps Kano")
    assert foil is not None and foil.lead == "I think", "the answer to another question comes first"
    at_once = ranker.after_own_words(0, "Kano")
    assert at_once == ranker.after_prompt(0)
    assert ranker.after_own_words(0, "no idea") is None
    assert ranker.after_own_words(0, "Kanoa") is None


def scored(*sums: float) -> list[Scored]:
    return [Scored(at, (value,), -1.0, -1.0) for at, value in enumerate(sums)]


def test_rank_share_and_ceiling_by_hand() -> None:
    asked = Asked(0, (1,), "", ("old market", (5,)), (("Kano", (6,)), ("market of", (7,)), ("Lima", (8,))))
    found = ranked(asked, scored(-2.0, -1.0, -2.0, -9.0), ["old market"])
    assert (found["spans"], found["rank"], found["ties"]) == (4, 2, 1)
    total = sum(math.exp(value) for value in (-2, -1, -2, -9))
    assert found["share"] == pytest.approx(math.exp(-2) / total)
    assert (found["f1"], found["ceiling"]) == (0.0, 1.0)
    assert found["top"][0]["text"] == "Kano"


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 12))
def test_parts_keep_all_items_in_order(counts: list[int], most: int) -> None:
    asked = [Asked(at, (), "", ("", ()), (("x", (1,)),) * count) for at, count in enumerate(counts)]
    parts = list(in_parts(asked, most))
    assert [one.item for part in parts for one in part] == list(range(len(counts)))
    assert all(len(part) == 1 or sum(len(one.others) + 1 for one in part) <= most for part in parts)


def test_a_cell_of_spans_equals_scoring_each_alone(run_job: RunJob, encoder: Encoder) -> None:
    folder, _ = run_job([SPANS, replace(SPANS, mode="exact")], SLICE, {"base-t": EMBEDDED})
    rows, alone = items(folder, SPANS), items(folder, replace(SPANS, mode="exact"))
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32).eval()
    for row, exact, example in zip(rows, alone, SLICE, strict=True):
        ranking = row["ranking"]
        gold = row["continuations"][0]["text"]
        texts = [gold, *sorted(brute(encoder, example, len(row["continuations"][0]["tokens"])))]
        texts = [gold, *(text for text in texts[1:] if f1(text, list(example.answers)) < 1)]
        sums = [likelihood(model, encoder, example, text) for text in texts]
        assert ranking["spans"] == len(texts)
        assert ranking["rank"] == 1 + sum(one > sums[0] + 1e-5 for one in sums[1:])
        assert ranking["top"][0]["logprob"] == pytest.approx(max(sums), abs=1e-4)
        assert ranking["f1"] == pytest.approx(f1(texts[sums.index(max(sums))], list(example.answers)))
        assert exact["ranking"]["rank"] == ranking["rank"]
        assert exact["ranking"]["share"] == pytest.approx(ranking["share"], abs=1e-4)
    assert rows[0]["ranking"]["ceiling"] == 1.0 and rows[4]["ranking"]["ceiling"] == 1.0


def likelihood(model: torch.nn.Module, encoder: Encoder, example: Example, text: str) -> float:
    before, after = encoder.prompt_ids(example), encoder.continuation_ids(example, text)
    with torch.inference_mode():
        logits = model(torch.tensor([before + after])).logits[0].double()
    logs = logits.log_softmax(-1)
    return sum(float(logs[len(before) + at - 1, token]) for at, token in enumerate(after))


def test_own_words_are_the_greedy_answers(run_job: RunJob) -> None:
    greedy = replace(SPANS, task=GenerateTask(limit=12))
    folder, _ = run_job([OWN, greedy], SLICE, {"base-t": EMBEDDED})
    measured = 0
    for row, output, example in zip(items(folder, OWN), items(folder, greedy), SLICE, strict=True):
        answer = cut(output["raw"])
        phrases = [
            text for other in SLICE if other.context_id == example.context_id for text in other.answers
        ]
        place = first_of(answer, phrases)
        if place is None:
            assert row["ranking"] is None and row["continuations"] == []
        else:
            measured += 1
            assert row["ranking"]["lead"] == answer[: place[0]].strip()
    assert measured, "the embedded model names something of its contexts"


def test_questions_without_an_answer_are_not_ranked(run_job: RunJob, tmp_path: Path) -> None:
    unanswerable = [replace(SLICE[0], id="q9", answers=()), SLICE[0]]
    folder, _ = run_job([SPANS, OWN], unanswerable, {"base-t": EMBEDDED})
    for cell in (SPANS, OWN):
        assert items(folder, cell)[0]["ranking"] is None
    assert items(folder, SPANS)[1]["ranking"]["rank"] >= 1
