"""Faults for a process from outside its code: put this folder on PYTHONPATH and say in CHAOS what goes wrong, when.

Python imports `sitecustomize` before anything else. The hook below sees every opening, renaming, making and removing
of files, every child process and every connection (`sys.addaudithook`), counts those that match, and at the chosen one
kills the process with signal 9 or lets the call fail. So the program under test needs no hooks of its own.

CHAOS is a JSON object: `role` (`kit` or `job`), `home` (only paths in it count; empty: all), `event` (its beginning;
empty: any), `match` (a regular expression on the path), `at` (1 for the first), `action` (`kill`, `full`, `record`),
`fuse` (a file: made when the fault happens, and while it is there nothing happens; a full disk stays full until the
fuse is removed), `record` (a file that gets a line for each match).
"""

import json
import os
import re
import signal
import sys

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def role():
    words = sys.orig_argv
    if "kit.job" in words or any(word.endswith("pretend_job.py") for word in words):
        return "job"
    return (
        "kit"
        if "kit.cli" in words or any(word.endswith(("/xlt-kit", "quick_kit.py")) for word in words)
        else ""
    )


def paths_of(event, arguments):
    """The paths that an event would change, or a word for what has none; None where it changes nothing."""
    if event == "open":
        path, _mode, flags = arguments
        return (
            [path] if isinstance(path, (str, bytes)) and isinstance(flags, int) and flags & WRITING else None
        )
    if event == "os.rename":
        return [arguments[0], arguments[1]]
    if event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate"):
        return [arguments[0]]
    if event == "subprocess.Popen":
        return [" ".join(map(os.fsdecode, arguments[1]))]
    if event == "socket.connect":
        return [str(arguments[1])]
    return None


class Hook:
    def __init__(self, wanted):
        self.wanted = wanted
        self.match = re.compile(wanted.get("match", ""))
        self.count = 0
        self.busy = False

    def __call__(self, event, arguments):
        if self.busy:
            return
        paths = paths_of(event, arguments)
        if paths is None or not event.startswith(self.wanted.get("event", "")):
            return
        place = " -> ".join(os.fsdecode(path) for path in paths if isinstance(path, (str, bytes)))
        if self.wanted.get("home", "") not in place or not self.match.search(place):
            return
        self.busy = True
        try:
            self.happen(event, place)
        finally:
            self.busy = False

    def happen(self, event, place):
        action, fuse = self.wanted["action"], self.wanted.get("fuse")
        if action == "full" and fuse and os.path.exists(fuse) and event in ("open", "os.mkdir", "os.rename"):
            raise OSError(28, os.strerror(28), place)
        if fuse and os.path.exists(fuse):
            return
        self.count += 1
        if record := self.wanted.get("record"):
            with open(record, "a") as stream:
                stream.write(f"{os.getpid()} {event} {place}\n")
        if action == "record" or self.count != self.wanted.get("at", 1):
            return
        with open(fuse, "w") as stream:
            stream.write(f"{event} {place}\n")
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if event in ("open", "os.mkdir", "os.rename"):
            raise OSError(28, os.strerror(28), place)


if "CHAOS" in os.environ:
    hook = Hook(json.loads(os.environ["CHAOS"]))
    if hook.wanted.get("role", role()) == role():
        if jump := hook.wanted.get("clock"):  # seconds by which the clock is wrong, and after how many calls
            import time

            real, calls = time.time, iter(range(1 << 62))
            time.time = lambda: real() + (jump[0] if next(calls) >= jump[1] else 0)
        sys.addaudithook(hook)
