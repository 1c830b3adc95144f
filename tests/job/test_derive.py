"""The double of an adapter: the same singular values in every module, other directions, by its seed alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from kit.data.example import render_slice
from kit.job.derive import double
from kit.job.failures import BadInput
from kit.job.work import work
from kit.jobdir import (
    CellSpec,
    DeriveSpec,
    EvaluateSpec,
    GenerateTask,
    JobFolder,
    JobSpec,
    Lora,
    Piece,
    SeriesSpec,
    TrainerSettings,
    TuneSpec,
    key_of,
    read_json,
    sha256_file,
)
from tests.job.conftest import EMBEDDED, QA, examples, items

SPEC = DeriveSpec("tune-x@6", seed=3, base="base-x")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter of all linear maps of the shipped base; the rank is larger than nothing there."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32)
    worn = get_peft_model(
        model, LoraConfig(r=6, lora_alpha=12, target_modules="all-linear", task_type="CAUSAL_LM")
    )
    for parameter in worn.parameters():
        if parameter.requires_grad:
            parameter.data = torch.randn_like(parameter)
    worn.save_pretrained(tmp_path / "adapter", save_embedding_layers=False)
    return tmp_path / "adapter"


def products(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    names = [name.removesuffix(".lora_A.weight") for name in tensors if "lora_A" in name]
    return {n: tensors[f"{n}.lora_B.weight"] @ tensors[f"{n}.lora_A.weight"] for n in names}


def run(folder: JobFolder) -> dict[str, str]:
    folder.scratch.mkdir(exist_ok=True)
    landed: dict[str, str] = {}
    work(folder.spec(), folder, {}, landed)
    return landed


def test_each_module_is_as_large_and_points_elsewhere(adapter: Path, tmp_path: Path) -> None:
    folder = JobFolder(tmp_path / "job")
    key = key_of("derive", SPEC)
    folder.write_spec(JobSpec("derive", SPEC, (key,), {SPEC.adapter: str(adapter)}))
    landed = run(folder)
    made = folder.adapters / "6"
    assert landed == {"6": sha256_file(made / "adapter_model.safetensors")}
    assert read_json(made / "derived.json") == {
        "adapter": "tune-x@6",
        "digest": sha256_file(adapter / "adapter_model.safetensors"),
        "seed": 3,
    }
    assert json.loads((made / "adapter_config.json").read_text()) == json.loads(
        (adapter / "adapter_config.json").read_text()
    )
    before, after = (load_file(path / "adapter_model.safetensors") for path in (adapter, made))
    assert {n: t.shape for n, t in before.items()} == {n: t.shape for n, t in after.items()}
    for name, real in products(before).items():
        other = products(after)[name]
        torch.testing.assert_close(
            torch.linalg.svdvals(other), torch.linalg.svdvals(real), rtol=1e-4, atol=1e-3
        )
        torch.testing.assert_close(other.norm(), real.norm(), rtol=1e-5, atol=0)
        assert abs(float((other * real).sum() / real.norm() ** 2)) < 0.1


def test_what_decides_is_the_seed_and_the_adapter(adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    first = double(tensors, 1, "tune-x@6")
    again = double(dict(reversed(tensors.items())), 1, "tune-x@6")
    assert all(torch.equal(first[name], again[name]) for name in first)
    for other in (double(tensors, 2, "tune-x@6"), double(tensors, 1, "tune-y@6")):
        assert not any(torch.equal(first[name], other[name]) for name in first)
    same, else_ = DeriveSpec("tune-x@6", 3, base="b", label="l"), DeriveSpec("tune-x@6", 4)
    assert key_of("derive", same) == key_of("derive", SPEC) != key_of("derive", else_)


def test_a_rank_above_the_modules_sides() -> None:
    """As with r 64 on a toy: there are fewer directions than the rank."""
    torch.manual_seed(0)
    tensors = {"m.lora_A.weight": torch.randn(8, 3), "m.lora_B.weight": torch.randn(5, 8)}
    made = double(tensors, 0, "x")
    assert made["m.lora_A.weight"].shape == (8, 3) and made["m.lora_B.weight"].shape == (5, 8)
    real, other = products(tensors)["m"], products(made)["m"]
    torch.testing.assert_close(torch.linalg.svdvals(other), torch.linalg.svdvals(real))
    nothing = double({name: torch.zeros_like(t) for name, t in tensors.items()}, 0, "x")
    assert not any(t.any() for t in nothing.values())


def test_what_has_no_double_is_refused(adapter: Path, tmp_path: Path) -> None:
    odd = tmp_path / "odd"
    shutil.copytree(adapter, odd)
    tensors = load_file(odd / "adapter_model.safetensors")
    save_file({**tensors, "m.bias": torch.ones(2)}, odd / "adapter_model.safetensors")
    for number, (path, words) in enumerate(
        [(odd, "more than pairs of linear maps"), (tmp_path / "none", "no adapter_model.safetensors")]
    ):
        folder = JobFolder(tmp_path / f"job-{number}")
        folder.write_spec(JobSpec("derive", SPEC, ("derive-x",), {SPEC.adapter: str(path)}))
        with pytest.raises(BadInput, match=words):
            run(folder)


def test_a_series_tunes_doubles_and_evaluates_both(tmp_path: Path, random_model: Path) -> None:
    """As single jobs would; and a second go finds what the first has made."""
    data = tmp_path / "data.jsonl"
    data.write_bytes(render_slice(examples(6)))
    lora = Lora(r=4, alpha=8, targets=("query_key_value",))
    tuning = TuneSpec(
        "base-x", "data", QA, lora, TrainerSettings(steps=2, learning_rate=0.05), save_steps=(2,)
    )
    tuned = f"{key_of('tune', tuning)}@2"
    spec = DeriveSpec(tuned, base="base-x")
    doubled = f"{key_of('derive', spec)}@2"
    cells = {
        a: CellSpec("base-x", "data", QA, GenerateTask(limit=6), adapters=(a,)) for a in (tuned, doubled)
    }
    pieces = [
        Piece("tune", tuning, (key_of("tune", tuning),)),
        Piece("derive", spec, (key_of("derive", spec),)),
    ]
    pieces += [
        Piece(f"evaluate {a}", EvaluateSpec("base-x", (cell,)), (key_of("cell", cell),))
        for a, cell in cells.items()
    ]
    inputs = {"base-x": str(random_model), "data": str(data)}
    folder = JobFolder(tmp_path / "series")
    keys = tuple(key for piece in pieces for key in piece.keys)
    folder.write_spec(JobSpec("series", SeriesSpec("base-x", tuple(pieces)), keys, inputs))
    landed = run(folder)
    assert set(landed) == {tuned, doubled, *(key_of("cell", cell) for cell in cells.values())}
    about = read_json(folder.cells / key_of("cell", cells[doubled]) / "cell.json")
    assert about["adapter_digests"] == {doubled: landed[doubled]}
    assert len(items(folder, cells[doubled])) == 6
    single = JobFolder(tmp_path / "single")
    source = folder.adapters / key_of("tune", tuning) / "2"
    single.write_spec(JobSpec("derive", spec, (key_of("derive", spec),), {tuned: str(source)}))
    assert run(single) == {"2": landed[doubled]}
