"""A home whose pages look the same on every machine: hand-made cells in five scripts, and a run in all its states."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kit.api import Finding, Fit
from kit.data.example import Example, render_slice
from kit.jobdir import Failure, FailureCode, JobFolder, atomic_write, encode
from kit.plan import Wanted
from kit.processes import host, own_identity
from kit.schedule import Holder, JobState, Request, RunFolder, RunState
from kit.store import Store, size_of
from tests.results.cells import Shelf

NOW = 1_790_000_000.0
"""Seconds since the epoch at which the pages are looked at."""
LANGUAGES = ("de", "ar", "bn", "hi", "or")
SOURCES = ("de", "hi", "or")

FINDINGS = (
    Finding("python", "fine", "Python 3.12.4, xlt-kit 0.1.0"),
    Finding("torch", "fine", "torch 2.13.0, transformers 5.24.0, peft 0.21.2"),
    Finding("engine", "fine", "Docker 27.1 as root, at unix:///var/run/docker.sock (the usual socket)"),
    Finding("jobs", "fine", "run in this Python"),
    Finding("GPUs", "fine", "NVIDIA H100 80GB HBM3 (86 GB)"),
    Finding(
        "NVIDIA toolkit",
        "warning",
        "the engine names neither an NVIDIA runtime nor CDI devices: it cannot give a container a GPU",
        "install nvidia-container-toolkit, run: nvidia-ctk runtime configure --runtime=docker",
    ),
    Finding(
        "disk", "problem", "0.4 GB free of 270.6 GB at /home/anna: full", "xlt-kit store du, xlt-kit store gc"
    ),
    Finding("hub login", "skipped", "no token; only gated and private models need one", "hf auth login"),
    Finding("clock", "fine", "within 1 s of https://huggingface.co"),
)
"""What a doctor says of a machine that nobody has."""
FITS = (
    Fit(
        Path("recipes/broken.yaml"),
        "broken",
        "faulty",
        "'tiny-blom' is no model",
        remedy="did you mean 'tiny-bloom'?",
    ),
    Fit(
        Path("recipes/grid.yaml"),
        "grid",
        "slow",
        "weights to fetch: bloomz-7b1",
        "about 5 years of work",
        1.6e8,
        "a GPU",
    ),
    Fit(
        Path("recipes/smoke.yaml"),
        "smoke",
        "fits",
        "everything it reads is here",
        "4 min of work: 2 min, 2 at a time",
        240.0,
    ),
    Fit(
        Path("recipes/big.yaml"),
        "big",
        "lacks",
        "memory: 31.5 GB a job, here 25 GB",
        "about 496 days of work",
        4.3e7,
        "a GPU",
    ),
    Fit(
        Path("recipes/far.yaml"),
        "far",
        "unknown",
        "to fetch first: xquad-in/or/train, for one",
        remedy="xlt-kit fetch recipes/far.yaml",
    ),
)

_SAID = {
    "de": ("{0} wohnt seit vielen Jahren in {1} und arbeitet dort.", "Wo wohnt {0}?", "{0} wohnt in {1}."),
    "ar": ("تعيش {0} في {1} منذ سنوات وتعمل هناك.", "أين تعيش {0}؟", "تعيش {0} في {1}."),
    "bn": ("{0} বহু বছর ধরে {1} শহরে থাকেন আর সেখানেই কাজ করেন।", "{0} কোথায় থাকেন?", "{0} {1} শহরে থাকেন।"),
    "hi": ("{0} कई साल से {1} में रहती है और वहीं काम करती है।", "{0} कहाँ रहती है?", "{0} {1} में रहती है।"),
    "or": ("{0} ବହୁ ବର୍ଷ ଧରି {1} ସହରରେ ରୁହନ୍ତି ଓ ସେଠାରେ କାମ କରନ୍ତି।", "{0} କେଉଁଠାରେ ରୁହନ୍ତି?", "{0} {1} ସହରରେ ରୁହନ୍ତି।"),
}
_NAMES = {
    "de": ("Anna", "Paul", "Mira", "Jonas"),
    "ar": ("ليلى", "مريم", "سلمى", "نور"),
    "bn": ("মিতা", "রীনা", "অনিতা", "সুমন"),
    "hi": ("मीरा", "सीमा", "अनीता", "राधा"),
    "or": ("ସୀତା", "ମୀନା", "ଅନୀତା", "ରାଧା"),
}
_CITIES = {
    "de": ("Bonn", "Köln", "Ulm", "Kiel"),
    "ar": ("بغداد", "القاهرة", "دمشق", "تونس"),
    "bn": ("ঢাকা", "খুলনা", "সিলেট", "রাজশাহী"),
    "hi": ("दिल्ली", "जयपुर", "पटना", "भोपाल"),
    "or": ("କଟକ", "ପୁରୀ", "ଭୁବନେଶ୍ୱର", "ବାଲେଶ୍ୱର"),
}
_ITEMS = 24
_HOLDS = {"de": 22, "ar": 16, "bn": 18, "hi": 20, "or": 17}
"""How many items a tuned model answers rightly, by language; on its own language two fewer."""
_RUN_BYTES = 120_000


def gold(language: str) -> tuple[str, ...]:
    """The answers, an item each."""
    return tuple(_CITIES[language][at % 4] for at in range(_ITEMS))


def ask(language: str, answers: Sequence[str]) -> list[Example]:
    """Three questions a context, in the language's own script."""
    said, question, _ = _SAID[language]
    names = _NAMES[language]
    return [
        Example(
            f"{language}-{at:02}",
            f"c{at // 3}",
            " ".join(said.format(names[(at + i) % 4], answers[(at + i) % len(answers)]) for i in range(3)),
            question.format(names[at % 4]),
            (answer,),
            language,
        )
        for at, answer in enumerate(answers)
    ]


