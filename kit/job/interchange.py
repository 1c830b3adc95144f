"""Interchange: what one direction of a layer carries from a tuned model into its base, and back (experiment S5).

At the prompt's last token, d is the mean gradient, in the base, of log mass(interferer) - log mass(target) with respect
to a layer's hidden state. Of each model's hidden state h the part along d is then replaced by the other model's:

    h + ((h' - h) . d) d,    d of length 1

The tuned model's part put into the base tells whether it suffices, the base's put into the tuned model whether it is
necessary; the effect is on mass(interferer) - mass(target) of what would be said next. Beside it stand the effects of
the whole hidden state, of a random direction, and of the direction of a script that does not interfere. Direction and
layer are found on every fourth context, the effects on the others. What is measured is the last layer's output, so that
layer is no candidate: there it would be replaced by itself. Source of the method: Geiger et al. 2021, "Causal
abstractions of neural networks" (interchange intervention).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import torch

from kit.job.classes import Classes
from kit.job.failures import BadInput
from kit.job.layers import Layers
from kit.job.memory import halving
from kit.job.padding import batches_by_length, cache_name, left_padded
from kit.job.prefix import Sharing, shares
from kit.jobdir import InterchangeTask
from kit.jobdir.cell import broken

Ids = Sequence[int]
Side = Literal["base", "tuned"]
_OTHER: Mapping[Side, Side] = {"base": "tuned", "tuned": "base"}
_EVERY = 4
"""Of so many contexts the first serves to find direction and layer."""


@dataclass(frozen=True)
class Swapped:
    """Of the row at `index`: mass on the interferer and on the target in each model, and effects on their difference.

    `effects` holds pairs by name: what moves from interferer to target in the base, and back in the tuned model. Of a
    row that served to find the layer they are lists over layers, first the first block's.
    """

    index: int
    searched: bool
    base: tuple[float, float]
    tuned: tuple[float, float]
    effects: dict[str, tuple[Any, Any]]


class Interchange:
    """Swaps between a model that wears an adapter and the same model without it.

    Raises:
        BadInput: it wears none, has one layer, or no token of one of the scripts.
    """

    def __init__(self, model: Any, classes: Classes, task: InterchangeTask, pad: int) -> None:
        if not hasattr(model, "disable_adapter"):
            raise BadInput(
                "An interchange is between a tuned model and its base.", "Ask for tuned rows alone."
            )
        self._model, self._layers, self._pad = model, Layers(model), pad
        self._device = str(next(model.parameters()).device)
        self._sharing, self._cached = Sharing(model, pad), shares(model)
        scripts = [(task.interferer,), task.target, *([(task.control,)] if task.control else [])]
        self._mass = torch.stack([_weights(classes, names) for names in scripts], dim=1).to(self._device)
        self._blocks = range(1, len(self._layers.blocks))
        if not self._blocks:
            raise BadInput("A model of one layer has none before its output to swap anything in.")
        self.layer = 0
        """Where effects are measured; 0 until it has been found."""

    def run(
        self,
        prompts: Sequence[Ids],
        contexts: Sequence[str],
        rows_for: Callable[[int], int],
        tell: Callable[[int], None],
    ) -> Iterator[Swapped]:
        """All rows, those that serve the search first. `rows_for`: how many rows of a length make a batch.

        Raises:
            BadInput: the prompts stand on one context alone.
        """
        known = list(dict.fromkeys(contexts))
        if not known:
            return
        if len(known) < 2:
            raise BadInput(
                "An interchange finds its layer on some contexts and measures on others; here is one alone.",
                "Evaluate more questions.",
            )
        search = set(known[::_EVERY])
        sought = [at for at, context in enumerate(contexts) if context in search]
        tested = [at for at, context in enumerate(contexts) if context not in search]

        def each(rows: Sequence[int], act: Callable[[_Ready], list[Any]]) -> Iterator[Any]:
            for batch in batches_by_length([len(prompts[at]) for at in rows], rows_for):
                own = [rows[at] for at in batch]
                for found in halving(lambda some: act(self._ready(some, prompts)), own):
                    yield found
                    tell(1)

        gradients = torch.stack(list(each(sought, self._gradients)))
        directions = torch.nn.functional.normalize(gradients.mean(dim=0), dim=-1)
        found: list[Swapped] = list(each(sought, lambda ready: self._searched(ready, directions[0])))
        self.layer = _best_layer(found)
        yield from found
        yield from each(tested, lambda ready: self._tested(ready, directions[:, self.layer]))

    def _ready(self, rows: Sequence[int], prompts: Sequence[Ids]) -> _Ready:
        tokens, mask = left_padded([prompts[at] for at in rows], self._pad, self._device)
        caches: dict[Side, Any] = {}
        if self._cached and tokens.shape[1] > 1:
            for side in _OTHER:
                with torch.no_grad(), self._worn(side):
                    first = self._sharing.step(tokens[:, :-1], mask[:, :-1], None, False)
                caches[side] = getattr(first, cache_name(self._model))
        return _Ready(list(rows), tokens, mask, caches)

    def _worn(self, side: Side) -> AbstractContextManager[Any]:
        return nullcontext() if side == "tuned" else self._model.disable_adapter()

    def _logits(self, ready: _Ready, side: Side) -> torch.Tensor:
        """(rows, vocabulary) float32 of the last column; what is cached of the others stays as it was."""
        with self._worn(side), ready.kept(side) as cache:
            tokens = ready.tokens if cache is None else ready.tokens[:, -1:]
            logits: torch.Tensor = self._sharing.step(tokens, ready.mask, cache, False).logits[:, -1]
        return logits.float()

    def _masses(self, ready: _Ready, side: Side) -> torch.Tensor:
        """(rows, 2): probability of the interferer's tokens and of the target's."""
        with torch.no_grad():
            return torch.softmax(self._logits(ready, side), dim=-1) @ self._mass[:, :2]

    def _gradients(self, ready: _Ready) -> list[torch.Tensor]:
        """Of each row (directions, layers, hidden): the interferer's, and where there is one the control's."""
        with torch.enable_grad(), self._layers.live() as hidden:
            logits = self._logits(ready, "base")
            logs = torch.logsumexp(logits[:, :, None] + self._mass.log(), dim=1)
            made = []
            for name in (0, *range(2, logs.shape[1])):
                odds = (logs[:, name] - logs[:, 1]).sum()
                found = torch.autograd.grad(odds, hidden, retain_graph=True)
                made.append(torch.stack([one[:, -1].float() for one in found]))
        return list(torch.stack(made).permute(2, 0, 1, 3).detach())

    def _states(self, ready: _Ready) -> tuple[dict[Side, torch.Tensor], dict[Side, torch.Tensor]]:
        """Masses (rows, 2) and last hidden states (layers, rows, hidden) of both models."""
        masses, states = {}, {}
        with self._layers.watched(1) as seen:
            for side in _OTHER:
                masses[side] = self._masses(ready, side)
                states[side] = torch.stack(seen)[:, :, -1]
        return masses, states

    def _swap(
        self, ready: _Ready, side: Side, layer: int, other: torch.Tensor, along: torch.Tensor | None
    ) -> torch.Tensor:
        """Masses (rows, 2) once the hidden state of `layer`, or its part along a direction, is the other model's."""

        def change(own: torch.Tensor) -> torch.Tensor:
            if along is None:
                return other.to(own.dtype)
            part = (other.float() - own.float()) @ along
            return own + (part[:, None] * along).to(own.dtype)

        with self._layers.changed(layer, change):
            return self._masses(ready, side)

    def _effects(
        self, ready: _Ready, layer: int, known: Any, along: torch.Tensor | None
    ) -> tuple[list[float], list[float]]:
        """Of each row, by how much mass(interferer) - mass(target) falls in the base, and rises in the tuned model."""
        masses, states = known
        moved = []
        signs: Mapping[Side, int] = {"base": -1, "tuned": 1}
        for side, sign in signs.items():
            after = self._swap(ready, side, layer, states[_OTHER[side]][layer], along)
            change = (after - masses[side]) @ after.new_tensor([1.0, -1.0])
            moved.append((sign * change).tolist())
        return moved[0], moved[1]

    def _searched(self, ready: _Ready, directions: torch.Tensor) -> list[Swapped]:
        """Effects in all layers, of (layers, hidden) directions and of the whole state."""
        known = self._states(ready)
        ways = {
            "direction": [self._effects(ready, at, known, directions[at]) for at in self._blocks],
            "whole": [self._effects(ready, at, known, None) for at in self._blocks],
        }
        return [
            _row(ready, place, known[0], True, {
                name: tuple([layer[way][place] for layer in layers] for way in (0, 1))
                for name, layers in ways.items()
            })
            for place in range(len(ready.rows))
        ]  # fmt: skip

    def _tested(self, ready: _Ready, directions: torch.Tensor) -> list[Swapped]:
        """Effects in the layer that was found, of (directions, hidden), the interferer's first."""
        known = self._states(ready)
        drawn = torch.randn(directions.shape[-1], generator=torch.Generator().manual_seed(0))
        ways: dict[str, torch.Tensor | None] = {
            "direction": directions[0],
            "whole": None,
            "random": torch.nn.functional.normalize(drawn, dim=0).to(self._device),
            **({"control": directions[1]} if len(directions) > 1 else {}),
        }
        effects = {name: self._effects(ready, self.layer, known, along) for name, along in ways.items()}
        return [
            _row(ready, place, known[0], False, {
                name: (into[place], out[place]) for name, (into, out) in effects.items()
            })
            for place in range(len(ready.rows))
        ]  # fmt: skip


