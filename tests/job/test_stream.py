"""The order of training: the paper's sixty steps, today's seventy, what seeds and settings change."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.job.stream import Step, epoch_ends, plan_steps
from kit.jobdir import TrainerSettings

PAPER = TrainerSettings()
LENGTHS = [50 + (37 * number) % 91 for number in range(103)]


def _examples(steps: list[Step]) -> list[int]:
    return [example for step in steps for batch in step.batches for example in batch.examples]


def test_the_paper_takes_sixty_steps_whose_epochs_end_where_its_trainer_ended_them() -> None:
    steps = plan_steps(LENGTHS, PAPER, seed=42)
    assert len(steps) == 60
    assert epoch_ends(steps) == [6, 13, 19, 26, 32, 39, 45, 52, 58]
    assert sum(len(step.batches) for step in steps) == 240  # of the 260 that ten epochs have
    assert {len(step.batches) for step in steps} == {4}


def test_an_epoch_ends_in_a_batch_of_three_and_shows_every_example_once() -> None:
    batches = [batch for step in plan_steps(LENGTHS, PAPER, seed=42) for batch in step.batches]
    for epoch in range(1, 10):
        own = [batch for batch in batches if batch.epoch == epoch]
        assert [len(batch.examples) for batch in own] == [4] * 25 + [3]
        assert sorted(example for batch in own for example in batch.examples) == list(range(103))
    assert sum(batch.epoch == 10 for batch in batches) == 6


def test_closing_every_epoch_takes_seventy_steps() -> None:
    steps = plan_steps(LENGTHS, replace(PAPER, accumulate="per-epoch"), seed=42)
    assert len(steps) == 70
    assert [len(step.batches) for step in steps[:7]] == [4, 4, 4, 4, 4, 4, 2]
    assert epoch_ends(steps) == [7, 14, 21, 28, 35, 42, 49, 56, 63]


def test_both_ways_show_the_same_batches_in_the_same_order() -> None:
    carried = plan_steps(LENGTHS, PAPER, seed=42)
    closed = plan_steps(LENGTHS, replace(PAPER, accumulate="per-epoch"), seed=42)
    assert _examples(carried) == _examples(closed)[: len(_examples(carried))]


def test_the_seed_decides_the_order_and_nothing_else_does() -> None:
    assert plan_steps(LENGTHS, PAPER, seed=42) == plan_steps(LENGTHS, PAPER, seed=42)
    assert plan_steps(LENGTHS, PAPER, seed=42) != plan_steps(LENGTHS, PAPER, seed=43)
    epochs = plan_steps(LENGTHS, replace(PAPER, accumulation=26), seed=42)
    assert _examples(epochs[:1]) != _examples(epochs[1:2])


def test_length_groups_make_steps_of_like_length() -> None:
    def spread(grouped: bool) -> float:
        steps = plan_steps(LENGTHS, replace(PAPER, length_groups=grouped), seed=42)
        batches = [[LENGTHS[i] for i in batch.examples] for step in steps for batch in step.batches]
        return sum(max(batch) - min(batch) for batch in batches) / len(batches)

    assert spread(True) < spread(False) / 2


def test_the_group_is_what_goes_into_a_step_and_the_longest_example_comes_first() -> None:
    steps = plan_steps(LENGTHS, PAPER, seed=42)
    first = [LENGTHS[example] for example in _examples(steps)[:103]]  # the first epoch
    assert first[0] == max(LENGTHS)
    groups = [first[start : start + 16] for start in range(0, 103, 16)]
    falls = [sum(left < right for left, right in pairwise(group)) for group in groups]
    assert sum(falls) <= 2  # each sorted, but for the longest example of all, which changed places
    assert all(group[-1] < following[1] for group, following in pairwise(groups[:-1]))


def test_steps_overrule_epochs() -> None:
    assert len(plan_steps(LENGTHS, replace(PAPER, steps=7), seed=42)) == 7
    assert len(plan_steps(LENGTHS, replace(PAPER, steps=150), seed=42)) == 150


def test_an_epoch_smaller_than_a_step_is_a_step() -> None:
    steps = plan_steps([5, 6, 7], PAPER, seed=42)
    assert len(steps) == PAPER.epochs
    assert all(sorted(_examples([step])) == [0, 1, 2] for step in steps)


def test_no_examples_are_refused() -> None:
    with pytest.raises(ValueError, match="no examples"):
        plan_steps([], PAPER, seed=42)


@given(
    count=st.integers(1, 60),
    batch=st.integers(1, 7),
    accumulation=st.integers(1, 6),
    epochs=st.integers(1, 4),
    accumulate=st.sampled_from(["carried", "per-epoch"]),
)
def test_the_count_follows_the_trainers_arithmetic(
    count: int, batch: int, accumulation: int, epochs: int, accumulate: str
) -> None:
    settings = TrainerSettings(epochs=epochs, batch=batch, accumulation=accumulation, accumulate=accumulate)  # type: ignore[arg-type]
    steps = plan_steps(list(range(1, count + 1)), settings, seed=0)
    batches = -(-count // batch)
    whole = max(batches // accumulation, 1) if accumulate == "carried" else -(-batches // accumulation)
    assert len(steps) == whole * epochs
    seen = _examples(steps)
    assert all(seen.count(example) <= epochs for example in set(seen))
