"""Teacher-forced log-likelihoods: of each token of a continuation, and of what may end the text after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from kit.job.memory import halving
from kit.job.prefix import Fit, Sharing, batches_of
from kit.job.vocabulary import Vocabulary

Row = tuple[Sequence[int], Sequence[int]]
"""Ids of a prompt, and of what is to follow it."""


@dataclass(frozen=True)
class Scored:
    """Natural logarithms for the row at `index`.

    `tokens`: p(token | prompt, tokens before it), one a token of the continuation. `end`: p(an end token) and
    `newline`: p(a token that begins a new line, after spaces or none), both right after the continuation.
    """

    index: int
    tokens: tuple[float, ...]
    end: float
    newline: float


class Scorer:
    """Scores rows of (prompt ids, continuation ids) under one model."""

    def __init__(self, model: Any, vocabulary: Vocabulary) -> None:
        self._model = model
        self._device = str(next(model.parameters()).device)
        self._sharing = Sharing(model, vocabulary.end[0])
        self._end = torch.tensor(vocabulary.end, device=self._device)
        self._newline = torch.tensor(vocabulary.new_line, device=self._device)

    def exact(self, rows: Sequence[Row]) -> Iterator[Scored]:
        """Each row alone, in order."""
        for index in range(len(rows)):
            yield from self._run([index], rows)

    def fast(self, rows: Sequence[Row], rows_for: Fit) -> Iterator[Scored]:
        """Batches of rows, those that begin alike together; where a model's cache does not allow that, of like length.
        `rows_for` says how many rows make a batch.
        """
        lengths = [len(prompt) + len(tail) for prompt, tail in rows]
        for batch in batches_of(self._model, [prompt for prompt, _ in rows], lengths, rows_for):
            yield from halving(lambda indices: self._run(indices, rows), batch)

    def _run(self, batch: Sequence[int], rows: Sequence[Row]) -> list[Scored]:
        whole = [[*rows[i][0], *rows[i][1]] for i in batch]
        # Only the last columns are scored: with 250,880 tokens a whole prompt's logits would fill the memory.
        keep = 1 + max(len(rows[i][1]) for i in batch)
        with torch.inference_mode():
            opened = self._sharing.open([rows[i][0] for i in batch], whole, keep, 0)
            return [
                self._score(batch[at], rows[batch[at]][1], own)
                for at, own in zip(opened.order, opened.logits, strict=True)
            ]

    def _score(self, index: int, tail: Sequence[int], logits: torch.Tensor) -> Scored:
        logs = torch.log_softmax(
            logits[-(len(tail) + 1) :].float(), dim=-1
        )  # (tokens of the tail + 1, vocabulary)
        after = logs[-1]
        own = logs[:-1].gather(1, torch.tensor(list(tail), device=logs.device, dtype=torch.long).unsqueeze(1))
        return Scored(
            index,
            tuple(own.squeeze(1).tolist()),
            float(torch.logsumexp(after[self._end], dim=0)),
            float(torch.logsumexp(after[self._newline], dim=0)),
        )