def base_answers(language: str) -> list[str]:
    """A base that says a sentence where a word is asked for, and goes on after it."""
    sentence, names = _SAID[language][2], _NAMES[language]
    answers = [sentence.format(names[at % 4], city) for at, city in enumerate(gold(language))]
    return [
        city if at % 6 == 0 else f"{text}\n\nQ: {text}"
        for at, (text, city) in enumerate(zip(answers, gold(language), strict=True))
    ]


def tuned_answers(language: str, source: str, seed: int) -> list[str]:
    """Short answers, some of them another city."""
    right = _HOLDS[language] - (2 if source == language else 0) - seed
    cities = _CITIES[language]
    return [
        city if (at * 7) % _ITEMS < right else cities[(at + 1) % 4] for at, city in enumerate(gold(language))
    ]


def make(home: Path) -> RunFolder:
    """A run at work: done, running, failed, blocked, waiting jobs; its table half filled. And two runs of before."""
    store = Store(home / "store")
    shelf = Shelf(store.root, ask)
    _looks(shelf)
    for language in LANGUAGES:
        shelf.add(base_answers(language), language=language, gold=gold(language), dataset="toy-qa")
        shelf.add_scored(
            [0.05 + 0.01 * (at % 5) for at in range(_ITEMS)],
            language=language,
            gold=gold(language),
            dataset="toy-qa",
        )
    for source in SOURCES:
        for seed in (1, 2):
            for language in LANGUAGES:
                where = {"language": language, "gold": gold(language), "dataset": "toy-qa"}
                if source == "or" and (seed == 2 or language in ("hi", "or")):
                    shelf.want(trained_on=f"toy-qa/{source}", seed=seed, **where)  # type: ignore[arg-type]
                else:
                    answers = tuned_answers(language, source, seed)
                    shelf.add(answers, trained_on=f"toy-qa/{source}", seed=seed, **where)
    _keep_gold(store, shelf)
    (home / "recipes").mkdir()
    for file, text in (("grid.yaml", _RECIPE), ("claims.yaml", _CLAIMS)):
        (home / "recipes" / file).write_text(text, "utf-8")
    wanted = Wanted("grid", tuple(shelf.wanted))
    for name, stage, age in (("grid-0b5e55ed", "done", 9e5), ("first-try-7e57ab1e", "stopped", 2e6)):
        _run(home, name, wanted, (), stage, NOW - age)
    folder = _run(home, "grid-5ca1ab1e", wanted, _jobs(shelf), "running", NOW)
    note = Holder(os.getpid(), own_identity(), host(), NOW)
    atomic_write(folder.path / "holder.json", json.dumps(encode(note)))
    _tuning(folder.job("tune-hi-2"), 41)
    _log(folder.job("tune-hi-2"))
    _tuning(folder.job("tune-or-2"), 3)
    folder.job("tune-or-2").log.write_text(_TRACEBACK)
    folder.job("evaluate-or-1").emit("started", pid=2)
    folder.job("evaluate-or-1").emit("progress", cell=shelf.wanted[-3].key, done=10, total=24)
    for run in sorted((home / "runs").iterdir()):
        _weigh(run)
    return folder


def _keep_gold(store: Store, shelf: Shelf) -> None:
    """The slices into the store, the scores into the cells."""
    for (data, _), examples in shelf.gold.items():
        store.slice_path(data).parent.mkdir(exist_ok=True)
        store.slice_path(data).write_bytes(render_slice(examples))
    shelf.score_all()


def _weigh(run: Path) -> None:
    """Make a run as large on every machine: its files hold paths and process ids, which are longer on some."""
    (run / "filling").write_bytes(bytes(_RUN_BYTES - size_of(run)))


