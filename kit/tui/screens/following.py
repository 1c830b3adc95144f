"""What pages share that show what a run has finished so far: they read it again whenever a cell has been finished."""

from __future__ import annotations

from textual import work

from kit.errors import KitError
from kit.schedule import RunFolder
from kit.tui.following import Watch
from kit.tui.screens.page import Page

_SECONDS = 2.0


class FollowingPage(Page):
    """`read` is called in a thread, at the beginning and at every change; a run that is over is read once."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__()
        self.folder = folder
        self.watch_ = Watch(folder)
        self._reading = False
        self._seen: tuple[object, ...] = ()

    def head(self) -> str:
        """The run's name."""
        return self.folder.name

    def follow(self) -> None:
        """Read now, and again while the run goes on."""
        self._again()
        self.set_interval(_SECONDS, self._again)

    def read(self) -> None:
        """In a thread: read, and `bring` what was found to the screen.

        Raises:
            KitError: it cannot be read; `unread` says so.
        """
        raise NotImplementedError

    def unread(self, problem: KitError) -> None:
        """Say that it cannot be read; once for each problem."""
        self.kit.tell(problem)

    def unchanged(self) -> None:
        """Nothing has been finished since the last look."""

    def read_again(self) -> None:
        """Read at once, changed or not."""
        self._seen = ()
        self._again()

    def _again(self) -> None:
        """One look at a time, however long it takes."""
        over = not self.watch_.alive and bool(self._seen)
        if not self._reading and not over:
            self._reading = True
            self._look()

    @work(thread=True, group="read")
    def _look(self) -> None:
        try:
            self.watch_.look()
            store = self.kit.workspace.store()
            cells = sum(1 for cell in self.folder.wanted().cells if store.cell(cell.key))
            seen: tuple[object, ...] = (self.watch_.status.stage, cells)
            if seen == self._seen:
                self.bring(self.unchanged)
            else:
                self.read()
                self._seen = seen
        except KitError as problem:
            seen = (str(problem),)
            if seen != self._seen:
                self._seen = seen
                self.bring(self.unread, problem)
        finally:
            self._reading = False
