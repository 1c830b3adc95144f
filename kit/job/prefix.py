"""Prompts that begin alike: what they share goes through the model once, and each row continues from there.

Some five questions are asked of one long context, so of five prompts four fifths of the tokens are the same. A group's
shared ids are run once; their keys and values are laid into the cache of every row of the group; then only the rest
of each row is run. A row's columns, P being the longest prefix and S the longest rest of the batch:

    | left out | prefix | left out | rest | what is decoded ...
    0                   P                 P + S

What is left out is masked, and positions are counted over what is not: a row's scores are those that it has alone, to
the rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from kit.job.padding import batches_by_length, cache_name, left_padded, positions, takes_positions

Ids = Sequence[int]
Fit = Callable[[int, int], int]
"""How many rows make a batch: from the longest row's length, and the most ids of a row that are run at once."""

# Columns that prefixes, and rests, are run together up to. A CPU is busy with few, and padding costs; a GPU is not.
_TOGETHER = {"cpu": 1, "cuda": 32_768}
_AT_ONCE = {"cpu": 512, "cuda": 16_384}


@dataclass(frozen=True)
class Group:
    """Rows whose first `length` ids are the same; `length` is less than any of their prompts."""

    length: int
    rows: tuple[int, ...]


def groups(prompts: Sequence[Ids]) -> list[Group]:
    """All rows, in groups that save work: each next row joins where that leaves fewer ids to run.

    A row that joins none is a group of its own, all but its last id being the prefix.
    """
    found: list[Group] = []
    for row in sorted(range(len(prompts)), key=lambda row: list(prompts[row])):
        alone = len(prompts[row]) - 1
        last = found[-1] if found else Group(0, ())
        common = min(last.length, alone)
        if last.rows:
            common = _common(prompts[last.rows[-1]], prompts[row], common)
        lost = last.length - common
        # The halves: a few words that all prompts begin with must not bind rows of different contexts.
        if last.rows and 2 * common >= max(last.length, 1) and common > (len(last.rows) - 1) * lost:
            found[-1] = Group(common, (*last.rows, row))
        else:
            found.append(Group(alone, (row,)))
    return found


def batches(prompts: Sequence[Ids], longer: Sequence[int], rows_for: Fit) -> Iterator[list[int]]:
    """Rows in batches, those of a group together, the longest first, so that a lack of memory shows at once.

    `longer` are the lengths of the whole rows, of which the prompts are the beginnings. At least one row is taken; a
    group is divided only where it alone is more than fits.
    """
    found = groups(prompts)
    found.sort(key=lambda group: (-max(longer[row] for row in group.rows), group.rows))
    batch: list[int] = []
    room = 0
    for group in found:
        length = max(longer[row] for row in group.rows)
        fit = max(1, rows_for(length, length - group.length))
        if batch and len(batch) + len(group.rows) > room:
            yield batch
            batch = []
        room = min(room, fit) if batch else fit
        rows = list(group.rows)
        while len(rows) > room:
            yield rows[:room]
            rows = rows[room:]
        batch += rows
    if batch:
        yield batch


def batches_of(
    model: Any, prompts: Sequence[Ids], longer: Sequence[int], rows_for: Fit
) -> Iterator[list[int]]:
    """`batches`, those that begin alike together; of like length where the model's cache does not allow that."""
    if shares(model):
        return batches(prompts, longer, rows_for)
    return batches_by_length(longer, lambda length: rows_for(length, length))


