"""Decoding: one loop over the model with its cache, for one prompt at a time (`exact`) or batches (`fast`).

`exact` does what transformers' `generate` does with one prompt, step by step: greedy or sampling, same
tokens. `fast` takes prompts of like length together, padded on the left under the attention mask; a row that
has stopped leaves the batch. Both yield items as they are done, so a caller must not count on an order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

from kit.job.memory import halving
from kit.job.padding import batches_by_length, cache_name, left_padded, positions, takes_positions
from kit.job.sampling import Chooser
from kit.job.vocabulary import Vocabulary, decode_text, line_is_complete
from kit.jobdir import GenerateTask

Stop = Literal["end", "newline", "limit"]

_WORTH_SHRINKING = (
    0.75  # rows still running over rows held: dropping rows copies the cache, so not at every stop
)


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
        self, model: Any, tokenizer: Any, vocabulary: Vocabulary, task: GenerateTask, chooser: Chooser
    ) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._task = task
        self._chooser = chooser
        self._device = str(next(model.parameters()).device)
        self._pad = vocabulary.end[0]
        self._positions, self._cache = takes_positions(model), cache_name(model)

    def exact(self, ids: Sequence[str], prompts: Sequence[Sequence[int]]) -> Iterator[Decoded]:
        """Each prompt alone, in order. `ids` name the items, `prompts` are their token ids."""
        for index in range(len(prompts)):
            yield from self._run([index], ids, prompts)

    def fast(
        self, ids: Sequence[str], prompts: Sequence[Sequence[int]], rows_for: Callable[[int], int]
    ) -> Iterator[Decoded]:
        """Batches of like length, the longest first; `rows_for(length)` says how many rows make a batch."""
        for batch in batches_by_length([len(prompt) for prompt in prompts], rows_for):
            yield from halving(lambda rows: self._run(rows, ids, prompts), batch)

    def _run(
        self, batch: Sequence[int], ids: Sequence[str], prompts: Sequence[Sequence[int]]
    ) -> list[Decoded]:
        streams = self._chooser.streams([ids[index] for index in batch])
        rows = [_Row(index, stream) for index, stream in zip(batch, streams, strict=True)]
        with torch.inference_mode():
            self._decode(rows, [prompts[index] for index in batch])
        return [Decoded(row.index, tuple(row.new), row.stop) for row in rows if row.stop is not None]

    def _decode(self, held: list[_Row], prompts: list[Sequence[int]]) -> None:
        """Run all rows until each has stopped."""
        tokens, mask = left_padded(prompts, self._pad, self._device)
        padded = not bool(mask.all())
        cache = None
        while True:
            output = self._step(tokens, mask if padded else None, cache)
            cache = getattr(output, self._cache)
            chosen = self._chooser.choose(output.logits[:, -1].float(), [row.stream for row in held])
            for row, token in zip(held, chosen, strict=True):
                self._take(row, token)
            running = [place for place, row in enumerate(held) if row.stop is None]
            if not running:
                return
            if len(running) <= _WORTH_SHRINKING * len(held):
                kept = torch.tensor(running, device=self._device)
                cache.batch_select_indices(kept)
                mask, held, chosen = mask[kept], [held[i] for i in running], [chosen[i] for i in running]
            tokens = torch.tensor(chosen, device=self._device).unsqueeze(1)
            mask = torch.cat([mask, mask.new_ones(len(held), 1)], dim=1)

    def _step(self, tokens: torch.Tensor, mask: torch.Tensor | None, cache: Any) -> Any:
        arguments: dict[str, Any] = {self._cache: cache}
        if mask is not None:
            arguments["attention_mask"] = mask
            if self._positions:
                arguments["position_ids"] = positions(mask)[:, -tokens.shape[1] :]
        return self._model(
            input_ids=tokens,
            use_cache=True,
            logits_to_keep=1,
            return_dict=True,
            **arguments,
        )

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
