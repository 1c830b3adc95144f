"""Where a run came from: its data, what models had seen of them, its environments, its times. Parts of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kit.report.page.facts import Facts, RunFacts
from kit.report.page.origin import MEANING, OTHER, SIGNS, Origins, jobs_of
from kit.report.page.parts import Cell, Part, count, table, word
from kit.report.units import duration, human

_PACKAGES = (
    *("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors"),
    *("numpy", "regex", "sacrebleu", "pydantic"),
)
"""Packages of the host that scores, and of jobs that run without a container."""


def data_parts(facts: Facts) -> Iterator[Part]:
    """The data sets with their licences, and every slice with its digest."""
    sets, known = _sets(facts), facts.sets or {}
    heads = ("data set", "what it is", "licence", "where it comes from")
    rows = [
        [word(name), *map(word, (known[name].title, known[name].licence or "not told", known[name].source))]
        if name in known
        else [word(name), word("a file of one's own, or of another catalog"), word("not known"), word("")]
        for name in sets
    ]
    if rows:
        yield Part(tables=(table("Data sets", heads, rows),))
    for run in facts.runs:
        entries = run.manifest.get("data", [])
        slices = [_slice(entry) for entry in entries]
        if slices:
            own = ("used to", "data set", "language", "split", "items", "contexts", "digest of its content")
            yield Part(
                tables=(table(f"{run.name}: {len(slices)} slices", own, slices, names=4, shown=False),)
            )


def base_name(dataset: str) -> str:
    """The name in the catalog of a data set, or of the one that it is a control of."""
    return dataset.partition("~")[0]


def _sets(facts: Facts) -> list[str]:
    entries = [entry for run in facts.runs for entry in run.manifest.get("data", [])]
    return list(dict.fromkeys(base_name(entry["dataset"]) for entry in entries))


def _slice(entry: Mapping[str, Any]) -> list[Cell]:
    names = (entry[key] for key in ("use", "dataset", "language", "split"))
    return [
        *map(word, names),
        count(entry["items"]),
        count(entry.get("contexts")),
        word(entry["id"], kind="code"),
    ]


def seen_parts(facts: Facts) -> Iterator[Part]:
    """What models had met of what they were asked here."""
    marked = dict.fromkeys(
        (cell.at.model, cell.at.dataset, cell.at.language, cell.at.split)
        for run in facts.runs
        for cell in run.results.wanted.cells
        if cell.seen_by_model
    )
    if marked:
        heads = ("model", "data set", "language", "split")
        told = "Evaluated on what the model had met in its own training; marked † in tables"
        yield Part(tables=(table(told, heads, [list(map(word, place)) for place in marked], names=4),))
    else:
        yield Part(lines=("No model here is known to have met these very texts in its own training.",))
    rows = [
        [word(name), word(family), word(sentence)]
        for name, one in (facts.sets or {}).items()
        for family, sentences in one.seen.items()
        for sentence in sentences
    ]
    if rows:
        yield Part(
            tables=(table("What the catalog knows", ("data set", "models", "what they had"), rows, names=2),)
        )


def origin_parts(origins: Origins) -> Iterator[Part]:
    """The legend of signs, and what every environment is."""
    signs = tuple(f"{SIGNS[state]} {words}" for state, words in MEANING.items())
    codes = (
        "E1, E2 …: the environment that a cell was computed in",
        f"{OTHER} another environment than that of this run's machine; no evidence of this machine",
    )
    rows = [
        [
            word(one.code),
            word(
                "this run's machine" if one.ours else f"another {OTHER}", kind="" if one.ours else "differs"
            ),
            count(one.cells),
            word("; ".join(f"{name} {value}" for name, value in one.facts)),
        ]
        for one in origins.environments
    ]
    heads = ("code", "whose", "cells", "what was recorded")
    tables = (table("Environments", heads, rows),) if rows else ()
    several = "Cells come from several environments: a comparison of two says so beside its figure."
    notes = (several,) if len(rows) > 1 else ()
    yield Part(lines=(*signs, *codes), tables=tables, notes=notes)


def environment_parts(facts: Facts) -> Iterator[Part]:
    """Of every run the kit, the host, the executor, the packages."""
    for run in facts.runs:
        rows = [[word(name), word(value)] for name, value in _surroundings(run) if value]
        if rows:
            yield Part(tables=(table(f"{run.name}: kit, host, executor", ("what", "value"), rows),))


def _surroundings(run: RunFacts) -> Iterator[tuple[str, str]]:
    manifest = run.manifest
    kit = manifest.get("kit", {})
    if kit:
        yield "kit", f"xlt-kit {kit.get('version', '?')}"
        git = kit.get("git")
        changed = " with changes that are not committed" if git and git.get("dirty") else ""
        yield "kit's checkout", f"{git['revision']}{changed}" if git else "none: an installed package"
    for attempt in manifest.get("attempts", [])[-1:]:
        host = attempt.get("host", {})
        named = ("system", "machine", "python", "processors", "memory_gb")
        yield "host", ", ".join(f"{name} {host[name]}" for name in named if name in host)
        extra = [f"{name} {attempt[name]}" for name in ("image", "digest", "flavour") if name in attempt]
        yield "executor", ", ".join([str(attempt.get("executor", "")), *extra])
    models = manifest.get("models", [])
    yield "models", "; ".join(f"{one['name']} {one.get('revision') or one['id']}" for one in models)
    adapters = manifest.get("adapters", [])
    yield "adapters", "; ".join(f"{one['name']} {one['digest']}" for one in adapters)
    packages = manifest.get("packages", {})
    yield (
        "packages of the host",
        ", ".join(f"{name} {packages[name]}" for name in _PACKAGES if name in packages),
    )


def time_parts(facts: Facts) -> Iterator[Part]:
    """Of every run its attempts, its jobs, and their sums."""
    for run in facts.runs:
        goes = [_go(attempt) for attempt in run.manifest.get("attempts", []) if "ended" in attempt]
        if run.state and run.stage != "done":
            goes.append(f"as it was last written, {_moment(run.state.updated)} UTC: {run.stage}")
        jobs = [job for job in jobs_of(run) if job.get("seconds") is not None]
        total = sum(job["seconds"] for job in jobs)
        rows = [_job(job) for job in jobs]
        summed = (
            (f"{len(jobs)} jobs, {duration(total)} of jobs in all",)
            if jobs
            else ("no job of it was at work",)
        )
        heads = ("job", "ended", "starts", "took", "peak memory", "why again")
        tables = (table(f"{run.name}: jobs", heads, rows, shown=len(rows) <= 12),) if rows else ()
        yield Part(run.name, (*goes, *summed), tables=tables)


def _go(attempt: Mapping[str, Any]) -> str:
    started, ended = attempt["started"], attempt["ended"]
    took = duration(ended - started)
    return f"{_moment(started)} to {_moment(ended)} UTC ({took}), {attempt['stage']}"


def _job(job: Mapping[str, Any]) -> list[Cell]:
    peak = (job.get("environment") or {}).get("peak_memory")
    return [
        word(job["title"]),
        word(job["stage"]),
        count(job["starts"]),
        Cell(duration(job["seconds"]), tip=f"{job['seconds']:.1f} s", kind="number"),
        Cell(human(peak) if peak else "", kind="number"),
        word("; ".join(job["retries"])),
    ]


def _moment(seconds: float) -> str:
    """A time as all the world writes it; the same wherever the page is made."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
