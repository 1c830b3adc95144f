"""How far a run is and how long it will take, read from the events of its jobs."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from kit.jobdir import Event, JobFolder
from kit.schedule.runfolder import JobState, RunFolder, RunState


@dataclass(frozen=True)
class PieceNow:
    """The piece that a series is at: a phrase, its keys, and which part of the series' time it is."""

    name: str
    place: str
    keys: tuple[str, ...]
    before: float
    share: float


@dataclass
class JobProgress:
    """What a job last said of itself: the share done (0 to 1), a phrase, and what it takes of the machine."""

    share: float = 0.0
    doing: str = ""
    usage: dict[str, float] = field(default_factory=dict)
    piece: PieceNow | None = None

    def tell(self, doing: str, share: float | None = None) -> None:
        """Of a piece of a series `share` is the part of it that is done."""
        piece = self.piece
        self.doing = f"{piece.place} {doing}: {piece.name}" if piece else doing
        if share is not None:
            share = min(1.0, share)
            self.share = min(1.0, piece.before + share * piece.share) if piece else share


@dataclass(frozen=True)
class RunProgress:
    """The share of the run's estimated work that is done, and seconds left (None while there is no basis)."""

    share: float
    seconds_left: float | None


@dataclass
class Curve:
    """What a job has told of its training (a series: of its last one) and its use of the machine, in order of time."""

    losses: list[float] = field(default_factory=list)
    throughput: float = 0.0
    """Tokens a second, of the last step."""
    usage: dict[str, float] = field(default_factory=dict)
    offset: int = 0

    def follow(self, folder: JobFolder) -> Curve:
        """Take in what is new in the job's folder; a job that was started again begins anew."""
        events, self.offset = folder.read_events(self.offset)
        for event in events:
            if event.kind == "started":
                self.losses.clear()
                self.usage = {}
            elif event.kind == "piece" and event.data.get("work") == "tune":
                self.losses.clear()
            elif event.kind == "train":
                self.losses.append(float(event.data.get("loss", 0.0)))
                self.throughput = float(event.data.get("tokens_per_s", 0.0))
            elif event.kind == "usage":
                self.usage = event.data
        return self


class Follower:
    """Reads each job's events once, from where it stopped."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._offsets: dict[tuple[str, int], int] = {}
        self.jobs: dict[str, JobProgress] = {}

    def update(self, state: RunState) -> RunProgress:
        """Read what is new of the jobs that run, and weigh all jobs by their estimates."""
        for job in state.jobs:
            if job.stage == "running":
                self._read(job, self._folder.job(job.id))
        total = sum(job.expected for job in state.jobs)
        done = sum(job.expected * self._share(job) for job in state.jobs)
        share = done / total if total else 1.0
        elapsed = max(0.0, time.time() - state.started)  # the clock may have been set back
        left = elapsed * (1 - share) / share if share > 0.02 else None
        return RunProgress(share, left)

    def seconds_left(self, job: JobState) -> float | None:
        """Of a job that runs: by the pace that it has shown, by its estimate before it has shown one."""
        if job.stage != "running" or job.started is None:
            return None
        share, gone = self._share(job), max(0.0, time.time() - job.started)
        return gone * (1 - share) / share if share > 0.05 else max(0.0, job.expected - gone)

    def _share(self, job: JobState) -> float:
        if job.stage in ("done", "failed", "blocked", "stopped"):
            return 1.0
        return self.jobs.get(job.id, JobProgress()).share

    def _read(self, job: JobState, folder: JobFolder) -> None:
        place = (job.id, job.attempts)
        events, self._offsets[place] = folder.read_events(self._offsets.get(place, 0))
        progress = self.jobs.setdefault(job.id, JobProgress())
        for event in events:
            _apply(event, progress, job)


def _apply(event: Event, progress: JobProgress, job: JobState) -> None:
    data = event.data
    if event.kind == "started":  # what an earlier go at this job said is over
        progress.share, progress.doing, progress.usage, progress.piece = 0.0, "", {}, None
    elif event.kind == "usage":
        progress.usage = data
    elif event.kind == "phase":
        progress.tell(str(data.get("name", "")))
    elif event.kind == "piece":
        place = f"{data['number']}/{data['of']}"
        progress.piece = PieceNow(
            data["name"], place, tuple(data["keys"]), float(data["before"]), float(data["share"])
        )
        progress.tell("begins", 0.0)
    elif event.kind == "train":
        loss = data.get("loss", float("nan"))
        progress.tell(
            f"step {data['step']}/{data['steps']}, loss {loss:.3f}", data["step"] / max(1, data["steps"])
        )
    elif event.kind == "progress":
        key, keys = data.get("cell"), progress.piece.keys if progress.piece else job.keys
        before = keys.index(key) if key in keys else 0
        share = (before + data["done"] / max(1, data["total"])) / max(1, len(keys))
        progress.tell(f"cell {before + 1}/{len(keys)}, {data['done']}/{data['total']}", share)
