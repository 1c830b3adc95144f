"""Models from local folders: safetensors only, no remote code, the dtype said explicitly.

A base is loaded once and serves many adapters. An adapter is attached unmerged (merging in bf16 changes
outputs) and taken off again, which gives the very same base back; one adapter is attached at a time, so
memory holds a base and one adapter whatever a job's length. A subject of several adapters is ordered: all but
the last are parents, merged into the base in float32 before it takes its dtype; the last stays unmerged.
Tuning on top of parents does the same.

Adapter weights are float32 under every base dtype (peft's default); their product is cast to the base's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from peft import PeftModel

from kit.job.classes import Classes, classes_of
from kit.job.failures import BadInput, classify
from kit.job.translators import TRANSLATORS_FILE
from kit.jobdir import FailureCode, sha256_file
from kit.jobdir.spec import Weights

DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_QUANTIZED: Mapping[str, Mapping[str, Any]] = {
    "int8": {"load_in_8bit": True},
    # As in QLoRA (Dettmers et al. 2023): normal float, its scales quantised too.
    "nf4": {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_use_double_quant": True,
        "bnb_4bit_compute_dtype": torch.bfloat16,
    },
}
ADAPTER_FILE = "adapter_model.safetensors"
_EAGER_ONLY = {"bloom"}
# Ways to start an adapter that leave the base's own weights alone; the others (pissa, olora, ...) rewrite
# them.
_PLAIN_STARTS = (True, False, "gaussian", "orthogonal")


def check_device(device: str) -> None:
    """Raises BadInput where CUDA is asked for and not there."""
    if device != "cuda":
        return
    if not torch.cuda.is_available():
        raise BadInput(
            "The job asks for CUDA, and torch sees no CUDA device.", "Use device cpu, or a CUDA build."
        )
    major, minor = torch.cuda.get_device_capability(0)
    built = [
        int(name.removeprefix("sm_").rstrip("af")) for name in torch.cuda.get_arch_list() if "sm_" in name
    ]
    if built and 10 * major + minor < min(built):
        raise BadInput(
            f"{torch.cuda.get_device_name(0)} is of compute capability {major}.{minor}; this build of torch begins at "
            f"{min(built) / 10}.",
            "Use the CUDA 12 image, which knows older cards: xlt-kit image build --flavour cu12.",
        )


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer in a model folder.

    Raises:
        BadInput: it is not there or cannot be read.
    """
    _check_folder(folder)
    with _refusing(f"{folder}: the tokenizer cannot be loaded"):
        return transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )


def load_base(folder: Path, dtype: Weights, device: str, parents: Sequence[Path] = ()) -> Any:
    """The causal language model in `folder`, in evaluation mode, with `parents` merged in.

    Quantised weights are made so while they are read; embeddings, head and norms are then bfloat16.

    Raises:
        BadInput: the folder is absent, has no safetensors, asks for remote code or lacks some of its weights;
            weights are to be quantised without CUDA or bitsandbytes, or after merging.
    """
    _check_folder(folder)
    if not any(folder.glob("*.safetensors")):
        raise BadInput(
            f"{folder}: there are no weights as safetensors.", "Convert them; no other format is loaded."
        )
    if dtype in _QUANTIZED:
        _check_quantized(dtype, device, parents)
        quantized = transformers.BitsAndBytesConfig(**_QUANTIZED[dtype])
        how = {"quantization_config": quantized, "device_map": {"": device}}
        return _from_pretrained(folder, "bfloat16", **how).eval()
    model = _from_pretrained(folder, "float32" if parents else dtype)
    for parent in parents:
        model = _with_adapter(model, parent).merge_and_unload()
    model = model.to(dtype=DTYPES[dtype], device=device).eval()
    if device == "cpu":
        _copy_weights(model)
    return model


def _check_quantized(weights: str, device: str, parents: Sequence[Path]) -> None:
    remedy = "Use weights bfloat16."
    if device != "cuda":
        raise BadInput(f"Weights {weights} need a CUDA GPU; the job runs on {device}.", remedy)
    if find_spec("bitsandbytes") is None:
        raise BadInput(
            f"Weights {weights} need the package bitsandbytes, which is not installed where the job runs.",
            f"Install it: pip install 'xlt-kit[quantized]'. Or: {remedy}",
        )
    if parents:
        raise BadInput(f"Adapters cannot be merged into weights {weights} without loss.", remedy)


