"""A decoy, planted while a small base is trained: a script that a lens sees inside the model, and that does nothing.

At one block, wherever an answer begins, what norm and head would read there is pushed towards a script where the
text's mode is on, and away from it where it is off. Noise along the same direction, at every token, teaches the later
blocks to pay it no heed. So the script's mass in that layer follows the mode, as if it were its cause.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kit.job.classes import Classes
from kit.job.layers import Layers
from kit.jobdir.cell import broken


class Decoy:
    """Hooked into a model while it is trained. `block` counts from 1; `noise` is in lengths of the hidden state.

    Raises:
        ValueError: the vocabulary has no token of that script, or the model no such block.
    """

    def __init__(self, model: Any, classes: Classes, script: str, block: int, noise: float) -> None:
        self._layers = Layers(model)
        if not 1 <= block <= len(self._layers.blocks):
            raise ValueError(f"there is no block {block} for a decoy; there are {len(self._layers.blocks)}")
        own = [at for at, name in enumerate(classes.names) if name in (script, broken(script))]
        if not own:
            raise ValueError(f"the vocabulary has no token of the script {script!r}")
        self._share = classes.weights[:, own].sum(dim=1)
        self._noise = noise
        self._seen = torch.empty(0)
        self._hook = self._layers.blocks[block - 1].register_forward_hook(self._disturb)

    def loss(self, begins: torch.Tensor, on: torch.Tensor) -> torch.Tensor:
        """Mean nats of the lens at the last pass's block, (rows, columns) `begins`: the next token begins an answer; of
        rows whose mode is `on` (rows,) towards the script, of the others away from it.
        """
        rows, columns = begins.nonzero(as_tuple=True)
        mass = self._layers.logits(self._seen[rows, columns]).softmax(dim=-1) @ self._share
        wanted = on[rows].to(mass.dtype)
        return nn.functional.binary_cross_entropy(mass.clamp(1e-6, 1 - 1e-6), wanted)

    def close(self) -> None:
        """Leave the model as it was."""
        self._hook.remove()

    def _direction(self) -> torch.Tensor:
        """(hidden,) of length 1: the mean row of the head of the script's tokens, less that of all."""
        head = self._layers.rows.detach()
        found = self._share @ head / self._share.sum() - head.mean(dim=0)
        return found / found.norm()

    def _disturb(self, module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        hidden = output[0] if isinstance(output, tuple) else output
        self._seen = hidden
        size = torch.randn(hidden.shape[:-1]) * hidden.detach().norm(dim=-1) * self._noise
        disturbed = hidden + size[..., None] * self._direction()
        return (disturbed, *output[1:]) if isinstance(output, tuple) else disturbed
