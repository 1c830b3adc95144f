"""Teacher-forced log-likelihoods: of each token of a continuation, and of what may end the text after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from kit.job.memory import halving
from kit.job.padding import batches_by_length, left_padded, positions, takes_positions
from kit.job.vocabulary import Vocabulary


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
        self._pad = vocabulary.end[0]
        self._end = torch.tensor(vocabulary.end, device=self._device)
        self._newline = torch.tensor(vocabulary.new_line, device=self._device)
        self._positions = takes_positions(model)

    def exact(self, rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Iterator[Scored]:
        """Each row alone, in order."""
        for index in range(len(rows)):
            yield from self._run([index], rows)

    def fast(
        self, rows: Sequence[tuple[Sequence[int], Sequence[int]]], rows_for: Callable[[int], int]
    ) -> Iterator[Scored]:
        """Batches of like length, the longest first; `rows_for(length)` says how many rows make a batch."""
        for batch in batches_by_length([len(prompt) + len(tail) for prompt, tail in rows], rows_for):
            yield from halving(lambda indices: self._run(indices, rows), batch)

    def _run(self, batch: Sequence[int], rows: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Scored]:
        tokens, mask = left_padded([[*rows[i][0], *rows[i][1]] for i in batch], self._pad, self._device)
        arguments: dict[str, Any] = {}
        if not bool(mask.all()):
            arguments["attention_mask"] = mask
            if self._positions:
                arguments["position_ids"] = positions(mask)
        # Only the last columns are scored: with 250,880 tokens a whole prompt's logits would fill the memory.
        keep = 1 + max(len(rows[i][1]) for i in batch)
        with torch.inference_mode():
            output = self._model(
                input_ids=tokens, use_cache=False, logits_to_keep=keep, return_dict=True, **arguments
            )
            return [self._score(i, rows[i][1], output.logits[place]) for place, i in enumerate(batch)]

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
