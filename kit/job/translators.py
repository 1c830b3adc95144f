"""The maps of a tuned lens: what a hidden state of each layer goes through before the last norm and the head.

Source: Belrose et al. 2023, "Eliciting latent predictions from transformers with the tuned lens" (arXiv 2303.08112).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from kit.job.failures import BadInput

TRANSLATORS_FILE = "translators.safetensors"
FIT_FILE = "fit.json"
"""Beside the maps: how far what they say is from what the model says itself, on contexts kept out of the fit."""


@dataclass(frozen=True)
class Translators:
    """h → h + h·M + s for each layer but the last, in the order of `Layers.names`; all zero they change nothing.

    `maps`: (layers, hidden, hidden), `shifts`: (layers, hidden), float32. `divergence`: nats, (2, layers): the mean
    Kullback–Leibler divergence of what is said through norm and head alone, and through the maps as well, from the
    model's own output, on contexts kept out of the fit; empty while there is no fit.
    """

    maps: torch.Tensor
    shifts: torch.Tensor
    divergence: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def none(cls, layers: int, hidden: int, device: str) -> Translators:
        """Maps that change nothing, ready to be learnt."""
        maps = torch.zeros(layers, hidden, hidden, device=device, requires_grad=True)
        return cls(maps, torch.zeros(layers, hidden, device=device, requires_grad=True))

    def to(self, device: str) -> Translators:
        """The same on another device."""
        return Translators(self.maps.to(device), self.shifts.to(device), self.divergence)

    def layer(self, number: int, hidden: torch.Tensor) -> torch.Tensor:
        """(positions, hidden) of one layer to the same, of the type that it was."""
        wide = hidden.to(self.maps.dtype)
        return (wide + wide @ self.maps[number] + self.shifts[number]).to(hidden.dtype)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """(layers, positions, hidden) to the same."""
        return torch.stack([self.layer(number, one) for number, one in enumerate(hidden)])

    def save(self, folder: Path, about: Mapping[str, Any]) -> None:
        """Write maps and fit into a folder."""
        tensors = {"maps": self.maps.detach().cpu(), "shifts": self.shifts.detach().cpu()}
        save_file(tensors, folder / TRANSLATORS_FILE, metadata={"format": "pt"})
        said = {**about, "divergence": [[round(nats, 6) for nats in side] for side in self.divergence]}
        (folder / FIT_FILE).write_text(json.dumps(said, indent=1), encoding="utf-8")


def read_translators(folder: Path) -> Translators:
    """The maps in a folder.

    Raises:
        BadInput: there are none, or they cannot be read.
    """
    try:
        tensors = load_file(folder / TRANSLATORS_FILE)
        said = json.loads((folder / FIT_FILE).read_text(encoding="utf-8"))["divergence"]
        return Translators(
            tensors["maps"], tensors["shifts"], tuple(tuple(map(float, side)) for side in said)
        )
    except Exception as error:  # safetensors raises a type of its own
        if isinstance(error, MemoryError):
            raise
        raise BadInput(f"{folder}: the maps of a tuned lens cannot be read: {error}") from error
