"""The audit: its counts on texts whose truth is known, and its tokens against those of the job, on real data."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.audit import (
    Pool,
    Tokenization,
    TokenRule,
    audit_texts,
    count_tokens,
    length_ratio,
    overlaps,
    translation_quality,
)
from kit.catalog import Catalog, Locations, load_examples
from kit.data.example import Example
from kit.jobdir import Prompt

QA = Prompt("{context}\n\nQ: {question}\nA:", " ", "written")
EMBEDDED = Path(__file__).resolve().parents[2] / "kit" / "catalog" / "embedded" / "tiny-bloom"


def example(
    name: str, context: str = "Anna lives in Bonn.", answer: str = "Bonn", question: str = "Where?"
) -> Example:
    return Example(name, context, context, question, (answer,), "en")


def test_answers_are_looked_up_word_for_word_in_unicode_normal_form() -> None:
    found = audit_texts(
        [
            example("1"),
            example("2", answer="bonn", question="?"),  # another case is another word
            example(
                "3", context="Cafe\u0301 Zug", answer="Café"
            ),  # decomposed in the context, composed in the answer
            example("4", answer="Wien", question="!"),
        ],
        "Latn",
    )
    assert (found.items, found.contexts, found.verbatim) == (4, 2, 0.5)
    assert (found.context_words.max, found.answer_words.median) == (4, 1)


def test_what_comes_twice_and_what_is_in_another_script() -> None:
    found = audit_texts(
        [example("1"), example("1", question="Who?"), example("2", context="ANNA lives  in Bonn.")], "Latn"
    )
    assert (found.same_ids, found.same_texts, found.other_script) == (1, 1, 0)
    found = audit_texts([example("1", context="Анна живёт в Bonn"), example("2")], "Cyrl")
    assert found.other_script == 1


def test_overlap_by_id_by_context_and_by_question() -> None:
    pool = Pool.of("x", "en", "test", [example("1"), example("9", context="Else.", question="Q")])
    other = Pool.of("y", "en", "test", [example("8", context="Nothing of it.")])
    train = [example("1", context="Only the id."), example("2", question="Another?"), example("3")]
    (one,) = overlaps(train, [other, pool])
    assert (one.dataset, one.ids, one.contexts, one.items) == ("x", 1, 2, 1)


def test_the_length_ratio_counts_a_repeated_context_once() -> None:
    assert length_ratio(["abc", "abc", "abcdef"], ["ab", "ab", "abcd"]) == 1.5
    with pytest.raises(ValueError, match="1 translations of 2"):
        length_ratio(["a"], ["a", "b"])


def test_quality_counts_a_repeated_context_once() -> None:
    same = translation_quality(["ein Haus am See"] * 2, ["ein Haus am See"] * 2, ["a", "a"])
    assert (round(same.bleu), round(same.chrf), same.contexts) == (100, 100, 1)
    mixed = translation_quality(["ein Haus am See", "xx"], ["ein Haus am See", "yy zz"], ["a", "b"])
    assert mixed.contexts == 2 and 49 < mixed.bleu < 51
    with pytest.raises(ValueError, match="2 translations"):
        translation_quality(["a", "b"], ["a"], ["a"])


@pytest.mark.parametrize(
    ("dataset", "language"), [("xquad-in", "hi"), ("xquad-mt-nllb", "ru"), ("xquad-in", "or")]
)
@pytest.mark.parametrize("start_token", ["written", "none", "tokenizer"])
def test_tokens_are_those_of_the_job(
    mirror: Path, tmp_path: Path, dataset: str, language: str, start_token: str
) -> None:
    transformers = pytest.importorskip("transformers")
    from kit.job.prompt import Encoder

    examples = load_examples(
        Catalog.load(), dataset, language, "train", Locations(mirror, tmp_path, offline=True)
    )
    prompt = Prompt(QA.template, QA.joint, start_token)  # type: ignore[arg-type]
    tokenizer = transformers.AutoTokenizer.from_pretrained(EMBEDDED)
    encoder = Encoder(tokenizer, prompt)
    for limit in (1024, 300):
        found = count_tokens(examples, Tokenization(EMBEDDED), TokenRule(prompt, limit))
        texts = [encoder.training_text(e, limit, "right", tokenizer.eos_token_id) for e in examples]
        whole = [encoder.training_text(e, 1 << 30, "right", tokenizer.eos_token_id) for e in examples]
        assert list(found.lengths) == [len(text.ids) for text in whole]
        assert found.cut == sum(text.cut for text in texts)
        assert found.answers_cut == sum(text.answer_cut for text in texts)
        assert found.answers_lost == sum(text.answer_cut and text.answer_start >= limit for text in texts)
        assert limit > 300 or found.answers_cut > 20