def _looks(shelf: Shelf) -> None:
    """What a lens saw in Odia and Hindi: Bengali falls, Odia rises; and an interchange of that."""
    classes = ("Orya", "broken Orya", "Deva", "Beng", "neutral")
    for language, own in (("or", 0), ("hi", 2)):
        for seed in (None, 1, 2):
            where = {"language": language, "gold": gold(language), "dataset": "toy-qa", "seed": seed}
            where["trained_on"] = "" if seed is None else "toy-qa/de"
            mass = np.full((_ITEMS, 6, len(classes)), 0.05, dtype=np.float32)
            for layer in range(6):
                for at in range(_ITEMS):
                    known = layer * (0.06 if seed is None else 0.11) + 0.01 * (at % 3)
                    mass[at, layer, own] += known
                    mass[at, layer, 3] += 0.75 - known
            shelf.add_lens(mass, classes, **where)
            if seed and language == "or":
                shelf.add_swaps([_swap(at, seed) for at in range(_ITEMS)], **where)


def _swap(at: int, seed: int) -> dict[str, object]:
    each = [0.3 + 0.01 * (at % 5), 0.2 + 0.01 * ((at + seed) % 4)]
    effects = {"direction": each, "whole": [0.5, 0.4], "random": [0.01 * (at % 2), -0.01 * (at % 3)]}
    searched = at // 3 % 4 == 0
    if searched:
        effects = {name: [[0.1] * 4, [0.05] * 4] for name in ("direction", "whole")}
    return {
        "searched": searched, "layer": 4, "base": [0.4, 0.35], "tuned": [0.1, 0.6], "effects": effects,
    }  # fmt: skip


def make_choices(home: Path) -> RunFolder:
    """A finished run of questions with choices alone."""
    store = Store(home / "store")
    shelf = Shelf(store.root)
    worse, better = [[-4, -3, -5, -9]] * 4, [[-2, -3, -5, -9]] * 4
    for language in ("de", "or"):
        shelf.add_chosen(worse, [0] * 4, language=language)
        shelf.add_chosen(better, [0] * 4, language=language, trained_on="tiny/de", seed=1)
    (home / "recipes").mkdir()
    return _run(home, "choices-0b5e55ed", Wanted("choices", tuple(shelf.wanted)), (), "done", NOW)


def make_windows(home: Path) -> RunFolder:
    """A finished run of answers through windows of layers, and without a lens."""
    store = Store(home / "store")
    shelf = Shelf(store.root)
    wrong, right = ("Rom ist es", "Paris", "коте", "Bonn"), ("Rom", "Paris", "rote Katze", "Köln")
    for task in ("", ":layers=1/2", ":layers=2/2"):
        shelf.add(wrong, language="de", task=f"generate{task}")
    for task, outputs in (("", right), (":layers=1/2", wrong), (":layers=2/2", right)):
        shelf.add(outputs, language="de", trained_on="tiny/ru", seed=1, task=f"generate{task}")
    _keep_gold(store, shelf)
    (home / "recipes").mkdir()
    return _run(home, "windows-0b5e55ed", Wanted("windows", tuple(shelf.wanted)), (), "done", NOW)


def _run(
    home: Path, name: str, wanted: Wanted, jobs: tuple[JobState, ...], stage: str, at: float
) -> RunFolder:
    folder = RunFolder(home / "runs" / name)
    (folder.path / "jobs").mkdir(parents=True)
    folder.write_wanted(wanted)
    folder.write_request(Request(str(home / "recipes" / "grid.yaml"), (), None, True, {}))
    cells = len(wanted.cells)
    folder.write_state(RunState(name, stage, jobs, at - 340, at, cells, 0, os.getpid()))  # type: ignore[arg-type]
    os.utime(folder.path / "wanted.json", (at, at))
    for job in jobs:
        folder.job(job.id).path.mkdir()
    return folder


def _jobs(shelf: Shelf) -> tuple[JobState, ...]:
    lost = Failure(
        FailureCode.OUT_OF_MEMORY, "the job ran out of memory (137)", "--set resources.batch_tokens=1024"
    )
    blocked = Failure("blocked", "needs «tune bloomz-1b1 on toy-qa/or, seed 2», which failed")
    keys = tuple(cell.key for cell in shelf.wanted[-10:-5])
    return (
        _job("evaluate-base", "evaluate bloomz-1b1", "done", 60),
        _job("tune-de-1", "tune bloomz-1b1 on toy-qa/de, seed 1", "done", 45),
        _job("evaluate-de-1", "evaluate bloomz-1b1 tuned on toy-qa/de seed 1", "done", 61),
        _job("tune-hi-2", "tune bloomz-1b1 on toy-qa/hi, seed 2", "running", 40),
        _job("evaluate-or-1", "evaluate bloomz-1b1 tuned on toy-qa/or seed 1", "running", 20, keys),
        _job("tune-or-2", "tune bloomz-1b1 on toy-qa/or, seed 2", "failed", 12, failure=lost),
        _job("evaluate-or-2", "evaluate bloomz-1b1 tuned on toy-qa/or seed 2", "blocked", 0, failure=blocked),
        _job("evaluate-hi-2", "evaluate bloomz-1b1 tuned on toy-qa/hi seed 2", "waiting", 0),
    )  # fmt: skip


