"""From what is asked and what is there to the jobs in between."""

from __future__ import annotations

from dataclasses import replace

from kit.jobdir import (
    CellSpec,
    DeriveSpec,
    FitSpec,
    GenerateTask,
    LensTask,
    PretrainSpec,
    Prompt,
    SeriesSpec,
    TuneSpec,
    encode,
    key_of,
)
from kit.plan import (
    Coordinates,
    Costs,
    Demand,
    Finished,
    Packing,
    Speeds,
    Wanted,
    WantedCell,
    WantedModel,
    WantedTuning,
    build,
    reason,
)

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
BASE = WantedModel("m", "base-0", 1_000_000)
LANGUAGES = ("de", "hi")


def tuning(language: str) -> WantedTuning:
    spec = TuneSpec("base-0", f"data-train-{language}", PROMPT, label=language)
    return WantedTuning(key_of("tune", spec), spec, 103, (60,))


def cell(language: str, trained_on: str = "", steps: int = 60) -> WantedCell:
    adapters = (f"{tuning(trained_on).key}@{steps}",) if trained_on else ()
    spec = CellSpec(
        "base-0",
        f"data-{language}",
        PROMPT,
        GenerateTask(),
        adapters=adapters,
        label=f"{trained_on}>{language}",
    )
    at = Coordinates(
        "m", trained_on, trained_on, steps if trained_on else 0, None, "d", language, "test", "qa", "generate"
    )
    return WantedCell(key_of("generate", spec), at, spec, 300)


def demand(*cells: WantedCell) -> Demand:
    tunings = {t.key: t for t in map(tuning, LANGUAGES)}
    return Demand(Wanted("r", cells), tunings, {"base-0": BASE})


def test_one_evaluation_a_subject_and_one_tuning_before_it() -> None:
    cells = [cell(x, t) for t in ("", "de", "hi") for x in LANGUAGES]
    plan = build(demand(*cells), Finished(), Costs())
    titles = [(job.title.split()[0], len(job.keys), len(job.needs)) for job in plan.jobs]
    assert titles == [
        ("evaluate", 2, 0),
        ("tune", 1, 0),
        ("evaluate", 2, 1),
        ("tune", 1, 0),
        ("evaluate", 2, 1),
    ]
    assert plan.stored == 0


def test_nothing_is_left_when_all_is_stored() -> None:
    cells = [cell(x, t) for t in ("", "de") for x in LANGUAGES]
    adapter = cells[-1].spec.adapters[0]
    digests = {c.key: dict.fromkeys(c.spec.adapters, "w1") for c in cells}
    assert build(demand(*cells), Finished(digests, {adapter: "w1"}), Costs()).jobs == ()
    # The adapter itself need not be kept, once its cells are there.
    assert build(demand(*cells), Finished(digests, {}), Costs()).jobs == ()


def test_a_new_language_runs_that_language_alone() -> None:
    cells = [cell(x, t) for t in ("", "de") for x in LANGUAGES]
    new = [cell("or"), cell("or", "de")]
    adapter = new[1].spec.adapters[0]
    done = Finished({c.key: dict.fromkeys(c.spec.adapters, "w1") for c in cells}, {adapter: "w1"})
    plan = build(demand(*cells, *new), done, Costs())
    assert [job.keys for job in plan.jobs] == [(new[0].key,), (new[1].key,)]


def test_cells_of_another_adapter_digest_are_missing() -> None:
    cells = [cell(x, "de") for x in LANGUAGES]
    adapter = cells[0].spec.adapters[0]
    done = Finished({cells[0].key: {adapter: "old"}, cells[1].key: {adapter: "new"}}, {adapter: "new"})
    plan = build(demand(*cells), done, Costs())
    assert plan.missing == {cells[0].key}


def test_all_checkpoints_of_a_tuning_come_from_one_job() -> None:
    cells = [cell("or", "de", steps) for steps in (13, 26, 60)]
    plan = build(demand(*cells), Finished(), Costs())
    assert [job.title.split()[0] for job in plan.jobs] == ["tune", "evaluate"]
    assert plan.jobs[0].work.save_steps == (13, 26, 60)  # type: ignore[union-attr]
    # One that is missing brings all of its tuning's missing cells, and no others.
    done = Finished({cells[0].key: {}}, {cells[0].spec.adapters[0]: "w"})
    assert len(build(demand(*cells), done, Costs()).jobs[1].keys) == 3
    done = Finished({cells[0].key: {cells[0].spec.adapters[0]: "w"}}, {cells[0].spec.adapters[0]: "w"})
    assert build(demand(*cells), done, Costs()).jobs[0].work.save_steps == (26, 60)  # type: ignore[union-attr]


