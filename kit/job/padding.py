"""Rows of unlike length as one batch: padded on the left, so that all of them end in the last column."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch


def left_padded(rows: Sequence[Sequence[int]], pad: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids and attention mask of shape (rows, longest), both int64; a row's own ids are on the right."""
    longest = max(len(row) for row in rows)
    ids = torch.tensor([[pad] * (longest - len(row)) + list(row) for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids.to(device), mask.to(device)


def takes_positions(model: Any) -> bool:
    """Whether the model must be told each token's position; BLOOM reads it off the attention mask (ALiBi)."""
    return "position_ids" in _parameters(model)


def cache_name(model: Any) -> str:
    """What the model calls its keys and values: `cache` from transformers 5.24 on, `past_key_values` before."""
    return "cache" if "cache" in _parameters(model) else "past_key_values"


def _parameters(model: Any) -> Mapping[str, inspect.Parameter]:
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return inspect.signature(inner.forward).parameters


def positions(mask: torch.Tensor) -> torch.Tensor:
    """Each column's position counted from its row's first own id; shape as the mask."""
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)


def batches_by_length(lengths: Sequence[int], rows_for: Callable[[int], int]) -> Iterator[list[int]]:
    """Indices in batches of like length, the longest first, so that a lack of memory shows at once.

    `rows_for(length)` says how many rows of at most that length fit; at least one is taken.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    start = 0
    while start < len(order):
        count = max(1, rows_for(lengths[order[start]]))
        yield order[start : start + count]
        start += count
