"""The manifest of a run: what was asked, what it resolved to, what it ran on. For people, bundles and comparisons."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

from kit import __version__
from kit.jobdir import encode
from kit.plan import Inputs
from kit.recipe import LoadedRecipe
from kit.schedule import Executor, RunFolder, RunState

SCHEMA = 1


def compose(
    loaded: LoadedRecipe, inputs: Inputs, executor: Executor, folder: RunFolder, state: RunState | None = None
) -> dict[str, Any]:
    """The manifest of a run before (`state` None) or after an attempt; earlier attempts are kept in it."""
    earlier = folder.manifest()
    attempts = list(earlier.get("attempts", []))
    if state is None:
        attempts.append(
            {"started": time.time(), "executor": executor.name, **executor.details, "host": hardware()}
        )
    elif attempts:
        attempts[-1] |= {"ended": state.updated, "stage": state.stage, "jobs": _jobs(folder, state)}
    return {
        "schema": SCHEMA,
        "kit": {"version": __version__, "git": git_state(Path(__file__).resolve().parent.parent)},
        "recipe": loaded.expanded,
        "recipe_files": [path.name for path in loaded.sources],
        "overrides": list(loaded.overrides),
        "models": [
            {
                "name": m.wanted.name,
                "id": m.wanted.id,
                "revision": m.revision,
                "parameters": m.wanted.parameters,
            }
            for m in inputs.models
        ],
        "adapters": [{"name": a.name, "id": a.id, "digest": a.digest} for a in inputs.adapters],
        "data": [
            {
                "use": use,
                **{k: v for k, v in encode(s).items() if k != "seen_by"},
                "seen_by": sorted(s.seen_by),
            }
            for use, slices in (("train", inputs.train), ("evaluate", inputs.evaluate))
            for s in slices
        ],
        "shots": [
            {
                "prompt": prompt,
                "dataset": s.asked.dataset,
                "language": s.asked.language,
                "id": s.id,
                "items": s.items,
            }
            for prompt, shots in inputs.shots.items()
            for s in shots
        ],
        "packages": {d.metadata["Name"]: d.version for d in distributions() if d.metadata["Name"]},
        "attempts": attempts,
    }


def hardware() -> dict[str, Any]:
    """This machine in a few figures: system, processors, memory in GB."""
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }


def git_state(root: Path) -> dict[str, Any] | None:
    """Revision and cleanliness of the kit's checkout; None where it is no checkout."""
    if not (root / ".git").exists():
        return None
    try:
        revision = _git(root, "rev-parse", "HEAD")
        return (
            {"revision": revision, "dirty": bool(_git(root, "status", "--porcelain"))} if revision else None
        )
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *words: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(root), *words], capture_output=True, text=True, timeout=20, check=False
    )
    return answer.stdout.strip()


def _jobs(folder: RunFolder, state: RunState) -> list[dict[str, Any]]:
    rows = []
    for job in state.jobs:
        result = folder.job(job.id).result()
        rows.append(
            {
                "id": job.id,
                "title": job.title,
                "stage": job.stage,
                "starts": job.attempts,
                "retries": list(job.retries),
                "batch_tokens": job.batch_tokens,
                "seconds": result.seconds if result else None,
                "environment": result.environment if result else None,
            }
        )
    return rows
