"""Jobs of one base put together: every piece once, what it needs inside or earlier, no longer than a site likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.jobdir import CellSpec, EvaluateSpec, GenerateTask, JobSpec, Prompt, SeriesSpec, TuneSpec, key_of
from kit.plan import (
    Coordinates,
    Costs,
    Demand,
    Finished,
    Packing,
    Plan,
    PlannedJob,
    Speeds,
    Wanted,
    WantedCell,
    WantedModel,
    WantedTuning,
    build,
)

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
BASES = ("base-0", "base-1", "base-2")
SIZES = (2_000_000, 50_000_000, 900_000_000)


def tuning(base: str, number: int, **more: object) -> WantedTuning:
    """More of a tuning: `parents`, say."""
    spec = TuneSpec(base, f"train-{number}", PROMPT, label=f"{base} on d/l{number}, seed 1", **more)  # type: ignore[arg-type]
    return WantedTuning(key_of("tune", spec), spec, 103, (13, 60))


def cell(base: str, data: str, items: int, made_by: WantedTuning | None = None, step: int = 60) -> WantedCell:
    adapters = (f"{made_by.key}@{step}",) if made_by else ()
    spec = CellSpec(base, data, PROMPT, GenerateTask(), adapters=adapters)
    trained = made_by.spec.data.replace("train-", "d/l") if made_by else ""
    seed = 1 if made_by else None
    at = Coordinates(base, trained, "l", step if made_by else 0, seed, "d", data, "test", "qa", "generate")
    return WantedCell(key_of("generate", spec), at, spec, items)


def demand(tunings: Sequence[WantedTuning], cells: Sequence[WantedCell]) -> Demand:
    models = {base: WantedModel(base, base, size) for base, size in zip(BASES, SIZES, strict=True)}
    return Demand(Wanted("r", tuple(cells)), {one.key: one for one in tunings}, models)


def grid(
    base: str, count: int, items: int = 300, languages: int = 2
) -> tuple[list[WantedTuning], list[WantedCell]]:
    """A base, `count` tunings of it at two checkpoints, each evaluated in the same languages."""
    tunings = [tuning(base, number) for number in range(count)]
    cells = [cell(base, f"data-{x}", items) for x in range(languages)]
    cells += [
        cell(base, f"data-{x}", items, one, step)
        for one in tunings
        for step in (13, 60)
        for x in range(languages)
    ]
    return tunings, cells


def children(parent: WantedTuning, count: int, items: int) -> tuple[list[WantedTuning], list[WantedCell]]:
    """Tunings that go on from a parent's last step, each evaluated."""
    parents = (*parent.spec.parents, f"{parent.key}@60")
    made = [tuning(parent.spec.base, number, parents=parents) for number in range(count)]
    return made, [behind(cell(parent.spec.base, "data-0", items, one), parents) for one in made]


def behind(one: WantedCell, parents: tuple[str, ...]) -> WantedCell:
    """A cell of a tuning that has parents."""
    spec = replace(one.spec, adapters=(*parents, *one.spec.adapters))
    return replace(one, key=key_of("generate", spec), spec=spec)


COSTS = Costs(parameters=dict(zip(BASES, SIZES, strict=True)))


def pieces(job: PlannedJob) -> list[tuple[TuneSpec | EvaluateSpec, tuple[str, ...]]]:
    if isinstance(job.work, SeriesSpec):
        return [(piece.work, piece.keys) for piece in job.work.pieces]
    assert isinstance(job.work, (TuneSpec, EvaluateSpec))
    return [(job.work, job.keys)]


def adapters_of(work: EvaluateSpec) -> set[str]:
    return {name for one in work.cells for name in one.adapters}


