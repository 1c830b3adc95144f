"""Constraints on scripts: which tokens an answer may be made of (experiment S3 of the protocol).

`scripts=Orya` allows tokens of these scripts, those of none (punctuation, digits, spaces, the tokenizer's own), pieces
of characters that are not decided for another script, and whatever stands in the item's own prompt. `ban=Beng` allows
all but tokens with a letter, or a decided piece, of these scripts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from kit.job.classes import Classes
from kit.job.failures import BadInput
from kit.jobdir.cell import BAN_SCRIPTS, BROKEN, NEUTRAL, ONLY_SCRIPTS, SPECIAL, broken


class Constraint:
    """Which tokens each row may choose. `classes` are those by script.

    Raises:
        BadInput: the intervention is none of scripts.
    """

    def __init__(self, intervention: str, classes: Classes) -> None:
        if not intervention.startswith((ONLY_SCRIPTS, BAN_SCRIPTS)):
            raise BadInput(f"There is no intervention {intervention!r}.", "Use scripts=… or ban=….")
        self._only = intervention.startswith(ONLY_SCRIPTS)
        named = intervention.partition("=")[2].split("+")
        scripts = {*named, *map(broken, named)}
        kept = {*scripts, NEUTRAL, SPECIAL, BROKEN} if self._only else set(classes.names) - scripts
        off = torch.tensor([name not in kept for name in classes.names])
        self._allowed = classes.weights[:, off].sum(dim=1) == 0

    def allowed(self, prompts: Sequence[Sequence[int]], device: str) -> torch.Tensor:
        """(rows, vocabulary) of booleans."""
        rows = self._allowed.repeat(len(prompts), 1)
        if self._only:
            for row, prompt in zip(rows, prompts, strict=True):
                row[torch.tensor(prompt, dtype=torch.long)] = True
        return rows.to(device)
