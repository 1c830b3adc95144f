"""The smoke recipe, killed again and again: no finished cell lost, none done twice, no orphan, equal results.

At least one kill falls into every phase; the others fall at random moments on the kit, a job, or all of them.
CHAOS_KILLS says how many (`make chaos`: hundreds), CHAOS_SEED repeats a sequence.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit.catalog import Catalog, Locations, load_examples
from tests.chaos.lab import ROOT, Lab
from tests.kit_command import Kit

KILLS = int(os.environ.get("CHAOS_KILLS", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "0")) or random.SystemRandom().randrange(1 << 32)

PHASES: dict[str, dict[str, Any]] = {
    "fetch: the connection": {"role": "kit", "event": "socket.connect", "home": ""},
    "fetch: the file": {"role": "kit", "event": "open", "match": r"/cache/"},
    "plan: a slice": {"role": "kit", "match": r"store/data/"},
    "plan: the run's folder": {"role": "kit", "event": "os.rename", "match": r"wanted\.json"},
    "start of a job": {"role": "kit", "event": "subprocess.Popen", "match": r"kit\.job", "at": 2},
    "the handle of a job": {"role": "kit", "event": "os.rename", "match": r"handle\.json"},
    "tune: a step": {"role": "job", "match": r"jobs/series-.*events\.jsonl", "at": 25},
    "save: an adapter": {"role": "job", "event": "os.rename", "match": r"scratch/.*adapters/"},
    "keep: the adapters": {"role": "job", "event": "os.rename", "match": r"scratch/.*kept/"},
    "save: the result": {"role": "job", "event": "os.rename", "match": r"jobs/series-.*result\.json"},
    "move of an adapter": {"role": "kit", "event": "os.rename", "match": r"jobs/.*store/adapters/"},
    "evaluate: an item": {"role": "job", "match": r"jobs/series-.*events\.jsonl", "at": 6},
    "evaluate: a cell's files": {"role": "job", "event": "open", "match": r"scratch/.*items\.jsonl"},
    "evaluate: a cell's place": {"role": "job", "event": "os.rename", "match": r"scratch/.*cells/", "at": 2},
    "score of a cell": {"role": "kit", "event": "open", "match": r"scores\.jsonl"},
    "move of a cell": {"role": "kit", "event": "os.rename", "match": r"jobs/.*store/cells/", "at": 3},
    "state": {"role": "kit", "event": "os.rename", "match": r"state\.json", "at": 2},
    "table": {"role": "kit", "match": r"/tables/"},
}
"""Where a run dies, in the order in which it comes to these places."""
assert len(PHASES) <= KILLS


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The smoke recipe; its German training set comes over HTTP, so that there is something to fetch."""
    folder = tmp_path_factory.mktemp("served")
    rows = [
        {
            "id": e.id,
            "context_id": e.context_id,
            "context": e.context,
            "question": e.question,
            "answers": list(e.answers),
        }
        for e in load_examples(
            Catalog.load(), "tiny-qa", "de", "train", Locations(None, folder, offline=True)
        )
    ]
    (folder / "de.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (folder / "catalog.yaml").write_text(
        "schema: 1\ndatasets:\n  served:\n    title: served\n    format: jsonl\n"
        f"    url: http://127.0.0.1:{server.server_port}\n    languages: [de]\n    files: {{train: de.jsonl}}\n"
    )
    shutil.copy(ROOT / "recipes" / "claims.yaml", folder)
    path = folder / "smoke.yaml"
    path.write_text(
        f"schema: 1\nextends: {ROOT / 'recipes' / 'smoke.yaml'}\ncatalog: [catalog.yaml]\n"
        "train:\n  - {dataset: served, languages: [de]}\n  - {dataset: tiny-qa, languages: [hi, or]}\n"
        # Short series: when some have come to their end there are others to die in.
        "resources: {device: cpu, job_hours: 0.012}\n"
    )
    yield path
    server.shutdown()


@pytest.mark.slow
def test_no_kill_loses_or_repeats_anything(
    recipe: Path, smoke: tuple[Kit, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    print(f"CHAOS_SEED={SEED} CHAOS_KILLS={KILLS}")
    lab, chance = Lab(tmp_path / "home"), random.Random(SEED)
    kills: Counter[str] = Counter()
    # Random kills begin when only phases are left that every run comes to: they may finish all the work on their way.
    always = 2
    gaps = [0] * (len(PHASES) - always - 1) + [*spread_over(KILLS - len(PHASES), always, chance), 0]
    for (phase, fault), random_kills in zip(PHASES.items(), gaps, strict=True):
        fuse = tmp_path / f"fuse-{len(kills)}"
        if not die_at(lab, recipe, fault, fuse):
            # A fast machine did all the work while others died: the rest die in another home.
            ends_well(lab, smoke[0])
            lab = Lab(tmp_path / f"home-{len(kills)}")
            assert die_at(lab, recipe, fault, fuse), f"never came to: {phase}"
        kills[phase] += 1
        lab.note_finished()
        for _ in range(random_kills):
            kills[kill_at_random(lab, recipe, chance)] += 1
            lab.note_finished()
    ends_well(lab, smoke[0])
    print(dict(kills))
    code, output = lab.run("run", recipe)
    assert code == 0 and "0 jobs to run" in output


def ends_well(lab: Lab, smoke: Kit) -> None:
    """Let the run go on to its end: nothing is left over or was done twice, all is as without a kill."""
    code, output = lab.run("resume")
    assert code == 0, output
    lab.note_finished()
    assert not lab.processes(), "a process is left"
    assert not lab.leftovers()
    repeated = {cell: count for cell, count in lab.told("cell", "key").items() if count > 1}
    assert not repeated, "cells were computed twice"
    reference, found = Lab(smoke.home).contents(), lab.contents()
    assert len(found) > 60 and set(found) == set(reference)
    assert [name for name in found if found[name] != reference[name] and not name.startswith("tables/")] == []


def spread_over(count: int, places: int, chance: random.Random) -> list[int]:
    chosen = Counter(chance.randrange(places) for _ in range(count))
    return [chosen[place] for place in range(places)]


def die_at(lab: Lab, recipe: Path, fault: dict[str, Any], fuse: Path) -> bool:
    """Start the kit with a fault; it, or one of its jobs, dies there. Then the kit is killed too.

    A fault is given to processes at their start, so one for jobs needs jobs that start now.
    """
    for job in lab.jobs() if fault["role"] == "job" else ():
        lab.kill(job)
    kit = lab.start("run", recipe, fault={"action": "kill", "fuse": str(fuse), **fault})
    end = time.monotonic() + 600
    while not fuse.exists() and kit.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if fault["role"] == "kit":
        kit.wait(30)
    lab.kill(kit)
    return fuse.exists()


def kill_at_random(lab: Lab, recipe: Path, chance: random.Random) -> str:
    """Start the kit, wait a moment, and kill it, or a job and it, or all at once (a machine that goes down)."""
    kit = lab.start("run", recipe)
    time.sleep(chance.uniform(0.2, 6))
    victim = chance.choice(["kit", "job", "all"])
    jobs = lab.jobs()
    if victim == "job" and jobs:
        lab.kill(chance.choice(jobs))
        time.sleep(chance.uniform(0, 2))
    lab.kill(kit)
    if victim == "all":
        for job in lab.jobs():
            lab.kill(job)
    return f"at random: {victim}"