def check(plan: Plan, single: Plan, packing: Packing, finished: Finished) -> None:
    """What must hold of any plan, beside the one in which every piece is a job of its own."""
    cost = {key: job.cost.seconds for job in single.jobs for key in job.keys}
    done: set[str] = set()
    made: set[str] = set(finished.adapters)
    keys: list[str] = []
    for job in plan.jobs:
        assert set(job.needs) <= done
        found = pieces(job)
        for work, own in found:
            keys += own
            if isinstance(work, TuneSpec):
                assert set(work.parents) <= made, "a parent is there before it is gone on from"
                made |= {f"{own[0]}@{step}" for step in work.save_steps}
            else:
                assert adapters_of(work) <= made, "an adapter is there before it is needed"
        assert job.keys == tuple(key for _, own in found for key in own)
        seconds = sum(cost[own[0]] for _, own in found)
        assert len(found) == 1 or seconds <= packing.hours * 3600 * (1 + 1e-9)
        assert len({work.base for work, _ in found}) == 1
        inside = {
            f"{own[0]}@{s}" for work, own in found if isinstance(work, TuneSpec) for s in work.save_steps
        }
        assert not inside & set(job.inputs)
        done.add(job.id)
    assert len({job.id for job in plan.jobs}) == len(plan.jobs)
    assert sorted(keys) == sorted(key for job in single.jobs for key in job.keys)
    assert plan.missing == single.missing


@st.composite
def asked(draw: st.DrawFn) -> tuple[Demand, Finished, Packing]:
    tunings: list[WantedTuning] = []
    cells: list[WantedCell] = []
    for base in BASES[: draw(st.integers(1, 3))]:
        own, theirs = grid(base, draw(st.integers(0, 5)), draw(st.integers(1, 2000)), draw(st.integers(1, 3)))
        tunings += own
        cells += theirs
        for parent in own[: draw(st.integers(0, 2))]:
            own, theirs = children(parent, draw(st.integers(1, 3)), draw(st.integers(1, 2000)))
            tunings += own
            cells += theirs
            if draw(st.booleans()):
                own, theirs = children(own[0], 2, 50)
                tunings += own
                cells += theirs
    there = draw(st.sets(st.sampled_from([one.key for one in cells])))
    names = [f"{one.key}@{step}" for one in tunings for step in (13, 60)]
    adapters = dict.fromkeys(draw(st.sets(st.sampled_from(names))) if names else (), "w")
    stored = {one.key: dict.fromkeys(one.spec.adapters, "w") for one in cells if one.key in there}
    packing = Packing(True, draw(st.integers(1, 9)), draw(st.sampled_from([0.001, 0.02, 0.3, 4.0, 1000.0])))
    return demand(tunings, cells), Finished(stored, adapters), packing


@settings(deadline=None)
@given(asked())
def test_every_piece_is_in_one_job_after_what_it_needs_and_within_the_hours(
    case: tuple[Demand, Finished, Packing],
) -> None:
    wanted, finished, packing = case
    plan, single = build(wanted, finished, COSTS, packing), build(wanted, finished, COSTS)
    check(plan, single, packing, finished)
    assert build(wanted, finished, COSTS, packing) == plan
    starts = [job for job in plan.jobs if not job.needs]
    apart = [job for job in single.jobs if not job.needs]
    assert len(starts) >= min(packing.slots, len(apart))


@settings(deadline=None)
@given(asked(), st.data())
def test_what_a_series_at_work_has_in_its_hands_stays_there(
    case: tuple[Demand, Finished, Packing], data: st.DataObject
) -> None:
    wanted, finished, packing = case
    first = build(wanted, finished, COSTS, packing)
    if not first.jobs:
        return
    chosen = data.draw(
        st.lists(st.sampled_from([job for job in first.jobs if not job.needs]), unique_by=lambda j: j.id)
    )
    living = {job.id: JobSpec(job.title, job.work, job.keys, {}) for job in chosen}
    landed = data.draw(st.sets(st.sampled_from([key for job in first.jobs for key in job.keys])))
    after = {
        key: dict.fromkeys(c.spec.adapters, "w") for c in wanted.wanted.cells if (key := c.key) in landed
    }
    later = Finished({**finished.cells, **after}, finished.adapters)
    packing = replace(packing, living=living, slots=data.draw(st.integers(1, 9)))
    plan = build(wanted, later, COSTS, packing)
    where = {key: job.id for job in plan.jobs for key in job.keys}
    for name, spec in living.items():
        assert {where[key] for key in spec.keys if key in where} <= {name}
    keys = sorted(key for job in plan.jobs for key in job.keys)
    assert keys == sorted(key for job in build(wanted, later, COSTS).jobs for key in job.keys)


