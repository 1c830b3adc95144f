"""Interchange against a plain reference, one row at a time, on every family; and as a cell of the shipped base."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from kit.job.classes import Classes
from kit.job.failures import BadInput
from kit.job.interchange import Interchange
from kit.job.layers import Layers
from kit.jobdir import CellSpec, InterchangeTask
from kit.jobdir.cell import broken
from tests.job.conftest import EMBEDDED, QA, RunJob, examples, items
from tests.job.test_lens import FAMILIES, _model

TASK = InterchangeTask(interferer="Cyrl", target=("Deva",), control="Orya")
_NAMES = ("Latn", "Cyrl", "Deva", broken("Deva"), "Orya")


def _tuned(model: Any, scale: float = 0.2) -> Any:
    """With an adapter on every linear module of the layers, its weights drawn at random."""
    torch.manual_seed(11)
    worn = get_peft_model(
        model, LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    for name, parameter in worn.named_parameters():
        if "lora_" in name:
            parameter.data = torch.randn_like(parameter) * scale
    return worn.eval()


def _classes(width: int = 97) -> Classes:
    weights = torch.rand(width, len(_NAMES), generator=torch.Generator().manual_seed(5))
    return Classes(_NAMES, weights / weights.sum(dim=1, keepdim=True))


class Plain:
    """The same by whole forward passes, one row at a time, with hooks of its own."""

    def __init__(self, model: Any, classes: Classes) -> None:
        self.model, self.blocks = model, Layers(model).blocks
        pick = [[1], [2, 3], [4]]
        self.mass = torch.stack([classes.weights[:, columns].sum(dim=1) for columns in pick], dim=1)

    def forward(
        self, ids: list[int], side: str, at: int = 0, state: Any = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        seen: list[torch.Tensor] = []

        def hook(number: int) -> Callable[..., Any]:
            def act(module: Any, inputs: Any, output: Any) -> Any:
                hidden = output[0] if isinstance(output, tuple) else output
                if number == at:
                    hidden = torch.cat([hidden[:, :-1], state(hidden[:, -1])[:, None]], dim=1)
                hidden.requires_grad_() if hidden.is_leaf else None
                seen.append(hidden)
                return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

            return act

        hooks = [block.register_forward_hook(hook(number)) for number, block in enumerate(self.blocks, 1)]
        try:
            if side == "base":
                with self.model.disable_adapter():
                    logits = self.model(torch.tensor([ids]), use_cache=False).logits[0, -1]
            else:
                logits = self.model(torch.tensor([ids]), use_cache=False).logits[0, -1]
        finally:
            for one in hooks:
                one.remove()
        return logits, seen

    def difference(self, logits: torch.Tensor) -> float:
        interferer, target, _ = torch.softmax(logits, dim=-1) @ self.mass
        return float(interferer - target)

    def gradient(self, ids: list[int], name: int) -> torch.Tensor:
        for parameter in self.model.parameters():
            parameter.requires_grad_(True)
        logits, seen = self.forward(ids, "base")
        likely = torch.softmax(logits, dim=-1) @ self.mass
        found = torch.autograd.grad(likely[name].log() - likely[1].log(), seen)
        return torch.stack([one[0, -1] for one in found])

    def effects(self, ids: list[int], layer: int, along: torch.Tensor | None) -> tuple[float, float]:
        with torch.no_grad():
            plain = {side: self.forward(ids, side) for side in ("base", "tuned")}
            moved = []
            for side, other, sign in (("base", "tuned", -1), ("tuned", "base", 1)):
                new = plain[other][1][layer - 1][:, -1]

                def put(own: torch.Tensor, new: torch.Tensor = new) -> torch.Tensor:
                    return new if along is None else own + ((new - own) @ along)[:, None] * along

                after, _ = self.forward(ids, side, layer, put)
                moved.append(sign * (self.difference(after) - self.difference(plain[side][0])))
        return moved[0], moved[1]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_effects_are_those_of_whole_passes_one_row_at_a_time(family: str) -> None:
    model, classes = _tuned(_model(family)), _classes()
    draw = np.random.default_rng(2)
    prompts = [draw.integers(3, 97, size=int(draw.integers(2, 12))).tolist() for _ in range(10)]
    contexts = [f"c{at // 2}" for at in range(10)]
    swaps, told = Interchange(model, classes, TASK, 0), []
    found = {one.index: one for one in swaps.run(prompts, contexts, lambda length: 3, told.append)}
    assert sorted(found) == list(range(10)) and len(told) == 4 + 4 + 6  # the search goes over its rows twice
    assert [at for at in found if found[at].searched] and {at for at in found if found[at].searched} == {
        0,
        1,
        8,
        9,
    }

    plain = Plain(model, classes)
    mean = torch.stack([plain.gradient(prompts[at], 0) for at in (0, 1, 8, 9)]).mean(dim=0)
    control = torch.stack([plain.gradient(prompts[at], 2) for at in (0, 1, 8, 9)]).mean(dim=0)
    unit, unit_control = (torch.nn.functional.normalize(one, dim=-1) for one in (mean, control))
    by_layer = np.zeros((2, 2))
    for at in (0, 1, 8, 9):
        for layer in (1, 2):
            for name, along in (("direction", unit[layer - 1]), ("whole", None)):
                expected = plain.effects(prompts[at], layer, along)
                got = [found[at].effects[name][way][layer - 1] for way in (0, 1)]
                np.testing.assert_allclose(got, expected, atol=2e-5)
                by_layer[:, layer - 1] += expected if name == "direction" else 0
    assert swaps.layer == int(by_layer.min(axis=0).argmax()) + 1
    for at in range(2, 8):
        ways = {"direction": unit[swaps.layer - 1], "whole": None, "control": unit_control[swaps.layer - 1]}
        for name, along in ways.items():
            np.testing.assert_allclose(
                found[at].effects[name], plain.effects(prompts[at], swaps.layer, along), atol=2e-5
            )
        assert max(map(abs, found[at].effects["random"])) > 0
        with torch.no_grad():
            likely = torch.softmax(plain.forward(prompts[at], "tuned")[0], dim=-1) @ plain.mass
        np.testing.assert_allclose(found[at].tuned, likely[:2].numpy(), atol=2e-5)


def test_the_whole_state_of_the_layer_before_an_unchanged_rest_carries_everything() -> None:
    """An adapter in the first block alone: what it does at the last token to the rest is all in the hidden state there
    and in what other tokens offer; with one token there is nothing else.
    """
    model, classes = _tuned(_model("llama"), scale=0.5), _classes()
    for name, parameter in model.named_parameters():
        if "lora_B" in name and ".layers.0." not in name:
            parameter.data.zero_()
    rows = [[5], [9], [17], [33]]
    swaps = Interchange(model, classes, replace(TASK, control=""), 0)
    found = list(swaps.run(rows, ["a", "b", "c", "d"], lambda length: 4, lambda count: None))
    for one in found:
        difference = (one.base[0] - one.base[1]) - (one.tuned[0] - one.tuned[1])
        whole = one.effects["whole"]
        for way in whole:
            assert np.allclose(way, difference, atol=1e-5)
        assert "control" not in one.effects


def test_what_makes_no_sense_is_refused() -> None:
    model = _model("bloom")
    with pytest.raises(BadInput, match="between a tuned model and its base"):
        Interchange(model, _classes(), TASK, 0)
    worn = _tuned(model)
    with pytest.raises(BadInput, match="No token of this model is of the script Thai"):
        Interchange(worn, _classes(), replace(TASK, interferer="Thai"), 0)
    with pytest.raises(BadInput, match="one alone"):
        list(
            Interchange(worn, _classes(), TASK, 0).run([[5, 6]], ["c"], lambda length: 1, lambda count: None)
        )


def test_a_cell_holds_its_rows_and_leaves_the_next_cell_alone(run_job: RunJob, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32, attn_implementation="eager")
    _tuned(model, 0.05).save_pretrained(tmp_path / "adapter")
    data = examples(12)
    cell = CellSpec("base-t", "data", QA, TASK, adapters=("adapter-0",))
    other = CellSpec(
        "base-t", "data", QA, adapters=("adapter-0",), task=replace(TASK, interferer="Latn", control="")
    )
    places = {"base-t": EMBEDDED, "adapter-0": tmp_path / "adapter"}
    folder, _ = run_job([cell, other], data, places)
    alone, _ = run_job([other], data, places, name="alone")
    assert items(folder, other) == items(alone, other)
    rows = items(folder, cell)
    assert [row["id"] for row in rows] == [example.id for example in data]
    contexts = list(dict.fromkeys(example.context_id for example in data))
    assert {row["id"] for row in rows if row["searched"]} == {
        example.id for example in data if example.context_id in contexts[::4]
    }
    assert {row["layer"] for row in rows} <= {1, 2}
    exact, _ = run_job([replace(cell, mode="exact")], data, places, name="exact")
    for row, twin in zip(rows, items(exact, replace(cell, mode="exact")), strict=True):
        assert row["layer"] == twin["layer"]
        np.testing.assert_allclose(row["base"] + row["tuned"], twin["base"] + twin["tuned"], atol=1e-5)
        for name, pair in row["effects"].items():
            np.testing.assert_allclose(pair, twin["effects"][name], atol=1e-4)
