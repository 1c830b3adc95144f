"""Jobs of one base put together into series, so that it is loaded once for all of them. Pure.

What a tuning makes is evaluated in the same series, where both fit into its hours: a strand. So are tunings that go on
from it, unless slots would stand idle meanwhile; else they are strands that wait for it. Strands are dealt out, the
longest first, each to the series that has least to do; there are at least as many series as slots, where there are
strands enough. Those of one series wait for the same tuning or for none, so that no two series wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil

from kit.jobdir import (
    AdapterSpec,
    DeriveSpec,
    EvaluateSpec,
    JobSpec,
    Piece,
    PretrainSpec,
    SeriesSpec,
    TuneSpec,
    key_of,
)
from kit.plan.estimate import together
from kit.plan.types import PlannedJob

_NAMED = 3
"""Subjects that a series' title names, at most."""


@dataclass(frozen=True)
class Packing:
    """How jobs are put together: whether at all, for how many slots, and the most estimated hours of a series.

    `living` are jobs that are at work already, by id, as they were told: they keep what is in their hands.
    """

    series: bool = True
    slots: int = 1
    hours: float = 4.0
    living: Mapping[str, JobSpec] = field(default_factory=dict)

    def holder(self, key: str) -> str:
        """The series at work that has this cell or tuning in its hands; empty where there is none."""
        return self._holders.get(key, "")

    @cached_property
    def _holders(self) -> dict[str, str]:
        series = ((name, spec) for name, spec in self.living.items() if spec.kind == "series")
        return {key: name for name, spec in series for key in spec.keys}


@dataclass(frozen=True)
class Single:
    """A tuning or evaluation as a job of its own, whose `needs` name a tuning by its key.

    `subject` is what it tunes or evaluates, for a title; `tuning` what it waits for, a tuning or a derivation: that of
    what it evaluates, or what it goes on from; `holder` the series at work that has it in its hands.
    """

    job: PlannedJob
    model: str
    subject: str
    tuning: str = ""
    holder: str = ""

    @property
    def seconds(self) -> float:
        """What it is expected to take."""
        return self.job.cost.seconds


Strand = list[Single]


def packed(singles: Sequence[Single], packing: Packing) -> list[PlannedJob]:
    """The jobs that do these pieces of work, each of them once, in an order that respects what they need."""
    held: dict[str, list[Single]] = {}
    apart: list[Single] = []
    free: list[Single] = []
    for single in singles:
        if single.holder:
            held.setdefault(single.holder, []).append(single)
        else:
            (free if packing.series and single.job.id not in packing.living else apart).append(single)
    jobs = [_series(group, name) for name, group in held.items()]
    strands, waiting = _strands(free, packing)
    jobs += [one.job for one in (*apart, *waiting)]
    jobs += [_job(list(bunch)) for bunch in _bunches(strands, packing)]
    places = {key: job.id for job in jobs for key in job.keys}
    jobs = [replace(job, needs=_needs(job, places)) for job in jobs]
    order = {key: at for at, one in enumerate(singles) for key in one.job.keys}
    return _sorted(sorted(jobs, key=lambda job: min(order[key] for key in job.keys)))


def _strands(singles: Sequence[Single], packing: Packing) -> tuple[list[Strand], list[Single]]:
    """What goes together, and what must wait for another job: for a tuning elsewhere, or one too long to share with.
    What others wait for stands before them.
    """
    limit = packing.hours * 3600
    fair = min(limit, sum(one.seconds for one in singles) / packing.slots)
    families = _families(singles)
    strands: dict[str, Strand] = {}
    home: dict[str, str] = {}  # of a tuning, or of what is derived from one: its strand
    waiting = []
    for one in singles:
        root = home.get(one.tuning, "")
        if isinstance(one.job.work, TuneSpec):
            place = root if root and families[root] <= fair * (1 + 1e-9) else one.job.id
        elif not one.tuning:
            place = one.job.id
        elif root and _seconds(strands[root]) + one.seconds <= limit:
            place = root
        else:
            waiting.append(one)
            continue
        strands.setdefault(place, []).append(one)
        if isinstance(one.job.work, AdapterSpec):
            home[one.job.id] = place
    return list(strands.values()), waiting


def _families(singles: Sequence[Single]) -> dict[str, float]:
    """By tuning: the seconds of itself and of all that waits for it, near or far."""
    found: dict[str, float] = {}
    for one in reversed(singles):  # what waits stands behind
        own = one.seconds + found.get(one.job.id, 0.0)
        if isinstance(one.job.work, AdapterSpec):
            found[one.job.id] = own
        found[one.tuning] = found.get(one.tuning, 0.0) + own
    return found


