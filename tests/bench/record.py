"""What a bench finds, kept for BENCHMARKS.md: figures with spread, and the machine they were taken on."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.kit_command import ROOT

FOLDER = ROOT / "build" / "bench"
_PACKAGES = ("torch", "transformers", "peft", "lm-eval", "trl", "numpy", "textual")


def machine() -> dict[str, Any]:
    """Processor, cores, memory, system, versions."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "vectors": "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "",
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def spread(taken: Sequence[float]) -> str:
    """`median (least to most)`, in seconds."""
    return f"{statistics.median(taken):.3g} s ({min(taken):.3g} to {max(taken):.3g})"


def keep(name: str, title: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: str) -> None:
    """Print a table, and keep it with the machine for `python -m tests.bench.write`."""
    print(f"\n{title}\n{words}")
    for row in (head, *rows):
        print("  ".join(str(cell).ljust(28) for cell in row))
    FOLDER.mkdir(parents=True, exist_ok=True)
    found = {
        "title": title,
        "head": list(head),
        "rows": [list(map(str, row)) for row in rows],
        "words": words,
    }
    text = json.dumps({**found, "machine": machine()}, ensure_ascii=False, indent=1)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
