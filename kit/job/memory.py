"""How many rows fit into one batch: from the tokens that the job allows, or from the memory that is free."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch

from kit.job.failures import classify
from kit.job.usage import memory_limit
from kit.jobdir import FailureCode

T = TypeVar("T")

# Beyond them a CPU gains nothing: it is busy, and padding grows.
_CPU_TOKENS, _CPU_ROWS = 4096, 32
_SHARE = 0.6  # of the free memory; the rest is for fragments and what the estimate does not see


def rows_that_fit(
    model: Any, new_tokens: int, batch_tokens: int | None, device: str
) -> Callable[[int, int], int]:
    """A function from the longest row's length, and the most ids of a row that are run at once, to rows in a batch.

    `new_tokens` are those that each row may grow by. Where the job names no `batch_tokens`, the count follows
    the free memory and a row's estimated bytes: cache, attention scores of one layer, activations and logits.
    """
    if batch_tokens is not None:
        return lambda length, asked: batch_tokens // (length + new_tokens)
    free = _free_bytes(device) * _SHARE
    shape = _Shape(model)

    def rows(length: int, asked: int) -> int:
        fit = int(free // shape.bytes_of_row(length, asked, new_tokens))
        return fit if device == "cuda" else min(fit, _CPU_ROWS, _CPU_TOKENS // (asked + 1))

    return rows


def halving(run: Callable[[Sequence[int]], list[T]], rows: Sequence[int]) -> Iterator[T]:
    """Run a batch; where memory does not suffice, run its halves instead, down to single rows.

    `run` must start afresh each time it is called. A lack of memory for a single row is raised.
    """
    try:
        done = run(rows)
    except (RuntimeError, MemoryError) as error:
        if len(rows) == 1 or classify(error).code != FailureCode.OUT_OF_MEMORY:
            raise
        done = None
    if done is not None:
        yield from done
        return
    gc.collect()  # outside the handler: its traceback would hold the failed batch's tensors
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    middle = len(rows) // 2
    yield from halving(run, rows[:middle])
    yield from halving(run, rows[middle:])


class _Shape:
    """The sizes of a decoder that decide on its memory."""

    def __init__(self, model: Any) -> None:
        config = model.config.get_text_config()  # of a model that sees pictures too, its text part
        self.layers = config.num_hidden_layers
        self.heads = config.num_attention_heads
        self.hidden = config.hidden_size
        self.vocabulary = config.vocab_size
        head = getattr(config, "head_dim", None) or self.hidden // self.heads
        self.cached = 2 * head * (getattr(config, "num_key_value_heads", None) or self.heads)
        self.size = next(model.parameters()).element_size()

    def bytes_of_row(self, length: int, asked: int, new_tokens: int) -> int:
        whole = length + new_tokens
        cache = self.layers * self.cached * whole * self.size
        # Scores, their softmax in float32, dropout.
        attention = self.heads * asked * length * (2 * self.size + 4)
        activations = 16 * self.hidden * asked * self.size
        logits = 12 * self.vocabulary
        return int(cache + attention + activations + logits)


def _free_bytes(device: str) -> int:
    if device == "cuda":
        torch.cuda.empty_cache()
        return int(torch.cuda.mem_get_info()[0])
    free, limit = _available_bytes(), memory_limit()
    # What the control group counts holds the page cache too, which it gives back; the process itself does not.
    return free if limit is None else max(0, min(free, limit - psutil.Process().memory_info().rss))


def _available_bytes() -> int:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 4 << 30
