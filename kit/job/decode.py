"""Decoding: one loop over the model with its cache, for one prompt at a time (`exact`) or batches (`fast`).

`exact` does what transformers' `generate` does with one prompt, step by step: greedy or sampling, same
tokens. `fast` runs what prompts have in common once (`prefix`) and decodes many of them together; a row that has
stopped leaves the batch. Both yield items as they are done, so a caller must not count on an order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from kit.job.constrain import Constraint
from kit.job.memory import halving
from kit.job.prefix import Fit, Opened, Sharing, batches_of
from kit.job.sampling import Chooser
from kit.job.vocabulary import Vocabulary, decode_text, line_is_complete
from kit.jobdir import GenerateTask

Stop = Literal["end", "newline", "limit"]

_WORTH_SHRINKING = 0.9
"""Rows still running over rows held: dropping rows copies parts of the cache, so not at every stop."""


@dataclass(frozen=True)
class Decoded:
    """The new tokens of the item at `index`, the stopping one among them, and why decoding ended."""

    index: int
    ids: tuple[int, ...]
    stop: Stop


@dataclass
class _Row:
    """One item while it is being decoded."""

    index: int
    stream: torch.Generator
    new: list[int] = field(default_factory=list)
    stop: Stop | None = None


class Decoder:
    """Decodes prompts under one task. `pad` is any id: masked positions do not reach the others."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        vocabulary: Vocabulary,
        task: GenerateTask,
        chooser: Chooser,
        constraint: Constraint | None = None,
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._task = task
        self._chooser = chooser
        self._constraint = constraint
        self._device = str(next(model.parameters()).device)
        self._sharing = Sharing(model, vocabulary.end[0])

    def exact(self, ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> Iterator[Decoded]:
        """Each prompt alone, in order. `ids` name the items, `prompts` are their token ids."""
        for index in range(len(prompts)):
            yield from self._run([index], ids, prompts)

    def fast(self, ids: Sequence[str], prompts: Sequence[Sequence[int]], rows_for: Fit) -> Iterator[Decoded]:
        """Batches of prompts, those that begin alike together; where a model's cache does not allow that, of like
        length. `rows_for` says how many rows make a batch.
        """
        for batch in batches_of(self._model, prompts, [len(prompt) for prompt in prompts], rows_for):
            yield from halving(lambda rows: self._run(rows, ids, prompts), batch)

    def _run(
        self, batch: Sequence[int], ids: Sequence[str], prompts: Sequence[Sequence[int]]
    ) -> list[Decoded]:
        own = [prompts[index] for index in batch]
        with torch.inference_mode():
            opened = self._sharing.open(own, own, 1, self._task.limit)
            streams = self._chooser.streams([ids[batch[place]] for place in opened.order])
            rows = [_Row(batch[place], stream) for place, stream in zip(opened.order, streams, strict=True)]
            allowed = None
            if self._constraint is not None:
                allowed = self._constraint.allowed([own[place] for place in opened.order], self._device)
            self._decode(list(rows), opened, allowed)
        return [Decoded(row.index, tuple(row.new), row.stop) for row in rows if row.stop is not None]

    def _decode(self, held: list[_Row], opened: Opened, allowed: torch.Tensor | None) -> None:
        """Run all rows until each has stopped; `allowed` (rows, vocabulary) tokens alone are chosen."""
        logits = torch.stack([own[-1] for own in opened.logits])
        mask, columns = opened.mask, opened.columns
        while True:
            scores = logits.float()
            if allowed is not None:
                scores = scores.masked_fill(~allowed, -torch.inf)
            chosen = self._chooser.choose(scores, [row.stream for row in held])
            for row, token in zip(held, chosen, strict=True):
                self._take(row, token)
            running = _compact([row.stop is None for row in held])
            if not running:
                return
            if len(running) <= _WORTH_SHRINKING * len(held):
                kept = torch.tensor(running, device=self._device)
                opened.cache.batch_select_indices(kept)
                mask, held, chosen = mask[kept], [held[i] for i in running], [chosen[i] for i in running]
                allowed = None if allowed is None else allowed[kept]
            columns += 1
            tokens = torch.tensor(chosen, device=self._device).unsqueeze(1)
            logits = self._sharing.step(tokens, mask[:, :columns], opened.cache, opened.plain).logits[:, -1]

    def _take(self, row: _Row, token: int) -> None:
        if row.stop is not None:
            return  # it has stopped already and only waits to leave the batch
        row.new.append(token)
        if token in self._vocabulary.end:
            row.stop = "end"
        elif self._task.stop == "newline" and token in self._vocabulary.with_newline and self._line_ends(row):
            row.stop = "newline"
        elif len(row.new) >= self._task.limit:
            row.stop = "limit"

    def _line_ends(self, row: _Row) -> bool:
        return line_is_complete(decode_text(self._tokenizer, row.new))


def _compact(runs: Sequence[bool]) -> list[int]:
    """The places of the rows that run, the last of them moved into the places of those that do not."""
    count = sum(runs)
    behind = [place for place in range(count, len(runs)) if runs[place]]
    return [place if runs[place] else behind.pop() for place in range(count)]
