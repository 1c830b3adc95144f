"""What a job will cost: arithmetic on tokens and parameters, or better, what like jobs took before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from kit.jobdir import FitSpec, TuneSpec
from kit.plan.types import Cost, WantedCell, WantedModel, WantedTuning

_START_SECONDS = 6.0
"""Python, torch and transformers imported, a small model loaded."""
_CHARACTERS_A_TOKEN = 3.0
"""BLOOM's tokenizer on the languages of the protocol, roughly; small vocabularies need more tokens."""
_TOKENS_AN_ITEM = 450.0
"""Where lengths are unknown: about what an XQuAD-IN item takes in BLOOM's tokenizer."""
_FLOPS = {"cpu": 2e10, "cuda": 1e14}
"""Sustained operations a second of one slot: a guess to be replaced by measured seconds."""
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1, "nf4": 0.6}
_ADAPTER_SHARE = 0.02
_CELL_BYTES_AN_ITEM = 600
_TRAIN_TOKENS_A_SECOND_SHARE = 3.0
"""A training step costs forward and backward: three times the forward pass."""


_FIT_SHARE = 10.0
"""Of a pass over bloomz-7b1's layers: those and 30 products with its head, forward and backward."""
_MAPS_SHARE = 0.08
"""Numbers in the maps of a tuned lens, one square matrix a layer, over those of the model."""


@dataclass(frozen=True)
class Speeds:
    """Measured seconds an item, by base id and kind of task, from stored cells; seconds a tuning by base id."""

    items: Mapping[tuple[str, str], float] = field(default_factory=dict)

    @staticmethod
    def measured(facts: Sequence[Mapping[str, Any]]) -> Speeds:
        """From the `cell.json` of stored cells; what lacks its time or count is passed over."""
        seen: dict[tuple[str, str], list[float]] = {}
        for fact in facts:
            try:
                spec, seconds, count = fact["spec"], float(fact["seconds"]), int(fact["n"])
                seen.setdefault((spec["base"], spec["task"]["kind"]), []).append(seconds / max(count, 1))
            except (KeyError, TypeError, ValueError):
                continue
        return Speeds({key: median(values) for key, values in seen.items()})


def assumed_seconds(parameters: int, tokens: float, device: str = "cpu") -> float:
    """What the arithmetic of costs takes a pass over that many tokens for, on one slot, where nothing was measured."""
    return 2 * parameters * tokens / _FLOPS[device]


def together(costs: Sequence[Cost]) -> Cost:
    """Of jobs that are done one after the other in one process, which starts once."""
    return Cost(
        sum(cost.seconds for cost in costs) - _START_SECONDS * (len(costs) - 1),
        max(cost.memory_gb for cost in costs),
        sum(cost.disk_gb for cost in costs),
        "; ".join(dict.fromkeys(cost.basis for cost in costs)),
    )


@dataclass(frozen=True)
class Costs:
    """Prices jobs on one kind of device."""

    device: str = "cpu"
    parameters: Mapping[str, int | None] = field(default_factory=dict)
    speeds: Speeds = field(default_factory=Speeds)
    characters: Mapping[str, float] = field(default_factory=dict)
    """Mean characters of an item, by data id; of shots all together."""
    factor: float = 1.0
    """Of this machine, seconds measured over seconds assumed: multiplies what is assumed, not what was measured."""

    def pretrain(self) -> Cost:
        """A small base from the embedded corpus."""
        return Cost(600, 1.5, 0.01, "measured on one core for the embedded base")

    def tune(self, model: WantedModel, wanted: WantedTuning) -> Cost:
        """Epochs x examples x tokens, forward and backward."""
        assert isinstance(wanted.spec, TuneSpec)
        size = model.parameters or 0
        trainer, limit = wanted.spec.trainer, wanted.spec.sequence_limit
        tokens = trainer.epochs * wanted.examples * min(limit, self._tokens(wanted.spec.data))
        seconds = _START_SECONDS + _TRAIN_TOKENS_A_SECOND_SHARE * self._assumed(size, tokens)
        memory = size * (_BYTES[wanted.spec.weights] + 16 * _ADAPTER_SHARE) / 1e9 + 1.0
        disk = size * _ADAPTER_SHARE * 4 * max(1, len(wanted.spec.save_steps)) / 1e9
        return Cost(seconds, memory, disk, self._arithmetic())

    def derive(self, model: WantedModel) -> Cost:
        """Small matrices, the base not loaded."""
        disk = (model.parameters or 0) * _ADAPTER_SHARE * 4 / 1e9
        return Cost(_START_SECONDS + 2, 1.0, disk, "some seconds, whatever the model")

    def fit(self, model: WantedModel, spec: FitSpec) -> Cost:
        """A tuned lens: for each token the base once, and the head forward and backward at every layer."""
        size = model.parameters or 0
        seconds = _START_SECONDS + _FIT_SHARE * self._assumed(size, spec.steps * spec.tokens)
        maps = size * _MAPS_SHARE * 4 / 1e9
        return Cost(seconds, size * _BYTES[spec.dtype] / 1e9 + 4 * maps + 1.0, maps, self._arithmetic())

    def evaluate(self, cells: Sequence[WantedCell]) -> Cost:
        """Measured seconds an item where this base did such a task before, else operations."""
        seconds, measured = _START_SECONDS, True
        for cell in cells:
            kind = cell.spec.task.kind
            each = self.speeds.items.get((cell.spec.base, kind))
            measured = measured and each is not None
            size = self.parameters.get(cell.spec.base) or 0
            seconds += cell.items * (each or self._assumed(size, self._tokens_of(cell)))
        size = self.parameters.get(cells[0].spec.base) or 0
        disk = sum(cell.items for cell in cells) * _CELL_BYTES_AN_ITEM / 1e9
        basis = "seconds an item of stored cells of this base" if measured else self._arithmetic()
        return Cost(seconds, size * _BYTES[cells[0].spec.dtype] * 1.2 / 1e9 + 1.0, disk, basis)

    def _assumed(self, size: int, tokens: float) -> float:
        return self.factor * assumed_seconds(size, tokens, self.device)

    def _arithmetic(self) -> str:
        machine = f", {self.factor:.2f} times as long by what was measured here" if self.factor != 1 else ""
        return f"2 operations a parameter and token, {_FLOPS[self.device]:.0e} operations a second assumed{machine}"

    def _tokens_of(self, cell: WantedCell) -> float:
        """Of an item; its shots with it where each prompt is run alone, else they are run once for many."""
        shots = cell.spec.prompt.shots
        return self._tokens(cell.spec.data) + (
            self._tokens(shots) if shots and cell.spec.mode == "exact" else 0
        )

    def _tokens(self, data: str) -> float:
        characters = self.characters.get(data)
        return characters / _CHARACTERS_A_TOKEN if characters else _TOKENS_AN_ITEM
