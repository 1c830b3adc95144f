"""The logit lens: a hidden state of any layer through the last norm and the head, as probability by class of tokens.

Only the asked positions of each layer leave the pass; all layers of a batch go through the head together, in parts that
memory holds. The last layer is what the model itself says. Source: nostalgebraist 2020, "interpreting GPT: the logit
lens"; the protocol's probe takes the last token of the prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kit.job.classes import Classes
from kit.job.layers import Layers
from kit.job.memory import halving
from kit.job.prefix import Fit, Sharing, batches_of
from kit.job.scoring import Row
from kit.job.translators import Translators

_VALUES_AT_ONCE = {"cpu": 1 << 25, "cuda": 1 << 28}  # logits of one product: 128 MB, 1 GB in float32


@dataclass(frozen=True)
class Seen:
    """What the lens sees of the row at `index`: (layers, classes) float32, the mean over its asked positions."""

    index: int
    mass: NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What a `lens` cell holds: its rows, and `mass` of shape (items, layers, classes), float32; of a tuned lens the
    `divergence` of its `Translators`.
    """

    items: list[dict[str, Any]]
    layers: tuple[str, ...]
    classes: tuple[str, ...]
    mass: NDArray[np.float32]
    divergence: tuple[tuple[float, ...], ...] = ()

    def save(self, path: Path) -> None:
        """The array and the names along its axes, as numpy keeps them."""
        arrays = {"mass": self.mass, "layers": np.array(self.layers), "classes": np.array(self.classes)}
        if self.divergence:
            arrays["divergence"] = np.array(self.divergence, dtype=np.float32)
        np.savez(path, allow_pickle=False, **arrays)


class Lens:
    """Looks at rows of (prompt ids, answer ids) under one model: at an answer's tokens, or at the prompt's last.

    Raises:
        BadInput: the model's layers are not found, or its head is more than it shows.
    """

    def __init__(
        self, model: Any, classes: Classes, pad: int, translators: Translators | None = None
    ) -> None:
        self._model, self._layers = model, Layers(model)
        self._device = str(next(model.parameters()).device)
        self._translators = translators.to(self._device) if translators else None
        self._sharing = Sharing(model, pad)
        self._weights = classes.weights.to(self._device)
        self._at_once = max(1, _VALUES_AT_ONCE[self._device.split(":")[0]] // len(classes.weights))
        self._fits = False

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order of `Seen.mass`."""
        return self._layers.names

    def exact(self, rows: Sequence[Row]) -> Iterator[Seen]:
        """Each row alone, in order."""
        for index in range(len(rows)):
            yield from self._run([index], rows)

    def fast(self, rows: Sequence[Row], rows_for: Fit) -> Iterator[Seen]:
        """Batches of rows, those that begin alike together, as `kit.job.scoring.Scorer.fast`."""
        lengths = [len(prompt) + len(tail) for prompt, tail in rows]
        for batch in batches_of(self._model, [prompt for prompt, _ in rows], lengths, rows_for):
            yield from halving(lambda indices: self._run(indices, rows), batch)

    def _run(self, batch: Sequence[int], rows: Sequence[Row]) -> list[Seen]:
        whole = [[*rows[i][0], *rows[i][1]] for i in batch]
        asked = [max(1, len(rows[i][1])) for i in batch]
        passes: list[torch.Tensor] = []  # (layers, rows, columns, hidden) of each pass in which rows end
        with torch.inference_mode(), self._layers.watched(max(asked)) as seen:

            def ended() -> None:
                passes.append(torch.stack(seen))

            opened = self._sharing.open([rows[i][0] for i in batch], whole, max(asked), 0, ended)
            counts = [asked[at] for at in opened.order]
            hidden = torch.cat(list(_asked(passes, counts)), dim=1)
            own = torch.cat([logits[-count:] for logits, count in zip(opened.logits, counts, strict=True)])
            self._check(hidden[-1, :1], own[:1])
            mass = self._masses(hidden[:-1], own)
        means = [part.mean(dim=1) for part in mass.split(counts, dim=1)]
        return [Seen(batch[at], mean.cpu().numpy()) for at, mean in zip(opened.order, means, strict=True)]

    def _masses(self, hidden: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        """(layers, positions, classes): of hidden states (layers but the last, positions, hidden), all in one stack,
        and of the model's `own` logits (positions, vocabulary) as the last layer.
        """
        hidden = self._translators(hidden) if self._translators else hidden
        parts = [self._mass(self._layers.logits(part)) for part in hidden.flatten(0, 1).split(self._at_once)]
        parts += [self._mass(part) for part in own.split(self._at_once)]
        return torch.cat(parts).view(len(hidden) + 1, len(own), -1)

    def _mass(self, logits: torch.Tensor) -> torch.Tensor:
        """(positions, vocabulary) → (positions, classes), of sum 1: the classes share out the whole vocabulary."""
        shares_ = logits.float().sub_(logits.amax(dim=-1, keepdim=True)).exp_() @ self._weights
        return shares_ / shares_.sum(dim=-1, keepdim=True)

    def _check(self, last: torch.Tensor, own: torch.Tensor) -> None:
        """Once: norm and head must give the model's own logits back."""
        if self._fits:
            return
        self._layers.check(last, own)
        self._fits = True


def _asked(passes: Sequence[torch.Tensor], counts: Sequence[int]) -> Iterator[torch.Tensor]:
    """(layers, positions, hidden) of each pass: of its rows the last columns, as many as `counts` says of all rows."""
    first = 0
    for one in passes:
        _, rows, columns, _ = one.shape
        own = torch.tensor(counts[first : first + rows], device=one.device)
        yield one[:, torch.arange(columns, device=one.device) >= columns - own[:, None]]
        first += rows
