"""What a page needs to follow a run: state, progress, the curve of a job; all of it read from files."""

from __future__ import annotations

from kit.api import Status, status
from kit.schedule import JobState, RunFolder
from kit.schedule.progress import Curve, Follower, JobProgress, RunProgress


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

    def seconds_left(self, job: JobState) -> float | None:
        """How long a job that runs will take."""
        return self._follower.seconds_left(job)

    def curve(self, job_id: str) -> Curve:
        """The curve of a job, with what is new."""
        return self._curves.setdefault(job_id, Curve()).follow(self.folder.job(job_id))
