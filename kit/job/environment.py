"""Where a job ran: kept as provenance with its cells and its result, never part of a key."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

_PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "tokenizers",
    "safetensors",
    "numpy",
    "bitsandbytes",
)


def describe(device: str) -> dict[str, Any]:
    """Python, platform, device, threads, and the version of each package that shapes the numbers."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "device": _gpu() if device == "cuda" else _cpu(),
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        **versions,
    }


def _gpu() -> str:
    return f"{torch.cuda.get_device_name(0)} (CUDA {torch.version.cuda})"


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