def _job(
    name: str,
    title: str,
    stage: str,
    seconds: float,
    keys: tuple[str, ...] = (),
    failure: Failure | None = None,
) -> JobState:
    started = NOW - seconds if seconds else None
    ended = NOW if stage in ("done", "failed") else None
    return JobState(
        name, title, name.split("-")[0], (), keys, 60.0, stage, "gpu0", started, ended, 1, failure
    )  # type: ignore[arg-type]


def _tuning(job: JobFolder, steps: int) -> None:
    job.emit("started", pid=1)
    for step in range(1, steps + 1):
        loss = 0.45 + 2.2 * 0.93**step + 0.06 * ((step * 37) % 11 - 5) / 5
        job.emit("train", step=step, steps=60, loss=round(loss, 4), tokens_per_s=18250.0)
    usage = {"cpu": 1.4, "memory": 3.1 * 2**30, "limit": 24.0 * 2**30}
    job.emit("usage", **usage, gpu=0.93, gpu_memory=31.5 * 2**30, gpu_total=80.0 * 2**30)


def _log(job: JobFolder) -> None:
    lines = ["12:00:01  load bloomz-1b1 in float32", "12:00:09  103 examples, 1 cut at 1024 tokens"]
    lines.append("/opt/lib/warnings.py:12: UserWarning: the tokenizer adds no start token")
    lines += [f"12:00:{10 + step}  step {step}, loss {2.4 - step / 20:.3f}" for step in range(1, 30)]
    for at, language in enumerate(LANGUAGES):
        lines.append(f"12:00:{41 + at}  a sample in {language}:")
        lines.append(f"  {ask(language, gold(language))[at].question}")
    job.log.write_text("\n".join(lines) + "\n", encoding="utf-8")


_RECIPE = """schema: 1
name: grid
needs: a GPU of 24 GB, 1 hour
models: [tiny-bloom]
evaluate: [{dataset: tiny-qa, languages: [de]}]
"""
_CLAIMS = """schema: 1
title: What the sample shows
claims:
  M1:
    title: A language's own examples help it
    statement: Tuning on a language raises F1 in it.
    source: made up
    recipes: [grid]
    family: M
    models: [bloomz-1b1]
    trained_on: {}
    evaluated_on: {}
    pairs: self
    effect: {kind: difference, above: 0}
    needed: all
    expects: [over-generation]
  M2:
    title: Other languages more than double some
    statement: Tuning on other languages more than doubles F1 in some.
    source: made up
    recipes: [grid]
    family: M
    models: [bloomz-1b1]
    trained_on: {}
    evaluated_on: {}
    pairs: cross
    effect: {kind: ratio, above: 2}
    needed: any
  M3:
    title: High-resource tuning harms
    statement: Tuning on German lowers F1 in other languages.
    source: made up
    recipes: [grid]
    family: M
    models: [bloomz-1b1]
    trained_on: {languages: de}
    evaluated_on: {except: [de]}
    effect: {kind: difference, below: 0}
    needed: most
  M4:
    title: Another recipe does the same
    statement: What another recipe says.
    source: made up
    recipes: [grid]
    family: M
    models: [bloomz-1b1]
    trained_on: {languages: en}
    evaluated_on: {}
    effect: {kind: difference, below: 0}
  M5:
    title: A claim that nobody can judge here
    statement: Needs data that may not be had.
    source: made up
    recipes: [grid]
    family: M
    models: [bloomz-1b1]
    trained_on: {}
    evaluated_on: {}
    effect: {kind: difference, below: 0}
    waived: its data may not be passed on
"""

_TRACEBACK = """12:00:01  load bloomz-1b1 in float32
12:00:12  step 3, loss 2.114
Traceback (most recent call last):
  File "kit/job/trainer.py", line 101, in train
    loss.backward()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.83 GiB.
"""


def frozen() -> object:
    """A clock for the pages, in place of the module `time`."""

    class Clock:
        monotonic = staticmethod(time.monotonic)
        localtime = staticmethod(time.gmtime)
        strftime = staticmethod(time.strftime)

        @staticmethod
        def time() -> float:
            return NOW

    return Clock()
