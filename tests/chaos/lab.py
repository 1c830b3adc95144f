"""What the chaos tests share: a kit in a home of its own that can be started, killed, and looked at afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kit.jobdir import JobFolder

ROOT = Path(__file__).resolve().parents[2]
INJECT = Path(__file__).with_name("inject")
QUICK = Path(__file__).with_name("quick_kit.py")

QUICK_RECIPE = """
schema: 1
name: quick
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de]}
evaluate:
  - {dataset: tiny-qa, languages: [de, hi], limit: 4}
tasks: [generate]
trainer: {steps: 2}
seeds: [1]
resources: {device: cpu, slots: 2}
"""


@dataclass
class Lab:
    """A home, and the kits that work in it. `quick` has its jobs answer without a model."""

    home: Path
    quick: bool = False
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def command(self, *words: str | Path) -> list[str]:
        program = [sys.executable, str(QUICK)] if self.quick else [sys.executable, "-m", "kit.cli"]
        return [*program, *map(str, words)]

    def environment(self, fault: dict[str, Any] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("XLT_KIT_", "CHAOS"))}
        path = [str(ROOT)]
        if fault is not None:
            kept["CHAOS"] = json.dumps({"home": str(self.home), **fault})
            path.append(str(INJECT))
        return {**kept, "XLT_KIT_HOME": str(self.home), "COLUMNS": "80", "PYTHONPATH": os.pathsep.join(path)}

    def start(self, *words: str | Path, fault: dict[str, Any] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(fault),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str | Path, fault: dict[str, Any] | None = None) -> tuple[int, str]:
        """Run a command to its end; its exit code and what it printed."""
        kit = self.start(*words, fault=fault)
        output, _ = kit.communicate(timeout=900)
        assert "Traceback" not in output, output
        return kit.returncode, output

    def processes(self) -> list[psutil.Process]:
        """Every living process that works in this home: kits by their environment, jobs by their folder."""
        return list(self._processes())

    def _processes(self) -> Iterator[psutil.Process]:
        for process in psutil.process_iter(["cmdline", "status"]):
            words = process.info["cmdline"] or []
            if process.info["status"] != psutil.STATUS_ZOMBIE and any(
                str(self.home) in word for word in words
            ):
                yield process

    def jobs(self) -> list[psutil.Process]:
        return [process for process in self.processes() if "kit.job" in process.cmdline()]

    def kill(self, process: psutil.Process | subprocess.Popen[str]) -> None:
        try:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(30)
        except (ProcessLookupError, psutil.NoSuchProcess):
            pass

    def note_finished(self) -> None:
        """Remember inode and time of every finished cell; fails where one has changed or gone since."""
        now = {path.name: path.stat() for path in (self.home / "store" / "cells").glob("*")}
        for key, place in self.seen.items():
            assert key in now, f"the finished cell {key} is lost"
            assert (now[key].st_ino, now[key].st_mtime_ns) == place, f"the finished cell {key} was made again"
        self.seen = {key: (stat.st_ino, stat.st_mtime_ns) for key, stat in now.items()}

    def contents(self) -> dict[str, bytes]:
        """What came out, by its place in the store: answers, scores, weights; and the tables of the run."""
        store = self.home / "store"
        found = {
            str(path.relative_to(store)): path.read_bytes()
            for pattern in (
                "cells/*/items.jsonl",
                "cells/*/scores.jsonl",
                "adapters/*/*/adapter_model.safetensors",
            )
            for path in store.glob(pattern)
        }
        tables = self.home.glob("runs/*/tables/*.csv")
        return found | {f"tables/{path.name}": path.read_bytes() for path in tables}

    def told(self, kind: str, name: str) -> Counter[str]:
        """How often the jobs told of something: events of a kind, counted by one of their fields."""
        counts: Counter[str] = Counter()
        for path in self.home.glob("runs/*/jobs/*"):
            events = JobFolder(path).read_events()[0]
            counts.update(str(e.data[name]) for e in events if e.kind == kind)
        return counts

    def leftovers(self) -> list[str]:
        """Unfinished files that a run must not leave behind once it has ended well."""
        return [
            str(path.relative_to(self.home))
            for pattern in ("runs/**/*.tmp", "runs/**/.*.tmp", "runs/**/scratch/*", "runs/**/kept/*")
            for path in self.home.glob(pattern)
        ]
