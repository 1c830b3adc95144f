"""How fast this machine evaluates a model: the job world measures in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kit.api.workspace import Workspace
from kit.catalog import Catalog, load_examples, locate_model
from kit.data.example import render_slice
from kit.errors import EnvironmentError_
from kit.jobdir import thread_environment

Dtype = Literal["float32", "bfloat16", "float16"]

_FAILED = {"measure": "it could not be measured:", "check": "it could not be checked:"}
"""Written out by tool, so that a search for what a user saw finds this place."""


@dataclass(frozen=True)
class Trial:
    """What is measured; names are the catalog's, or the model a folder. `alone`: questions also answered one by one.

    `threads`: of the CPU; all processors where it is left out.
    """

    model: str
    dataset: str
    language: str
    prompt: str = "qa"
    device: str = "cpu"
    dtype: Dtype = "float32"
    questions: int = 60
    limit: int = 100
    alone: int = 5
    threads: int | None = None


def measure(workspace: Workspace, trial: Trial) -> dict[str, Any]:
    """Figures of `python -m kit.job.measure`, which says what they are.

    Raises:
        CatalogError, MissingInputError, DataError: the model or the questions are not to be had.
        EnvironmentError_: it could not be measured here.
    """
    catalog = Catalog.load()
    own = Path(trial.model)
    location = locate_model(own if own.is_dir() else catalog.model(trial.model), workspace.locations)
    examples = load_examples(catalog, trial.dataset, trial.language, "test", workspace.locations)
    threads = trial.threads or len(os.sched_getaffinity(0))
    asked = {
        "model": str(location.path.absolute()),
        "template": catalog.prompt(trial.prompt).template,
        "device": trial.device,
        "dtype": trial.dtype,
        "threads": threads,
        "limit": trial.limit,
        "one_by_one": trial.alone,
    }
    with tempfile.TemporaryDirectory(prefix="xlt-kit-") as name:
        data = Path(name) / "data.jsonl"
        data.write_bytes(render_slice(examples[: trial.questions]))
        return in_job_world("measure", {**asked, "data": str(data)}, threads)


def in_job_world(tool: str, spec: Mapping[str, Any], threads: int | None = None) -> dict[str, Any]:
    """What `python -m kit.job.<tool>` prints about a spec, in a process of its own.

    Raises:
        EnvironmentError_: it says why not, or torch is not there.
    """
    count = threads or len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="xlt-kit-") as name:
        path = Path(name) / "spec.json"
        path.write_text(json.dumps(spec), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", f"kit.job.{tool}", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **thread_environment(count)},
        )
    lines = done.stdout.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    if done.returncode == 0 and found:
        return found
    last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    raise EnvironmentError_(
        f"{_FAILED[tool]} {found.get('problem', last)}",
        remedy=found.get("remedy") or "the local executor needs: pip install 'xlt-kit[job]'",
    )
