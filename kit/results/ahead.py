"""The cells of a large grid, read and scored by several processes, a slice at a time each.

Such a process serves pickled slices: it takes them from standard input and answers each on standard output. What one of
them cannot do is left out, and done (and told of) by whoever asked.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kit.data.example import Example
from kit.errors import KitError
from kit.results.collector import uncollected
from kit.results.columns import generated_columns
from kit.results.items import read_facts, read_generated
from kit.results.score_cell import Memo, score_items
from kit.results.types import Counts, Floats

WORTH = 200_000
"""Outputs from which on it pays to start processes: they take a third of a second to come up."""
_MOST = 8


class Slice(NamedTuple):
    """The examples of a slice, and the folders of the cells that answer it."""

    examples: list[Example]
    folders: list[Path]


@dataclass(frozen=True)
class Scored:
    """A cell's outputs, and their columns as `generated_columns` has them; all over its items, in slice order."""

    ids: tuple[str, ...]
    raws: tuple[str, ...]
    stops: tuple[str, ...]
    tokens: Counts
    columns: dict[str, Floats]


def score_ahead(slices: Sequence[Slice]) -> dict[Path, Scored]:
    """Score the cells of slices, as many at a time as there are processors; what fails is not in the answer."""
    left: queue.SimpleQueue[Slice] = queue.SimpleQueue()
    for one in sorted(slices, key=lambda one: -len(one.folders) * len(one.examples)):
        left.put(one)
    found: dict[Path, Scored] = {}
    count = min(len(os.sched_getaffinity(0)), len(slices), _MOST)
    threads = [threading.Thread(target=_ask, args=(left, found), daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _ask(left: queue.SimpleQueue[Slice], found: dict[Path, Scored]) -> None:
    """Have one process do slice after slice, until none is left or it fails."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    worker = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )
    with worker:
        assert worker.stdin and worker.stdout
        try:
            while True:
                pickle.dump(left.get_nowait(), worker.stdin, pickle.HIGHEST_PROTOCOL)
                worker.stdin.flush()
                found.update(pickle.load(worker.stdout))
        except queue.Empty:
            worker.stdin.close()
        except (OSError, EOFError, pickle.PickleError):
            worker.kill()


def _done(one: Slice) -> Mapping[Path, Scored]:
    gold, memo = {example.id: example for example in one.examples}, Memo()
    found = {}
    for folder in one.folders:
        try:
            items = read_generated(folder, read_facts(folder).n)
            columns = generated_columns(items, score_items(items, gold, folder, memo))
        except KitError:
            continue
        ids, raws, tokens, stops, _ = zip(*items, strict=True) if items else ((),) * 5
        found[folder] = Scored(ids, raws, stops, np.array(tokens, dtype=np.int64), columns)
    return found


def serve() -> None:
    """Answer slices until there are no more."""
    asked, told = sys.stdin.buffer, sys.stdout.buffer
    with uncollected():
        while True:
            try:
                one = pickle.load(asked)
            except EOFError:
                return
            pickle.dump(_done(one), told, pickle.HIGHEST_PROTOCOL)
            told.flush()