def chain() -> tuple[Demand, WantedTuning, WantedTuning, WantedCell]:
    """A tuning on `de` that goes on on `hi`, whose cell alone is asked for."""
    parent = tuning("de")
    spec = TuneSpec("base-0", "data-train-hi", PROMPT, parents=(f"{parent.key}@60",), label="de → hi")
    child = WantedTuning(key_of("tune", spec), spec, 103, (60,))
    wanted = replace(cell("or", "hi").spec, adapters=(f"{parent.key}@60", f"{child.key}@60"))
    asked = replace(cell("or", "hi"), key=key_of("generate", wanted), spec=wanted)
    tunings = {child.key: child, parent.key: parent}
    return Demand(Wanted("r", (asked,)), tunings, {"base-0": BASE}), parent, child, asked


def test_a_tuning_that_goes_on_from_another_waits_for_it() -> None:
    demand, parent, child, asked = chain()
    assert child.key != tuning("hi").key, "the parent is in the key"
    jobs = build(demand, Finished(), Costs()).jobs
    assert [(job.id, job.needs) for job in jobs[:2]] == [(parent.key, ()), (child.key, (parent.key,))]
    assert jobs[2].keys == (asked.key,) and jobs[2].needs == (child.key,)
    assert f"{parent.key}@60" in jobs[1].inputs
    there = Finished(adapters={f"{parent.key}@60": "w"})
    assert [job.id for job in build(demand, there, Costs()).jobs[:1]] == [child.key]
    assert build(demand, there, Costs()).jobs[0].needs == ()


def test_a_parent_that_is_made_anew_takes_its_children_with_it() -> None:
    demand, parent, child, asked = chain()
    there = Finished(adapters={f"{child.key}@60": "w"})
    assert [job.id for job in build(demand, there, Costs()).jobs[:2]] == [parent.key, child.key]
    digests = {f"{parent.key}@60": "old", f"{child.key}@60": "w"}
    assert build(demand, Finished({asked.key: digests}, {}), Costs()).jobs == ()
    now = Finished({asked.key: digests}, {f"{parent.key}@60": "new"})
    assert [job.id for job in build(demand, now, Costs()).jobs[:1]] == [child.key]


def test_without_evaluation_every_stage_is_asked_for() -> None:
    demand, parent, child, _ = chain()
    bare = replace(demand, wanted=Wanted("r", ()))
    assert [job.id for job in build(bare, Finished(), Costs()).jobs] == [parent.key, child.key]
    there = Finished(adapters={f"{child.key}@60": "w"})
    assert [job.id for job in build(bare, there, Costs()).jobs] == [parent.key]


def test_a_recipe_without_evaluation_asks_for_its_adapters() -> None:
    plan = build(demand(), Finished(), Costs())
    assert [job.work.save_steps for job in plan.jobs] == [(60,), (60,)]  # type: ignore[union-attr]
    there = {f"{tuning(x).key}@60": "w" for x in LANGUAGES}
    assert build(demand(), Finished(adapters=there), Costs()).jobs == ()


def test_equal_cells_are_computed_once() -> None:
    assert len(build(demand(cell("de"), cell("de")), Finished(), Costs()).jobs[0].keys) == 1


def test_the_reason_names_the_part_that_differs() -> None:
    wanted = cell("de", "hi")
    stored = {"spec": encode(wanted.spec)}
    assert reason(wanted, []) == "new"
    changed = {"spec": {**stored["spec"], "mode": "exact"}}
    assert reason(wanted, [changed]) == "mode: exact -> fast"
    other = {"spec": {**stored["spec"], "label": "something else", "mode": "exact"}}
    assert reason(wanted, [other]) == "new"
    assert reason(wanted, [stored]) == "made with another adapter"


def test_measured_seconds_replace_arithmetic() -> None:
    plain = build(demand(cell("de")), Finished(), Costs(parameters={"base-0": 10**9})).jobs[0].cost
    facts = [{"spec": encode(cell("hi").spec), "seconds": 30.0, "n": 300}, {"broken": True}]
    speeds = Speeds.measured(facts)
    assert speeds.items == {("base-0", "generate"): 0.1}
    measured = build(demand(cell("de")), Finished(), Costs(speeds=speeds)).jobs[0].cost
    assert measured.seconds < plain.seconds and "stored cells" in measured.basis


def doubled(language: str) -> WantedTuning:
    spec = DeriveSpec(f"{tuning(language).key}@60", base="base-0", label=f"{language}, doubled")
    return WantedTuning(key_of("derive", spec), spec, 103, (60,))


