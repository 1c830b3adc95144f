"""Choosing the next token: greedily, or by the protocol's sampling from one stream a cell or one an item."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from kit.job.failures import BadInput
from kit.jobdir import GenerateTask


class Chooser:
    """Turns scores of shape (rows, vocabulary), float32, into one token id a row.

    Greedy at temperature 0, the lowest id on a tie. Else temperature, top-k and top-p as transformers warps
    them, and a draw: from the `cell`'s one stream through torch's multinomial, in the order of the calls (the
    paper: seed set once, one prompt at a time), or from each `item`'s own stream, a uniform number in float64
    laid over the cumulated probabilities in the order of the ids, so that neither batch nor order matters.

    Raises:
        BadInput: one stream a cell is asked for in batches, where it would depend on the batch.
    """

    def __init__(self, task: GenerateTask, seed: int, device: str, batched: bool) -> None:
        self.greedy = task.temperature == 0
        self.by_item = task.stream == "item"
        if batched and not self.greedy and not self.by_item:
            raise BadInput(
                "Sampling from one stream a cell depends on order and batch: fast mode cannot do it.",
                "Use mode exact, stream item, or greedy decoding.",
            )
        self._seed = seed
        self._warpers = _warpers(task)
        self._stream = torch.Generator(device=device).manual_seed(seed)

    def streams(self, ids: Sequence[str]) -> list[torch.Generator]:
        """A fresh stream for each item, seeded from the cell's seed and the item's id."""
        return [torch.Generator().manual_seed(_item_seed(self._seed, id_)) for id_ in ids]

    def choose(self, scores: torch.Tensor, streams: Sequence[torch.Generator]) -> list[int]:
        """One id a row; `streams` are the rows' own, in order (unused unless the stream is the item's)."""
        if self.greedy:
            return list(scores.argmax(dim=-1).tolist())
        probabilities = torch.softmax(self._warpers(None, scores), dim=-1)
        if not self.by_item:
            drawn = torch.multinomial(probabilities, num_samples=1, generator=self._stream)
            return list(drawn.squeeze(1).tolist())
        cumulated = probabilities.double().cumsum(dim=-1)
        uniform = torch.stack([torch.rand(1, generator=stream, dtype=torch.float64) for stream in streams])
        total = cumulated[:, -1:]
        targets = (uniform.to(total.device) * total).minimum(torch.nextafter(total, torch.zeros_like(total)))
        return list(torch.searchsorted(cumulated, targets, right=True).squeeze(1).tolist())


def _warpers(task: GenerateTask) -> Any:
    if task.temperature == 0:
        return LogitsProcessorList()
    return LogitsProcessorList(
        [
            TemperatureLogitsWarper(task.temperature),
            TopKLogitsWarper(top_k=task.top_k),
            TopPLogitsWarper(top_p=task.top_p),
        ]
    )


def _item_seed(seed: int, item: str) -> int:
    digest = hashlib.sha256(f"{seed}\0{item}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1  # torch takes up to 2^63
