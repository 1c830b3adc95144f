"""What a page needs to follow a run: state, progress, the curve of a job; all of it read from files."""

from __future__ import annotations

from dataclasses import dataclass, field

from kit.api import Status, status
from kit.jobdir import Event
from kit.schedule import RunFolder
from kit.schedule.progress import Follower, JobProgress, RunProgress


@dataclass
class Curve:
    """What a job has told of its training and its use of the machine, in the order of time."""

    losses: list[float] = field(default_factory=list)
    throughput: float = 0.0
    usage: dict[str, float] = field(default_factory=dict)
    offset: int = 0

    def take(self, events: list[Event]) -> None:
        """Take in what is new."""
        for event in events:
            if event.kind == "started":
                self.losses.clear()
                self.usage = {}
            elif event.kind == "train":
                self.losses.append(float(event.data.get("loss", 0.0)))
                self.throughput = float(event.data.get("tokens_per_s", 0.0))
            elif event.kind == "usage":
                self.usage = event.data


class Watch:
    """Looks at one run; `look` reads what is new and returns whether anything has changed."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.status: Status = status(folder)
        self.progress = RunProgress(0.0, None)
        self._follower = Follower(folder)
        self._curves: dict[str, Curve] = {}

    @property
    def alive(self) -> bool:
        """Whether somebody works on it."""
        return self.status.stage == "running"

    def look(self) -> None:
        """Read state and events."""
        self.status = status(self.folder)
        if self.status.state:
            self.progress = self._follower.update(self.status.state)

    def job(self, job_id: str) -> JobProgress:
        """What a job last said."""
        return self._follower.jobs.get(job_id, JobProgress())

    def curve(self, job_id: str) -> Curve:
        """The curve of a job, with what is new."""
        curve = self._curves.setdefault(job_id, Curve())
        events, curve.offset = self.folder.job(job_id).read_events(curve.offset)
        curve.take(events)
        return curve
