"""Loading: what is refused, and that another family than BLOOM goes the same way."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from kit.job.failures import BadInput
from kit.job.model import ADAPTER_FILE, Base, load_base
from kit.jobdir import CellSpec, GenerateTask, ScoreTask
from tests.job.conftest import EMBEDDED, QA, RunJob, examples, items

WEIGHTS = "model.safetensors"


def _pickled(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()


def _truncated(folder: Path) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[: len(whole) // 2])


def _incomplete(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS)
    weights.pop(next(name for name in weights if "dense_h_to_4h.weight" in name))
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})


def _misshapen(folder: Path) -> None:
    _configure(folder, hidden_size=64)


def _of_unknown_type(folder: Path) -> None:
    _configure(folder, model_type="no-such-model")


def _with_code_of_its_own(folder: Path) -> None:
    _configure(
        folder, model_type="own", auto_map={"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}
    )
    (folder / "own.py").write_text("raise SystemExit('this code must not run')\n", encoding="utf-8")


def _without_configuration(folder: Path) -> None:
    (folder / "config.json").unlink()


def _configure(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_pickled, "no weights as safetensors"),
        (_truncated, "cannot be (read|loaded)"),
        (_incomplete, "weights are missing"),
        (_misshapen, "cannot be loaded"),
        (_of_unknown_type, "cannot be loaded"),
        (_with_code_of_its_own, "cannot be loaded"),
        (_without_configuration, "no model here"),
    ],
)
def test_a_model_that_is_not_safe_or_whole_is_refused(
    tmp_path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(EMBEDDED, folder)
    spoil(folder)
    with pytest.raises(BadInput, match=words) as refused:
        load_base(folder, "float32", "cpu")
    assert str(folder) in refused.value.message


def test_rewriting_the_file_does_not_change_a_loaded_model(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(EMBEDDED, folder)
    model = load_base(folder, "float32", "cpu")
    before = model.lm_head.weight.clone()
    with (folder / WEIGHTS).open("r+b") as stream:
        size = (folder / WEIGHTS).stat().st_size
        stream.write(bytes(size))
    assert torch.equal(model.lm_head.weight, before)


def _adapter(folder: Path, base: Path) -> Path:
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    get_peft_model(model, LoraConfig(r=2, task_type="CAUSAL_LM")).save_pretrained(folder)
    return folder


def test_an_adapter_that_is_pickled_of_another_kind_or_for_another_base_is_refused(
    tmp_path: Path, random_model: Path
) -> None:
    base = Base(EMBEDDED, "float32", "cpu")
    pickled, other, foreign = (_adapter(tmp_path / name, EMBEDDED) for name in ("a", "b", "c"))
    torch.save(load_file(pickled / ADAPTER_FILE), pickled / "adapter_model.bin")
    (pickled / ADAPTER_FILE).unlink()
    config = json.loads((other / "adapter_config.json").read_text())
    (other / "adapter_config.json").write_text(json.dumps({**config, "peft_type": "PROMPT_TUNING"}))
    _adapter(foreign, random_model)
    for folder, words in ((pickled, ADAPTER_FILE), (other, "PROMPT_TUNING"), (foreign, "does not fit")):
        with pytest.raises(BadInput, match=words), base.wearing(folder):
            pass


def test_a_lack_of_memory_while_loading_is_no_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def scarce(*arguments: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", scarce)
    with pytest.raises(torch.OutOfMemoryError):
        load_base(EMBEDDED, "float32", "cpu")


def _llama(vocabulary: int) -> Any:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            initializer_range=0.4,
            eos_token_id=2,
        )
    )


def _gpt2(vocabulary: int) -> Any:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, initializer_range=0.4, eos_token_id=2
        )
    )


@pytest.mark.parametrize("make", [_llama, _gpt2], ids=["relative", "absolute"])
def test_a_family_that_is_told_positions_goes_the_same_way(
    tmp_path: Path, run_job: RunJob, make: Callable[[int], Any]
) -> None:
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    make(len(tokenizer)).save_pretrained(tmp_path / "other")
    tokenizer.save_pretrained(tmp_path / "other")
    generate = CellSpec("base-o", "data", QA, GenerateTask(limit=10))
    score = replace(generate, task=ScoreTask())
    cells = [replace(cell, mode=mode) for cell in (generate, score) for mode in ("fast", "exact")]
    folder, _ = run_job(cells, examples(6), {"base-o": tmp_path / "other"})
    assert items(folder, cells[0]) == items(folder, cells[1])
    for one, other in zip(items(folder, cells[2]), items(folder, cells[3]), strict=True):
        left, right = one["continuations"][0], other["continuations"][0]
        assert left["tokens"] == pytest.approx(right["tokens"], abs=1e-5)
        assert (left["end"], left["newline"]) == pytest.approx((right["end"], right["newline"]), abs=1e-5)


@pytest.fixture
def with_bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Makes believe that it is installed; nothing is loaded: what `from_pretrained` is given stands in the list."""
    given: list[dict[str, Any]] = []

    def record(folder: Path, **how: Any) -> Any:
        given.append(how)
        return torch.nn.Linear(1, 1), {"missing_keys": []}

    monkeypatch.setattr("kit.job.model.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.50.0")
    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", record)
    return given


def test_weights_are_quantised_while_they_are_read(
    random_model: Path, with_bitsandbytes: list[dict[str, Any]]
) -> None:
    for weights in ("int8", "nf4"):
        assert not load_base(random_model, weights, "cuda").training
    eight, four = with_bitsandbytes
    for given in (eight, four):
        assert given["dtype"] == torch.bfloat16 and given["device_map"] == {"": "cuda"}
        assert given["use_safetensors"] is True and given["trust_remote_code"] is False
    assert eight["quantization_config"].load_in_8bit and not eight["quantization_config"].load_in_4bit
    config = four["quantization_config"]
    assert config.load_in_4bit and config.bnb_4bit_quant_type == "nf4" and config.bnb_4bit_use_double_quant
    assert config.bnb_4bit_compute_dtype == torch.bfloat16


def test_quantised_weights_are_refused_where_they_cannot_be(
    random_model: Path, with_bitsandbytes: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="nf4 need a CUDA GPU"):
        load_base(random_model, "nf4", "cpu")
    with pytest.raises(BadInput, match="without loss"):
        load_base(random_model, "nf4", "cuda", [random_model])
    monkeypatch.setattr("kit.job.model.find_spec", lambda name: None)
    with pytest.raises(BadInput, match="not installed") as refused:
        load_base(random_model, "int8", "cuda")
    assert "xlt-kit[quantized]" in (refused.value.remedy or "")
    assert with_bitsandbytes == []
