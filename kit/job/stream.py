"""The order of training: which examples make which batch, which batches make which optimizer step.

The paper's trainer groups by length, counts ⌊batches an epoch / accumulation⌋ x epochs optimizer steps and
lets accumulation run on across the ends of epochs: 103 examples in batches of 4 (the last one of an epoch
holds 3), four to a step, ten epochs: 26 batches an epoch, 60 steps, the epochs end during the steps 7, 13,
20, 26 ... (after 6, 13, 19, 26, 32, 39, 45, 52, 58 whole ones), and batch 240 of 260 is the last. A per-epoch
trainer closes every epoch with a step of what is left: 70 steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from transformers.trainer_pt_utils import get_length_grouped_indices

from kit.jobdir import TrainerSettings


@dataclass(frozen=True)
class Batch:
    """One micro-batch: indices of its examples, and the epoch (from 1) that it belongs to."""

    examples: tuple[int, ...]
    epoch: int


@dataclass(frozen=True)
class Step:
    """One optimizer step: the micro-batches whose gradients are added up for it."""

    batches: tuple[Batch, ...]


def plan_steps(lengths: Sequence[int], settings: TrainerSettings, seed: int) -> list[Step]:
    """All optimizer steps of a tuning, in order. `lengths` are the examples' token counts.

    A function of its arguments alone: a generator of its own, seeded by `seed`, draws the order of every
    epoch.

    Raises:
        ValueError: there are no examples.
    """
    if not lengths:
        raise ValueError("there are no examples to tune on")
    per_epoch = -(-len(lengths) // settings.batch)
    # An epoch that does not fill one step makes one all the same: the paper's trainer counts at least one.
    carried = settings.accumulate == "carried" and per_epoch >= settings.accumulation
    whole, left = divmod(per_epoch, settings.accumulation)
    count = settings.steps or (whole if carried else whole + bool(left)) * settings.epochs
    steps: list[Step] = []
    waiting: list[Batch] = []
    generator = torch.Generator().manual_seed(seed)
    epoch = 0
    while len(steps) < count:
        epoch += 1
        waiting += _epoch(lengths, settings, generator, epoch)
        while len(waiting) >= settings.accumulation or (waiting and not carried):
            steps.append(Step(tuple(waiting[: settings.accumulation])))
            del waiting[: settings.accumulation]
    return steps[:count]


def epoch_ends(steps: Sequence[Step]) -> list[int]:
    """The number of whole optimizer steps at the end of each epoch that the steps reach the end of.

    Of the last epoch it is known only where another one follows or it fills its last step.
    """
    epochs = [(batch.epoch, number) for number, step in enumerate(steps) for batch in step.batches]
    return [
        number + (following[1] > number)
        for (epoch, number), following in pairwise(epochs)
        if following[0] > epoch
    ]


def _epoch(
    lengths: Sequence[int], settings: TrainerSettings, generator: torch.Generator, epoch: int
) -> list[Batch]:
    if settings.length_groups:
        # The trainer groups by what goes into one step, not into one batch.
        group = settings.batch * settings.accumulation
        order = get_length_grouped_indices(list(lengths), group, generator=generator)
    else:
        order = torch.randperm(len(lengths), generator=generator).tolist()
    return [
        Batch(tuple(order[start : start + settings.batch]), epoch)
        for start in range(0, len(order), settings.batch)
    ]
