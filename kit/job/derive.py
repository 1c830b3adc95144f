"""An adapter's double in random directions (a control of experiment S2): as large as the adapter, and it knows nothing.

A LoRA adds s·B·A to a module's weights. Its double adds s·B'·A' with the same singular values, so of the same Frobenius
norm and the same rank, and with random singular vectors: B' = U·√Σ, A' = √Σ·Vᵀ, where U and V are the Q of a normal
matrix. Which, is decided by the seed, the adapter's id and the module's name: not by the order of modules, nor by the
device.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig
from safetensors.torch import load_file, save_file

from kit.job.evaluate import Desk
from kit.job.failures import BadInput, unstopped
from kit.job.model import ADAPTER_FILE, adapter_digest, check_adapter, rewrites_base
from kit.jobdir import DERIVED_FILE, DeriveSpec, publish_folder

_VERSION = 1  # of the job kind
_A, _B = ".lora_A.weight", ".lora_B.weight"


def derive(desk: Desk) -> None:
    """Publish the double under the step of its adapter.

    Raises:
        BadInput: the adapter is absent, no LoRA, or holds more than the pairs of linear maps.
    """
    spec = desk.job.work
    assert isinstance(spec, DeriveSpec)
    (step,) = spec.save_steps
    if spec.version != _VERSION:
        raise BadInput(
            f"The job asks for version {spec.version} of derivation; here is {_VERSION}.", "Use that kit."
        )
    final = desk.folder.adapters / str(step)
    if not final.is_dir():
        desk.emit("phase", name="derive")
        if spec.adapter not in desk.job.inputs:
            raise BadInput(f"The job does not say where {spec.adapter} lies.")
        source, unfinished = Path(desk.job.inputs[spec.adapter]), desk.folder.scratch / f"adapter-{step}"
        _write(spec, source, unfinished)
        with unstopped():
            desk.folder.adapters.mkdir(exist_ok=True)
            publish_folder(unfinished, final)
    digest = adapter_digest(final)
    desk.landed[str(step)] = digest
    desk.emit("adapter", step=step, digest=digest)


def double(tensors: dict[str, torch.Tensor], seed: int, name: str) -> dict[str, torch.Tensor]:
    """The double of an adapter's tensors, which are pairs A (rank × in) and B (out × rank) of some modules.

    Raises:
        BadInput: there are others.
    """
    modules = [key.removesuffix(_A) for key in tensors if key.endswith(_A)]
    if not modules or set(tensors) != {module + end for module in modules for end in (_A, _B)}:
        raise BadInput(
            "The adapter holds more than pairs of linear maps, which have no double in random directions."
        )
    made = {}
    for module in modules:
        a, b = tensors[module + _A].double(), tensors[module + _B].double()
        # B·A = Q_b (R_b R_aᵀ) Q_aᵀ, so that the small matrix in the middle has its singular values.
        values = torch.linalg.svdvals(torch.linalg.qr(b).R @ torch.linalg.qr(a.T).R.T)
        digest = hashlib.sha256(f"{seed}|{name}|{module}".encode()).digest()
        drawn = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
        left = _orthonormal(len(b), len(values), drawn) * values.sqrt()
        right = _orthonormal(a.shape[1], len(values), drawn) * values.sqrt()
        spare = (0, len(a) - len(values))  # where the rank is larger than a side of the module
        made[module + _A] = (
            torch.nn.functional.pad(right, spare).T.to(tensors[module + _A].dtype).contiguous()
        )
        made[module + _B] = torch.nn.functional.pad(left, spare).to(tensors[module + _B].dtype).contiguous()
    return made


def _orthonormal(rows: int, columns: int, drawn: torch.Generator) -> torch.Tensor:
    """(rows, columns) with orthonormal columns, no direction likelier than another (Mezzadri 2007)."""
    q, r = torch.linalg.qr(torch.randn(rows, columns, generator=drawn, dtype=torch.float64))
    return q * r.diagonal().sign()


def _write(spec: DeriveSpec, source: Path, folder: Path) -> None:
    check_adapter(source)
    if rewrites_base(LoraConfig.from_pretrained(str(source))):
        raise BadInput(f"{source}: the adapter changes weights of the base, which has no double.")
    made = double(load_file(source / ADAPTER_FILE), spec.seed, spec.adapter)
    folder.mkdir(parents=True)
    shutil.copyfile(source / "adapter_config.json", folder / "adapter_config.json")
    save_file(made, folder / ADAPTER_FILE, metadata={"format": "pt"})
    (folder / "digest.txt").write_text(adapter_digest(folder) + "\n", encoding="ascii")
    origin = {"adapter": spec.adapter, "digest": adapter_digest(source), "seed": spec.seed}
    (folder / DERIVED_FILE).write_text(json.dumps(origin, indent=1), encoding="utf-8")