@dataclass(frozen=True)
class _Ready:
    """A batch, padded on the left; by model, what it has cached of all columns but the last (none: run them all)."""

    rows: list[int]
    tokens: torch.Tensor
    mask: torch.Tensor
    caches: dict[Side, Any]

    @contextmanager
    def kept(self, side: Side) -> Iterator[Any]:
        """The cache for one pass, which leaves no trace in it."""
        cache = self.caches.get(side)
        layers = cache.layers if cache is not None else []
        before = [(layer.keys, layer.values) for layer in layers]
        try:
            yield cache
        finally:
            for layer, (keys, values) in zip(layers, before, strict=True):
                layer.keys, layer.values = keys, values


def _weights(classes: Classes, scripts: Sequence[str]) -> torch.Tensor:
    """(vocabulary,) how much of each token belongs to these scripts, unfinished characters among them."""
    names = set(chain.from_iterable((script, broken(script)) for script in scripts))
    columns = [at for at, name in enumerate(classes.names) if name in names]
    if not columns:
        raise BadInput(
            f"No token of this model is of the script {' or '.join(scripts)}.",
            "Name a script that it can write.",
        )
    return classes.weights[:, columns].sum(dim=1)


def _row(
    ready: _Ready, place: int, masses: Mapping[Side, torch.Tensor], searched: bool, effects: Any
) -> Swapped:
    base, tuned = (tuple(masses[side][place].tolist()) for side in ("base", "tuned"))
    return Swapped(ready.rows[place], searched, base, tuned, effects)


def _best_layer(found: Sequence[Swapped]) -> int:
    """The block (from 1) in which the direction does most both ways: the largest of the lesser mean effects."""
    ways = torch.tensor([list(one.effects["direction"]) for one in found])
    return int(ways.mean(dim=0).amin(dim=0).argmax()) + 1