def _from_pretrained(folder: Path, dtype: str, **how: Any) -> Any:
    with _refusing(f"{folder}: the model cannot be loaded"):
        config = transformers.AutoConfig.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        if config.model_type in _EAGER_ONLY:
            how["attn_implementation"] = "eager"
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=DTYPES[dtype],
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            **how,
        )
    if info["missing_keys"]:
        names = ", ".join(sorted(info["missing_keys"])[:3])
        raise BadInput(
            f"{folder}: weights are missing: {names}", "A model with random weights is no subject."
        )
    return model


class Base:
    """A base model in memory, its tokenizer, and the adapters that are put on it one after the other."""

    def __init__(self, folder: Path, dtype: Weights, device: str, parents: Sequence[Path] = ()) -> None:
        self._load = lambda: load_base(folder, dtype, device, parents)
        self._folder = folder
        self._classes: dict[str, Classes] = {}
        self.device = device
        self.model = self._load()

    @cached_property
    def tokenizer(self) -> Any:
        """Its tokenizer; raises BadInput where it cannot be read."""
        return load_tokenizer(self._folder)

    def classes(self, matrix: str, map_file: Path | None = None) -> Classes:
        """The classes of its tokens under a matrix or a map of that id; made once, however many cells ask for them.

        Raises:
            BadInput: as `kit.job.classes.classes_of`.
        """
        if matrix not in self._classes:
            outputs = self.model.get_output_embeddings().weight.shape[0]
            self._classes[matrix] = classes_of(matrix, self.tokenizer, outputs, map_file)
        return self._classes[matrix]

    @contextmanager
    def wearing(self, adapter: Path | None) -> Iterator[Any]:
        """The model with `adapter` attached, or the bare base; on leaving, the base is as it was before.

        Raises:
            BadInput: the adapter is absent, unsafe, not LoRA or not for this base.
        """
        if adapter is None:
            yield self.model
            return
        worn = _with_adapter(self.model, adapter)
        try:
            yield worn.eval()
        finally:
            self.model = worn.unload()
            if rewrites_base(worn.peft_config["default"]):
                self.model = None
                self.model = self._load()


def context_length(model: Any) -> int | None:
    """The tokens of the longest text that a model was made for, as its own configuration says; None where it does not.

    Models with ALiBi run on beyond it (BLOOM, whose files call it `seq_length`), others may not.
    """
    for name in ("max_position_embeddings", "seq_length", "n_positions"):
        value = getattr(model.config.get_text_config(), name, None)
        if isinstance(value, int):
            return value
    return None


def adapter_digest(folder: Path) -> str:
    """sha256 of an adapter's weights, or of a tuned lens's: what a finished cell records of it."""
    maps = folder / TRANSLATORS_FILE
    return sha256_file(maps if maps.is_file() else folder / ADAPTER_FILE)


def _with_adapter(model: Any, folder: Path) -> Any:
    check_adapter(folder)
    with _refusing(f"{folder}: the adapter does not fit this base"):
        return PeftModel.from_pretrained(model, str(folder), is_trainable=False, local_files_only=True)


def check_adapter(folder: Path) -> None:
    """Raises BadInput where this is no LoRA adapter as peft saves it."""
    if not (folder / ADAPTER_FILE).is_file():
        raise BadInput(f"{folder}: there is no {ADAPTER_FILE}.", "Only adapters as safetensors are loaded.")
    try:
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{folder}: adapter_config.json cannot be read: {error}") from error
    if config.get("peft_type") != "LORA":
        raise BadInput(
            f"{folder}: the adapter is of type {config.get('peft_type')}.", "Only LoRA is supported."
        )


def rewrites_base(config: Any) -> bool:
    """Whether an adapter of this configuration changes weights of the base itself."""
    return config.bias != "none" or config.init_lora_weights not in _PLAIN_STARTS


def _copy_weights(model: Any) -> None:
    """Take the weights out of the mapped file: rewriting it would change them under a running job."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise BadInput(f"{folder}: there is no model here (no config.json).", "Check the input's path.")


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Whatever the libraries raise on reading is bad input, for they raise nearly any type; but a lack of memory
    or of disk stays what it is.
    """
    try:
        yield
    except Exception as error:
        if classify(error).code != FailureCode.DEFECT:
            raise
        raise BadInput(f"{what}: {' '.join(str(error).split())[:300]}") from error