class Room(DynamicLayer):
    """Keys and values of one layer in a place made large enough beforehand: a step copies what is new, nothing else.

    Shape of both: (rows, heads, columns, values a head).
    """

    def __init__(self, keys: torch.Tensor, values: torch.Tensor, used: int) -> None:
        super().__init__()
        self._all, self._used = (keys, values), used
        self.dtype, self.device, self.is_initialized = keys.dtype, keys.device, True
        self._show()

    def _show(self) -> None:
        self.keys, self.values = (whole[:, :, : self._used] for whole in self._all)

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write the new columns behind those that are there; returns all."""
        end = self._used + key_states.shape[-2]
        for whole, new in zip(self._all, (key_states, value_states), strict=True):
            whole[:, :, self._used : end] = new
        self._used = end
        self._show()
        return self.keys, self.values

    def part(self, start: int, stop: int, used: int) -> Room:
        """Some of the rows, in the same place of memory, with so many columns in use."""
        keys, values = (whole[start:stop] for whole in self._all)
        return Room(keys, values, used)

    def get_seq_length(self) -> int:
        """Columns in use."""
        return self._used

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order. Where those that change places come from behind, only they are copied."""
        count = len(indices)
        moves = [(to, place) for to, place in enumerate(indices.tolist()) if to != place]
        if all(place >= count for _, place in moves):
            for whole in self._all:
                for to, place in moves:
                    whole[to, :, : self._used] = whole[place, :, : self._used]
            keys, values = (whole[:count] for whole in self._all)
        else:
            keys, values = (whole[indices] for whole in self._all)
        self._all = keys, values
        self._show()


@dataclass
class Opened:
    """Rows after their first pass. `order`: which row stands at each place of cache and mask.

    `logits`: those of each place's last columns, of shape (columns, vocabulary). The mask has room to grow.
    """

    order: Sequence[int]
    logits: list[torch.Tensor]
    cache: Any
    mask: torch.Tensor
    columns: int
    plain: bool
    """Nothing is masked: the mask need not be told."""


class Sharing:
    """Runs the first pass of batches on one model. `pad` is any id: masked columns do not reach the others."""

    def __init__(self, model: Any, pad: int) -> None:
        self._model, self._pad = model, pad
        self._device = str(next(model.parameters()).device)
        kind = self._device.split(":")[0]
        self._together, self._at_once = _TOGETHER[kind], _AT_ONCE[kind]
        self._positions, self._cache = takes_positions(model), cache_name(model)

    def open(
        self,
        prompts: Sequence[Ids],
        rows: Sequence[Ids],
        keep: int,
        room: int,
        ended: Callable[[], None] = lambda: None,
    ) -> Opened:
        """Run rows up to their ends. `prompts` are their beginnings, which may be shared; `keep`: last columns whose
        logits are returned; `room`: columns to come. `ended` is called after each pass in which rows end, which they do
        in the order of the places: for who watches the passes.
        """
        shared = groups(prompts) if len(rows) > 1 and shares(self._model) else []
        if not any(group.length for group in shared):
            opened = self._open_plainly(rows, keep, room)
            ended()
            return opened
        begun = {row: group.length for group in shared for row in group.rows}
        # Rests of like length are run together, so that little of a pass is padding.
        order = sorted(begun, key=lambda row: (len(rows[row]) - begun[row], row))
        rests = [rows[row][begun[row] :] for row in order]
        longest, columns = max(begun.values()), max(begun.values()) + len(rests[-1])
        places = {row: place for place, row in enumerate(order)}
        layers = self._prefixes(rows, shared, places, columns + room)
        mask = torch.ones(len(order), columns + room, dtype=torch.long, device=self._device)
        for place, row in enumerate(order):
            mask[place, : longest - begun[row]] = 0
            mask[place, longest : columns - len(rests[place])] = 0
        plain = bool(mask.all())
        logits: list[torch.Tensor] = []
        for start, stop in _runs([len(rest) for rest in rests], self._at_once):
            tokens, _ = left_padded(rests[start:stop], self._pad, self._device)
            cache = _cache([layer.part(start, stop, columns - tokens.shape[1]) for layer in layers])
            output = self.step(tokens, mask[start:stop, :columns], cache, plain, min(keep, tokens.shape[1]))
            ended()
            logits += output.logits
        return Opened(
            order,
            logits,
            _cache([layer.part(0, len(order), columns) for layer in layers]),
            mask,
            columns,
            plain,
        )

    def _open_plainly(self, rows: Sequence[Ids], keep: int, room: int) -> Opened:
        """As they are, padded on the left, with the model's own cache."""
        tokens, own = left_padded(rows, self._pad, self._device)
        plain = bool(own.all())
        output = self.step(tokens, own, None, plain, keep)
        mask = torch.cat([own, own.new_ones(len(rows), room)], dim=1)
        cache = getattr(output, self._cache)
        return Opened(range(len(rows)), list(output.logits), cache, mask, tokens.shape[1], plain)

    def step(self, tokens: torch.Tensor, mask: torch.Tensor, cache: Any, plain: bool, keep: int = 1) -> Any:
        """One pass over new columns. `tokens` (rows, new), `mask` (rows, all columns up to the last new one)."""
        arguments: dict[str, Any] = {self._cache: cache}
        if not plain:
            arguments["attention_mask"] = mask
            if self._positions:
                arguments["position_ids"] = positions(mask)[:, -tokens.shape[1] :]
        return self._model(
            input_ids=tokens, use_cache=True, logits_to_keep=keep, return_dict=True, **arguments
        )

    def _prefixes(
        self, rows: Sequence[Ids], shared: Sequence[Group], places: Mapping[int, int], columns: int
    ) -> list[Room]:
        """The caches of all rows, filled with their groups' prefixes, which end where the longest one ends."""
        longest = max(group.length for group in shared)
        made: list[tuple[torch.Tensor, torch.Tensor]] = []
        for part in _parts(shared, self._together):
            tokens, own = left_padded(
                [rows[group.rows[0]][: group.length] for group in part], self._pad, self._device
            )
            filled = getattr(self.step(tokens, own, None, bool(own.all())), self._cache)
            made = made or [_empty(layer, len(places), columns) for layer in filled.layers]
            for at, group in enumerate(part):
                lines = torch.tensor([places[row] for row in group.rows], device=self._device)
                for layer, whole in zip(filled.layers, made, strict=True):
                    for new, there in zip((layer.keys, layer.values), whole, strict=True):
                        there[lines, :, longest - group.length : longest] = new[
                            at : at + 1, :, new.shape[2] - group.length :
                        ]
        return [Room(keys, values, longest) for keys, values in made]


