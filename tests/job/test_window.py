"""An adapter at work in a window of layers: which blocks, to the bit, and nothing of it left for the next cell."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from kit.job.failures import BadInput
from kit.job.window import blocks_in
from kit.jobdir import CellSpec, GenerateTask, LensTask, ScoreTask, Task, key_of
from tests.job.conftest import EMBEDDED, QA, RunJob, examples, items

BLOCKS = 3
CELL = CellSpec("base-t", "data", QA, GenerateTask(limit=8))
TASKS: tuple[Task, ...] = (GenerateTask(limit=8), ScoreTask(), LensTask())
DATA = examples(5)


@pytest.fixture(scope="module", params=["bloom", "llama"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two builds of three blocks: the shipped base, and a random Llama with its tokenizer."""
    if request.param == "bloom":
        return EMBEDDED
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=BLOCKS,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    folder = tmp_path_factory.mktemp("llama")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two adapters of all linear maps, with weights that matter."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("adapter-0", "adapter-1")}
    for seed, folder in enumerate(made.values()):
        _adapter(base, folder, seed)
    return made


def _adapter(base: Path, folder: Path, seed: int, **settings: Any) -> None:
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    settings = {"target_modules": "all-linear", "r": 4, "lora_alpha": 8, "task_type": "CAUSAL_LM"} | settings
    worn = get_peft_model(model, LoraConfig(**settings))
    for parameter in worn.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn_like(parameter) * 0.2
    worn.save_pretrained(folder, save_embedding_layers=False)


def _windowed(cell: CellSpec, window: str) -> CellSpec:
    return replace(cell, interventions=(f"layers={window}", *cell.interventions))


def _found(folder: Any, cell: CellSpec) -> Any:
    """All that a cell holds, to the bit."""
    if cell.task.kind != "lens":
        return items(folder, cell)
    with np.load(folder.cells / key_of("cell", cell) / "lens.npz") as held:
        return held["mass"].tobytes()


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_all_layers_are_the_adapter_none_the_base_and_nothing_leaks(
    run_job: RunJob, base: Path, adapters: dict[str, Path], mode: Any
) -> None:
    """In one job, with the adapters swapped on one base: each cell is what it is alone."""
    tasks = [replace(CELL, task=task, mode=mode) for task in TASKS]
    worn = [replace(cell, adapters=(name,)) for name in adapters for cell in tasks]
    windows = ("2/3", "0-2", "1/6", "0-1")
    cells = [
        *(_windowed(cell, "1/3") for cell in worn),  # before the whole adapter, and others after it
        *worn,
        *(_windowed(cell, window) for cell in worn for window in windows),
        *tasks,
    ]
    folder, _ = run_job(cells, DATA, {"base-t": base, **adapters}, batch_tokens=400)
    for cell in worn:
        whole, bare = _found(folder, cell), _found(folder, replace(cell, adapters=()))
        assert _found(folder, _windowed(cell, "0-2")) == whole
        assert _found(folder, _windowed(cell, "1/6")) == bare != whole
        parts = [_found(folder, _windowed(cell, window)) for window in ("1/3", "2/3", "0-1")]
        if cell.task.kind != "generate":  # answers may agree by chance
            assert all(one not in (whole, bare) for one in parts) and parts[0] != parts[1] != parts[2]
    alone, _ = run_job(worn[-3:], DATA, {"base-t": base, **adapters}, name="alone", batch_tokens=400)
    for cell in worn[-3:]:
        assert _found(alone, cell) == _found(folder, cell)


def test_a_window_is_an_adapter_that_has_nothing_elsewhere(
    run_job: RunJob, base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    """The same blocks, chosen by the names of the tensors instead."""
    cut = tmp_path / "cut"
    shutil.copytree(adapters["adapter-0"], cut)
    tensors = load_file(cut / "adapter_model.safetensors")
    kept = {name: t if ".1." in name else torch.zeros_like(t) for name, t in tensors.items()}
    assert 0 < sum(bool(t.any()) for t in kept.values()) < len(kept)
    save_file(kept, cut / "adapter_model.safetensors")
    window = _windowed(replace(CELL, task=ScoreTask(), adapters=("adapter-0",)), "1-1")
    other = replace(CELL, task=ScoreTask(), adapters=("cut",))
    folder, _ = run_job(
        [window, other], DATA, {"base-t": base, "adapter-0": adapters["adapter-0"], "cut": cut}
    )
    assert items(folder, window) == items(folder, other)


def test_a_window_goes_with_a_mask(run_job: RunJob, adapters: dict[str, Path], base: Path) -> None:
    masked = replace(CELL, adapters=("adapter-0",), interventions=("ban=Latn+Deva+Orya",))
    cells = [masked, _windowed(masked, "0-2"), _windowed(masked, "1/6"), replace(masked, adapters=())]
    folder, _ = run_job(cells, DATA, {"base-t": base, **adapters})
    whole, all_layers, none, bare = (items(folder, cell) for cell in cells)
    assert whole == all_layers and none == bare


def test_what_no_window_can_take_away_is_refused(run_job: RunJob, tmp_path: Path) -> None:
    odd = {
        "biases": {"bias": "lora_only"},
        "head": {"target_modules": ["query_key_value", "lm_head"]},
        "modules": {"target_modules": ["query_key_value"], "modules_to_save": ["ln_f"]},
    }
    for name, settings in odd.items():
        _adapter(EMBEDDED, tmp_path / name, 1, **settings)
        cell = _windowed(replace(CELL, adapters=(name,)), "0-0")
        with pytest.raises(BadInput, match="more of the model than linear maps"):
            run_job([cell], DATA, {"base-t": EMBEDDED, name: tmp_path / name}, name=f"job-{name}")
    with pytest.raises(BadInput, match="no adapter"):
        run_job([_windowed(CELL, "0-0")], DATA, {"base-t": EMBEDDED}, name="bare")


@given(st.integers(1, 100), st.integers(1, 40))
def test_windows_of_a_kind_hold_every_block_once(count: int, windows: int) -> None:
    parts = [blocks_in(f"{number}/{windows}", count) for number in range(1, windows + 1)]
    assert [block for part in parts for block in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("window", ["0-30", "4-2", "0/6", "7/6", "1/0", "", "each/6", "1", "-1-2"])
def test_a_window_that_is_not_there_is_refused(window: str) -> None:
    assert blocks_in("0-29", 30) == range(30) and blocks_in("1/6", 30) == range(5)
    with pytest.raises(BadInput, match="no window of layers"):
        blocks_in(window, 30)
