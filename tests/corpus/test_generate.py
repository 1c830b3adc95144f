"""Documents and examples: deterministic, parallel, answerable, and never of two splits at once."""

from __future__ import annotations

import hashlib
from itertools import islice

import pytest

from kit.corpus import SIZES, SPLITS, Item, documents, examples, load_templates, scenes, split_of

CODES = sorted(load_templates().languages)


def _digest(items: list[Item]) -> str:
    return hashlib.sha256(repr(items).encode()).hexdigest()


def test_examples_are_the_same_every_time_and_differ_by_seed() -> None:
    assert examples("hi", "dev") == examples("hi", "dev")
    assert examples("hi", "dev") != examples("hi", "dev", seed=1)


def test_examples_are_pinned() -> None:
    """The data of stored cells: a change here makes every cell on this corpus a new one."""
    digest = _digest([item for code in CODES for split in sorted(SIZES) for item in examples(code, split)])
    assert digest[:16] == "e4b997f8c8f11190"


@pytest.mark.parametrize("code", CODES)
def test_sizes_and_ids(code: str) -> None:
    for split, size in SIZES.items():
        items = examples(code, split)
        assert len(items) == size
        assert len({item.id for item in items}) == size
        assert {item.id.rpartition("-")[0] == item.context_id for item in items} == {True}
    assert examples(code, "test")[1].id == "tiny-test-00000-1"
    assert examples(code, "test")[3].context_id == "tiny-test-00001"


@pytest.mark.parametrize("code", CODES)
def test_gold_stands_in_the_context_word_for_word(code: str) -> None:
    for split in SIZES:
        for item in examples(code, split):
            assert item.answer in item.context
            assert item.answer in item.sentence
            assert len(item.sentence.split()) > len(item.answer.split())


def test_all_languages_tell_the_same_scenes() -> None:
    told = {code: list(documents(code, "test", 40)) for code in CODES}
    for parallel in zip(*told.values(), strict=True):
        assert len({document.scene for document in parallel}) == 1
        assert len({document.context_id for document in parallel}) == 1
        assert len({tuple(item.relation for item in document.items) for document in parallel}) == 1
        assert len({document.context for document in parallel}) == len(CODES)


def test_a_longer_run_begins_with_the_shorter_one() -> None:
    assert list(documents("te", "dev", 5)) == list(islice(documents("te", "dev", 50), 5))


def test_splits_share_no_fact() -> None:
    facts = {
        split: {f for seed in (0, 1) for scene in islice(scenes(split, seed, 1, 4), 500) for f in scene.facts}
        for split in SPLITS
    }
    for split, stated in facts.items():
        assert stated
        assert {split_of(fact) for fact in stated} == {split}
    assert sum(map(len, facts.values())) == len(set().union(*facts.values()))


def test_no_scene_of_a_split_is_told_twice() -> None:
    told = [frozenset(document.scene.facts) for document in documents("en", "test", 400)]
    assert len(set(told)) == len(told)


def test_a_question_has_one_answer() -> None:
    for document in documents("en", "test", 200):
        asked = [(fact.person, fact.relation) for fact in document.scene.facts]
        assert len(set(asked)) == len(asked)


@pytest.mark.parametrize(("code", "split"), [("xx", "test"), ("en", "pretrain"), ("en", "validation")])
def test_unknown_languages_and_splits_are_refused(code: str, split: str) -> None:
    with pytest.raises(KeyError, match=code if code == "xx" else split):
        examples(code, split)