def shares(model: Any) -> bool:
    """Whether rows of this model can be laid out so: every layer keeps all its keys and values, and no more."""
    config = getattr(model, "config", None)
    if config is None:
        return False
    layers = DynamicCache(config=config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def _empty(layer: Any, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Zeros, not whatever memory holds: a masked NaN would still spoil a sum."""
    keys, values = layer.keys, layer.values
    return (
        keys.new_zeros(rows, keys.shape[1], columns, keys.shape[3]),
        values.new_zeros(rows, values.shape[1], columns, values.shape[3]),
    )


def _cache(layers: Sequence[Room]) -> DynamicCache:
    cache = DynamicCache()
    cache.layers = list(layers)
    return cache


def _parts(shared: Sequence[Group], together: int) -> Iterator[list[Group]]:
    """Groups whose prefixes are run together: the longest first, at most so many columns, padding among them."""
    part: list[Group] = []
    for group in sorted((group for group in shared if group.length), key=lambda group: -group.length):
        if part and part[0].length * (len(part) + 1) > together:
            yield part
            part = []
        part.append(group)
    if part:
        yield part


def _runs(lengths: Sequence[int], at_once: int) -> Iterator[tuple[int, int]]:
    """Neighbours that are run together, lengths ascending: first and one past the last; at most so many columns."""
    start = 0
    for at, length in enumerate(lengths):
        if at > start and length * (at + 1 - start) > at_once:
            yield start, at
            start = at
    yield start, len(lengths)


def _common(one: Ids, other: Ids, most: int) -> int:
    """How many first ids are the same, up to `most`."""
    for at in range(most):
        if one[at] != other[at]:
            return at
    return most
