"""One run on disk: who holds it, what its jobs do, where everything lies."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kit.errors import StorageError, UsageError, Where
from kit.jobdir import Failure, JobFolder, SpecError, atomic_write, decode, encode, read_json
from kit.plan import Wanted
from kit.schedule.lock import Holder, held, holder

SCHEMA = 1

Stage = Literal["waiting", "running", "done", "failed", "blocked", "stopped"]


@dataclass(frozen=True)
class JobState:
    """One job as the scheduler sees it. Times are seconds since the epoch; `expected` are estimated seconds."""

    id: str
    title: str
    kind: str
    needs: tuple[str, ...]
    keys: tuple[str, ...]
    expected: float
    stage: Stage = "waiting"
    slot: str | None = None
    started: float | None = None
    ended: float | None = None
    attempts: int = 0
    failure: Failure | None = None
    batch_tokens: int | None = None
    """Tokens in a batch, where memory has forced smaller ones than the recipe's."""
    retries: tuple[str, ...] = ()
    """Why it was started again, a sentence each."""


@dataclass(frozen=True)
class RunState:
    """`state.json`: rewritten whole at every change. `wanted` and `stored` count cells at the start."""

    run: str
    stage: Literal["running", "done", "failed", "stopped"]
    jobs: tuple[JobState, ...]
    started: float
    updated: float
    wanted: int
    stored: int
    pid: int = field(default_factory=os.getpid)
    notice: str = ""
    """What keeps the whole run waiting, in a sentence."""
    schema: int = SCHEMA


@dataclass(frozen=True)
class Request:
    """`request.json`: how a run was asked for. `inputs` maps what was named to the id of its content then; `tunings`
    are the keys of the tunings that it stands on."""

    source: str
    overrides: tuple[str, ...]
    mirror: str | None
    offline: bool
    inputs: dict[str, str]
    tunings: tuple[str, ...] = ()
    schema: int = SCHEMA


class RunFolder:
    """Paths and typed access to a run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """The run's name: recipe name and digest of what it asks for."""
        return self.path.name

    @property
    def tables(self) -> Path:
        """Where the exported tables lie."""
        return self.path / "tables"

    def job(self, job_id: str) -> JobFolder:
        """The folder of one job."""
        return JobFolder(self.path / "jobs" / job_id)

    def job_folders(self) -> list[JobFolder]:
        """Every job folder of this run, in order of name."""
        return [JobFolder(path) for path in sorted((self.path / "jobs").glob("*")) if path.is_dir()]

    def lock(self) -> AbstractContextManager[None]:
        """Hold the run alone; raises LockedError, which says who holds it, where another process does."""
        return held(self.path)

    def holder(self) -> Holder | None:
        """The living process that works on this run, or None."""
        return holder(self.path)

    @property
    def output(self) -> Path:
        """What the kit printed that worked on this run without a terminal."""
        return self.path / "kit.log"

    @property
    def recipe(self) -> Path:
        """The recipe as it was asked for, complete: with it alone the run goes on."""
        return self.path / "recipe.yaml"

    def sweep(self) -> None:
        """Remove what killed processes left half-written; for a run that is held and has no job at work."""
        jobs = [job.path for job in self.job_folders()]
        for folder in (self.path, self.tables, *jobs):
            for path in folder.glob(".*.tmp"):
                path.unlink(missing_ok=True)
        for job in jobs:
            for path in (job / "scratch", job / "kept", *job.glob("*/.*.gone"), *job.glob(".*.gone")):
                shutil.rmtree(path, ignore_errors=True)

    def write_request(self, request: Request) -> None:
        """Write `request.json`: where the recipe came from, and what its names stood for."""
        atomic_write(self.path / "request.json", json.dumps(encode(request), ensure_ascii=False, indent=1))

    def request(self) -> Request:
        """How this run was asked for.

        Raises:
            StorageError: damaged, absent, or of a newer kit.
        """
        request: Request = _typed(Request, self.path / "request.json")
        return request

    def write_state(self, state: RunState) -> None:
        """Rewrite `state.json`."""
        atomic_write(self.path / "state.json", json.dumps(encode(state), ensure_ascii=False, indent=1))

    def state(self) -> RunState | None:
        """The last written state, or None where the run never started.

        Raises:
            StorageError: damaged, or of a newer kit.
        """
        path = self.path / "state.json"
        return _typed(RunState, path) if path.exists() else None

    def write_wanted(self, wanted: Wanted) -> None:
        """Write `wanted.json`: which cells the tables of this run show."""
        atomic_write(self.path / "wanted.json", json.dumps(encode(wanted), ensure_ascii=False, indent=1))

    def wanted(self) -> Wanted:
        """The cells that the tables of this run show.

        Raises:
            StorageError: damaged, absent, or of a newer kit.
        """
        wanted: Wanted = _typed(Wanted, self.path / "wanted.json")
        return wanted

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write `manifest.json`: what was asked, resolved and used."""
        atomic_write(self.path / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))

    def manifest(self) -> dict[str, Any]:
        """The manifest, empty where there is none."""
        path = self.path / "manifest.json"
        value: dict[str, Any] = read_json(path) if path.exists() else {}
        return value


def list_runs(root: Path) -> list[RunFolder]:
    """All runs under `root`, the last touched last."""
    folders = [path for path in root.glob("*") if (path / "wanted.json").exists()]
    return [RunFolder(path) for path in sorted(folders, key=lambda p: (p / "wanted.json").stat().st_mtime)]


def find_run(root: Path, name: str) -> RunFolder:
    """The run of that name, of a unique beginning of it, at that path, or the last one (`last`).

    Raises:
        UsageError: there is none, or several.
    """
    if "/" in name and (Path(name) / "wanted.json").exists():
        return RunFolder(Path(name).absolute())
    runs = list_runs(root)
    if name == "last" and runs:
        return runs[-1]
    found = [run for run in runs if run.name == name] or [run for run in runs if run.name.startswith(name)]
    if len(found) == 1:
        return found[0]
    names = (
        ", ".join(run.name for run in found)
        if found
        else ", ".join(run.name for run in runs[-5:]) or "none yet"
    )
    problem = (
        f"several runs begin with {name!r}: {names}"
        if found
        else f"no run is called {name!r} (there are: {names})"
    )
    raise UsageError(problem, where=Where(str(root)), remedy="list them with: xlt-kit runs")


def _typed(cls: type, path: Path) -> Any:
    try:
        value = read_json(path)
        if isinstance(value, dict) and isinstance(value.get("schema"), int) and value["schema"] > SCHEMA:
            raise StorageError(
                f"schema {value['schema']} is newer than this kit's ({SCHEMA})",
                where=Where(str(path)),
                remedy="upgrade xlt-kit",
            )
        return decode(cls, value)
    except (OSError, ValueError, SpecError) as problem:
        raise StorageError(
            f"this file of the run cannot be read: {problem}",
            where=Where(str(path)),
            remedy="run the recipe again; finished cells are in the store and are not repeated",
        ) from problem