def test_a_double_is_derived_once_its_adapter_is_there() -> None:
    """The tuning is done for it even where nothing else asks for it; with the adapter at hand, nothing is tuned."""
    double, source = doubled("de"), f"{tuning('de').key}@60"
    plain = cell("or")
    spec = replace(plain.spec, adapters=(f"{double.key}@60",))
    own = WantedCell(key_of("generate", spec), plain.at, spec, 300)
    asked = Demand(
        Wanted("r", (own,)),
        {**demand().tunings, double.key: double},
        {"base-0": BASE},
    )
    plan = build(asked, Finished(), Costs())
    assert [job.title.split()[0] for job in plan.jobs] == ["tune", "derive", "evaluate"]
    tune, derive, evaluate = plan.jobs
    assert tune.work.save_steps == (60,) and tune.outputs == (source,)  # type: ignore[union-attr]
    assert (derive.needs, derive.inputs, derive.outputs) == ((tune.id,), (source,), (f"{double.key}@60",))
    assert evaluate.needs == (derive.id,)
    plan = build(asked, Finished(adapters={source: "w"}), Costs())
    assert [job.title.split()[0] for job in plan.jobs] == ["derive", "evaluate"] and not plan.jobs[0].needs
    there = f"{double.key}@60"
    plan = build(asked, Finished(adapters={there: "d"}), Costs())
    assert [job.keys for job in plan.jobs] == [(own.key,)]
    stored = Finished({own.key: {there: "d"}}, {source: "w"})
    assert not build(asked, stored, Costs()).jobs
    plan = build(asked, replace(stored, outdated=frozenset({there})), Costs())
    assert [job.title.split()[0] for job in plan.jobs] == ["derive", "evaluate"]
    (series,) = build(asked, Finished(), Costs(), Packing()).jobs
    assert isinstance(series.work, SeriesSpec)
    assert [piece.kind for piece in series.work.pieces] == ["tune", "derive", "evaluate"]
    assert not series.needs and source not in series.inputs
    # Too long to share a job: what waits for the tuning is done elsewhere, after it.
    jobs = build(asked, Finished(), Costs(), Packing(hours=1e-9)).jobs
    assert [job.needs for job in jobs] == [(), (jobs[0].id,), (jobs[1].id,)]
    bare = replace(asked, wanted=Wanted("r", ()), tunings={double.key: double, **demand().tunings})
    jobs = build(bare, Finished(), Costs()).jobs
    assert sorted(job.title.split()[0] for job in jobs) == ["derive", "tune", "tune"]
    assert next(job for job in jobs if job.id == double.key).needs == (tuning("de").key,)


FIT = FitSpec("base-0", ("data-dev",), PROMPT)
LENS = WantedTuning(key_of("fit", FIT), FIT, 90, (250,))


def looking(language: str, trained_on: str = "") -> WantedCell:
    """A cell through the tuned lens of its base."""
    plain = cell(language, trained_on)
    spec = replace(plain.spec, task=LensTask(translators=f"{LENS.key}@250"))
    return WantedCell(key_of("lens", spec), replace(plain.at, task="lens:form=tuned"), spec, 300)


def with_lens(*cells: WantedCell) -> Demand:
    plain = demand(*cells)
    return replace(plain, tunings={**plain.tunings, LENS.key: LENS})


def test_a_tuned_lens_is_fitted_once_before_all_that_look_through_it() -> None:
    cells = [c for t in ("", "de", "hi") for c in (cell("de", t), looking("de", t))]
    packed = Packing(series=True, slots=2)
    plan = build(with_lens(*cells), Finished(), Costs(), packed)
    fit, *others = plan.jobs
    assert fit.id == LENS.key and fit.outputs == (f"{LENS.key}@250",) and not fit.needs
    assert fit.inputs == ("base-0", "data-dev")
    assert len(others) == 2 and all(
        isinstance(job.work, SeriesSpec) and LENS.key in job.needs for job in others
    )
    assert all(f"{LENS.key}@250" in job.inputs for job in others)
    assert sorted(
        key for job in others for key in job.keys if key.startswith(("lens", "generate"))
    ) == sorted(c.key for c in cells)


def test_a_lens_that_is_there_is_not_fitted_again_and_what_looks_elsewhere_needs_none() -> None:
    there = Finished(adapters={f"{LENS.key}@250": "d"})
    (job,) = build(with_lens(looking("de")), there, Costs()).jobs
    assert not job.needs and f"{LENS.key}@250" in job.inputs
    (plain,) = build(with_lens(cell("de")), Finished(), Costs()).jobs
    assert LENS.key not in (plain.id, *plain.needs)


def test_cells_through_other_maps_are_out_of_date() -> None:
    name, one = f"{LENS.key}@250", looking("de")
    stored = Finished(cells={one.key: {name: "old"}}, adapters={name: "new"})
    assert build(with_lens(one), stored, Costs()).missing == {one.key}
    same = Finished(cells={one.key: {name: "new"}}, adapters={name: "new"})
    assert not build(with_lens(one), same, Costs()).jobs


def test_the_lens_of_a_base_that_is_still_to_be_made_waits_for_it() -> None:
    wanted = with_lens(looking("de"))
    wanted = replace(wanted, models={"base-0": replace(BASE, spec=PretrainSpec("data-text", {}))})
    base, fit, look = build(wanted, Finished(), Costs()).jobs
    assert fit.needs == ("base-0",) == (base.id,) and LENS.key in look.needs