def test_slots_are_kept_busy_and_series_are_alike() -> None:
    wanted = demand(*grid("base-0", 6))
    for slots in (1, 2, 3):
        plan = build(wanted, Finished(), COSTS, Packing(slots=slots))
        assert len(plan.jobs) == slots and all(not job.needs for job in plan.jobs)
        seconds = [job.cost.seconds for job in plan.jobs]
        assert max(seconds) < 1.6 * min(seconds)
    many = build(wanted, Finished(), COSTS, Packing(slots=50))
    assert len(many.jobs) == 7  # the base, and six tunings with their evaluations


def test_the_longer_base_gets_more_of_the_slots() -> None:
    small, large = grid("base-0", 3), grid("base-2", 6)
    plan = build(
        demand(small[0] + large[0], small[1] + large[1]), Finished(), COSTS, Packing(slots=4, hours=1e6)
    )
    bases = [getattr(job.work, "base", "") for job in plan.jobs]
    assert bases.count("base-2") >= 3 and bases.count("base-0") == 1


def test_a_series_says_what_it_is_and_costs_one_start() -> None:
    wanted = demand(*grid("base-0", 3))
    [job] = build(wanted, Finished(), COSTS, Packing()).jobs
    assert isinstance(job.work, SeriesSpec)
    assert job.title == "series of 7 on base-0: the base, …, d/l2 seed 1"
    assert [piece.kind for piece in job.work.pieces] == ["evaluate", *["tune", "evaluate"] * 3]
    assert abs(sum(piece.share for piece in job.work.pieces) - 1) < 1e-4
    singles = build(wanted, Finished(), COSTS).jobs
    assert job.cost.seconds == sum(one.cost.seconds for one in singles) - 6 * 6.0
    assert job.id.startswith("series-")
    assert job.outputs == tuple(key for one in singles for key in one.outputs)


def test_tunings_come_first_where_they_take_other_weights_than_are_evaluated() -> None:
    tunings = [tuning("base-0", number, weights="nf4") for number in range(3)]
    cells = [cell("base-0", "data", 9, made_by) for made_by in (None, *tunings)]
    [job] = build(demand(tunings, cells), Finished(), COSTS, Packing()).jobs
    assert isinstance(job.work, SeriesSpec)
    assert [piece.kind for piece in job.work.pieces] == ["tune"] * 3 + ["evaluate"] * 4


def test_switched_off_every_piece_is_a_job() -> None:
    wanted = demand(*grid("base-0", 3))
    assert build(wanted, Finished(), COSTS, Packing(series=False)) == build(wanted, Finished(), COSTS)


def test_a_measured_speed_decides_how_much_a_series_takes() -> None:
    wanted = demand(*grid("base-0", 4, items=1000))
    slow = replace(COSTS, speeds=Speeds({("base-0", "generate"): 1.0}))
    plan = build(wanted, Finished(), slow, Packing(hours=2.5))
    assert len(plan.jobs) == 3  # five strands of half an hour and of more than an hour


def test_children_share_a_series_with_their_parent_where_no_slot_stands_idle_and_are_dealt_out_else() -> None:
    tunings, cells = grid("base-1", 1, 300, 1)
    own, theirs = children(tunings[0], 4, 300)
    asked_for = demand([*tunings, *own], [*cells, *theirs])
    [alone] = build(asked_for, Finished(), COSTS, Packing(slots=1, hours=1000)).jobs
    assert alone.needs == () and len(pieces(alone)) == 1 + 2 * 5
    plan = build(asked_for, Finished(), COSTS, Packing(slots=2, hours=1000))
    [first] = [job for job in plan.jobs if tunings[0].key in job.keys]
    behind_it = [job for job in plan.jobs if job.needs]
    assert [job.needs for job in behind_it] == [(first.id,)] * 2
    assert {f"{tunings[0].key}@60"} == {name for job in behind_it for name in job.inputs if "@" in name}
    assert sorted(len(pieces(job)) for job in behind_it) == [4, 4]