def _bunches(strands: Sequence[Strand], packing: Packing) -> list[list[Single]]:
    """Strands of one base each that wait for the same, none longer than the hours unless it is a single strand."""
    bases: dict[tuple[str, str], list[Strand]] = {}
    for strand in strands:
        bases.setdefault((_base(strand[0]), strand[0].tuning), []).append(strand)
    limit = packing.hours * 3600
    fair = _total(strands) / packing.slots
    counts = {
        # What waits for a tuning begins when that is done, and then has all slots.
        group: min(len(own), _share(own, min(limit, _total(own) / packing.slots if group[1] else fair)))
        for group, own in bases.items()
    }
    ready = [group for group in bases if not group[1]]
    while sum(counts[group] for group in ready) < packing.slots:
        able = [group for group in ready if counts[group] < len(bases[group])]
        if not able:
            break
        counts[max(able, key=lambda group: _total(bases[group]) / counts[group])] += 1
    return [bunch for group, own in bases.items() for bunch in _dealt(own, counts[group], limit)]


def _total(strands: Sequence[Strand]) -> float:
    return max(sum(map(_seconds, strands)), 1e-9)


def _share(strands: Sequence[Strand], limit: float) -> int:
    return max(1, ceil(_total(strands) / limit - 1e-6))


def _dealt(strands: Sequence[Strand], count: int, limit: float) -> list[list[Single]]:
    """The strands in `count` bunches, or in more where they would be too long."""
    while True:
        bunches: list[list[int]] = [[] for _ in range(count)]
        loads = [0.0] * count
        for at in sorted(range(len(strands)), key=lambda at: -_seconds(strands[at])):
            least = loads.index(min(loads))
            bunches[least].append(at)
            loads[least] += _seconds(strands[at])
        fit = all(
            load <= limit or len(bunch) == 1 for load, bunch in zip(loads, bunches, strict=True) if bunch
        )
        if fit or count >= len(strands):
            return [[one for at in sorted(bunch) for one in strands[at]] for bunch in bunches if bunch]
        count += 1


def _seconds(strand: Strand) -> float:
    return sum(one.seconds for one in strand)


def _base(single: Single) -> str:
    work = single.job.work
    assert not isinstance(work, PretrainSpec)
    return work.base


def _job(singles: list[Single]) -> PlannedJob:
    """One piece stays what it is; several are a series."""
    if len(singles) == 1:
        return singles[0].job
    return _series(singles, key_of("series", tuple(sorted(key for one in singles for key in one.job.keys))))


def _series(singles: Sequence[Single], name: str) -> PlannedJob:
    ordered = _ordered(singles)
    jobs = [one.job for one in ordered]
    total = sum(job.cost.seconds for job in jobs) or 1.0
    pieces = tuple(_piece(job, job.cost.seconds / total) for job in jobs)
    made = {
        f"{job.id}@{step}"
        for job in jobs
        if isinstance(job.work, AdapterSpec)
        for step in job.work.save_steps
    }
    inputs = dict.fromkeys(name for job in jobs for name in job.inputs if name not in made)
    return PlannedJob(
        name,
        _title(ordered),
        SeriesSpec(_base(ordered[0]), pieces),
        tuple(key for job in jobs for key in job.keys),
        tuple(dict.fromkeys(need for job in jobs for need in job.needs)),
        tuple(inputs),
        together([job.cost for job in jobs]),
    )


def _piece(job: PlannedJob, share: float) -> Piece:
    assert isinstance(job.work, (TuneSpec, DeriveSpec, EvaluateSpec))
    return Piece(job.title, job.work, job.keys, round(share, 6))


def _ordered(singles: Sequence[Single]) -> list[Single]:
    """Each tuning before its evaluation, so that rows fill in one by one; all tunings first where the base that they
    take is another than the one that is evaluated: else it would be loaded anew each time.
    """
    works = [one.job.work for one in singles]
    tuned = {work.weights for work in works if isinstance(work, TuneSpec)}
    evaluated = {cell.dtype for work in works if isinstance(work, EvaluateSpec) for cell in work.cells}
    if len(tuned | evaluated) <= 1:
        return list(singles)
    kinds = (TuneSpec, DeriveSpec, EvaluateSpec)
    return sorted(singles, key=lambda one: kinds.index(type(one.job.work)))


def _title(singles: Sequence[Single]) -> str:
    """Names the base and its subjects, of many the first and the last; a tuning and its evaluation are one subject."""
    subjects = list(dict.fromkeys(one.subject or "the base" for one in singles))
    if len(subjects) > _NAMED:
        subjects = [subjects[0], "…", subjects[-1]]
    return f"series of {len(singles)} on {singles[0].model}: {', '.join(subjects)}"


def _needs(job: PlannedJob, places: Mapping[str, str]) -> tuple[str, ...]:
    found = dict.fromkeys(places.get(need, need) for need in job.needs)
    return tuple(need for need in found if need != job.id)


def _sorted(jobs: Sequence[PlannedJob]) -> list[PlannedJob]:
    """Stable, each job after those of its needs that are here."""
    here = {job.id: job for job in jobs}
    seen: set[str] = set()
    done: list[PlannedJob] = []

    def visit(job: PlannedJob) -> None:
        if job.id not in seen:
            seen.add(job.id)
            for need in job.needs:
                if need in here:
                    visit(here[need])
            done.append(job)

    for job in jobs:
        visit(job)
    return done
