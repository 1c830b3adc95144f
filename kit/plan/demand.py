"""From a recipe and its resolved inputs to every cell it asks for, each with its key. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kit.jobdir import CellSpec, DeriveSpec, FitSpec, LensTask, Task, TuneSpec, key_of
from kit.plan.inputs import Inputs, ResolvedModel, ResolvedSlice
from kit.plan.types import THEN, Coordinates, Demand, Wanted, WantedCell, WantedTuning
from kit.recipe import Recipe, expand
from kit.recipe.sources import CONTROL_MARK


@dataclass(frozen=True)
class _Subject:
    """What is evaluated: a base, or a base with an adapter. `translators` are those of the base's tuned lens."""

    model: ResolvedModel
    adapters: tuple[str, ...] = ()
    trained_on: str = ""
    train_language: str = ""
    step: int = 0
    seed: int | None = None
    translators: str = ""


@dataclass(frozen=True)
class _Tuned:
    """A training set of a recipe with a seed: its tuning, and what is evaluated of it (`made`: the tuning itself, or
    the doubles of it that a control asks for). `trained_on` names it in tables, `parents` are the adapters that it
    goes on from, `last` is the one that it ends in.
    """

    train: ResolvedSlice
    seed: int
    tuning: WantedTuning
    made: tuple[WantedTuning, ...]
    trained_on: str
    parents: tuple[str, ...]
    last: str


def demand(recipe: Recipe, inputs: Inputs) -> Demand:
    """Models x (base, tunings x seeds x checkpoints, ready-made adapters) x evaluation sets x prompts x tasks, as far
    as these fit together (`expand.fits`).
    """
    tunings: dict[str, WantedTuning] = {}
    cells: list[WantedCell] = []
    fits = {model.wanted.name: _fit(recipe, inputs, model) for model in inputs.models}
    tunings |= {fit.key: fit for fit in fits.values() if fit}
    for model in inputs.models:
        fit = fits[model.wanted.name]
        translators = f"{fit.key}@{fit.steps[0]}" if fit else ""
        subjects = [_Subject(model, translators=translators)]
        for tuned in _tunings(recipe, inputs, model):
            for one in (tuned.tuning, *tuned.made):  # a tuning and its double share it
                known = tunings.get(one.key, one)
                tunings[one.key] = replace(known, steps=tuple(sorted({*known.steps, *one.steps})))
            subjects += [replace(one, translators=translators) for one in _checkpoints(model, tuned)]
        subjects += [
            _Subject(model, (a.id,), trained_on=a.name, translators=translators)
            for a in inputs.adapters
            if a.model == model.wanted.name
        ]
        for subject in subjects:
            cells += _cells(recipe, inputs, subject)
    models = {model.wanted.id: model.wanted for model in inputs.models}
    return Demand(Wanted(recipe.name, tuple(cells)), tunings, models)


def _fit(recipe: Recipe, inputs: Inputs, model: ResolvedModel) -> WantedTuning | None:
    """The tuned lens of a base, where a task looks through it."""
    if not any(isinstance(task, LensTask) and task.translators for _, task in expand.tasks(recipe)):
        return None
    asked = recipe.tuned_lens
    spec = FitSpec(
        base=model.wanted.id,
        data=tuple(one.id for one in inputs.lens_texts),
        prompt=next(iter(inputs.prompts.values())),
        steps=asked.steps,
        tokens=asked.tokens,
        learning_rate=asked.learning_rate,
        dtype=recipe.switches.dtype,
        seed=asked.seed,
        label=f"a tuned lens of {model.wanted.name}",
    )
    return WantedTuning(key_of("fit", spec), spec, sum(one.items for one in inputs.lens_texts), (spec.steps,))


def _tunings(recipe: Recipe, inputs: Inputs, model: ResolvedModel) -> Iterator[_Tuned]:
    """Every tuning after those that it goes on from, with each of which it shares its seed."""
    stages: dict[str, list[_Tuned]] = {train.stage: [] for train in inputs.train}
    for train in inputs.train:
        for before in stages[train.after] if train.after else [None]:
            for seed in recipe.seeds if before is None else [before.seed]:
                tuned = _tuning(recipe, inputs, model, train, seed, before)
                stages[train.stage].append(tuned)
                yield tuned


def _tuning(
    recipe: Recipe,
    inputs: Inputs,
    model: ResolvedModel,
    train: ResolvedSlice,
    seed: int,
    before: _Tuned | None,
) -> _Tuned:
    switches, prompt, random = recipe.switches, inputs.train_prompt, train.control.random
    name = train.dataset.partition(CONTROL_MARK)[0] if random else train.dataset
    way = f"{before.trained_on}{THEN}" if before else ""
    parents = (*before.parents, before.last) if before else ()
    spec = TuneSpec(
        base=model.wanted.id,
        data=train.id,
        prompt=replace(prompt, template="{context}", joint="") if train.control.alone else prompt,
        lora=model.lora,
        trainer=expand.trainer(recipe),
        parents=parents,
        end_token=switches.end_token,
        loss_on="all" if train.control.alone else switches.loss_on,
        sequence_limit=recipe.sequence_limit,
        truncation=switches.truncation,
        weights=switches.weights,
        autocast=switches.autocast,
        seed=seed,
        label=f"{model.wanted.name} on {way}{name}/{train.language}, seed {seed}",
    )
    last = expand.total_steps(train.items, spec.trainer)
    steps = {last if step == "last" else int(step) for step in recipe.checkpoints} - {0}
    if train.stage and any(other.after == train.stage for other in inputs.train):
        steps.add(last)  # what comes after it begins there
    tuning = WantedTuning(key_of("tune", spec), spec, train.items, tuple(sorted(steps)))
    trained_on = f"{way}{train.dataset}/{train.language}"
    label = f"{model.wanted.name} on {trained_on}, seed {seed}"
    made = _doubles(tuning, train, label) if random else [tuning]
    end = next((f"{one.key}@{last}" for one in made if last in one.steps), "")
    return _Tuned(train, seed, tuning, tuple(made), trained_on, parents, end)


def _doubles(tuning: WantedTuning, train: ResolvedSlice, label: str) -> list[WantedTuning]:
    """The doubles in random directions of a tuning's adapters, one a step; the label is that of their row."""
    made = []
    for step in tuning.steps:
        spec = DeriveSpec(f"{tuning.key}@{step}", train.control.seed, base=tuning.spec.base, label=label)
        made.append(WantedTuning(key_of("derive", spec), spec, train.items, (step,)))
    return made


def _checkpoints(model: ResolvedModel, tuned: _Tuned) -> Iterator[_Subject]:
    for one in tuned.made:
        for step in one.steps:
            adapters = (*tuned.parents, f"{one.key}@{step}")
            yield _Subject(model, adapters, tuned.trained_on, tuned.train.language, step, tuned.seed)


def _cells(recipe: Recipe, inputs: Inputs, subject: _Subject) -> Iterator[WantedCell]:
    switches = recipe.switches
    named = zip(expand.unrolled(recipe), expand.tasks(recipe, inputs.maps), strict=True)
    tasks = [(asked, name, task) for (_, asked), (name, task) in named]
    for index, whole in enumerate(inputs.evaluate):
        for prompt_name, plain in inputs.prompts.items():
            evaluate, prompt = whole, plain
            if prompt_name in inputs.shots:
                shots = inputs.shots[prompt_name][index]
                evaluate, prompt = shots.asked, replace(plain, shots=shots.id)
            for asked, task_name, planned in tasks:
                task = expand.aimed(planned, evaluate.script, tuned=bool(subject.adapters))
                task = _looking(task, subject)
                if task is None or not expand.fits(asked, prompt, evaluate.choices):
                    continue
                for replicate in range(recipe.replicates):
                    at = Coordinates(
                        model=subject.model.wanted.name,
                        trained_on=subject.trained_on,
                        train_language=subject.train_language,
                        step=subject.step,
                        seed=subject.seed,
                        dataset=evaluate.dataset,
                        language=evaluate.language,
                        split=evaluate.split,
                        prompt=prompt_name,
                        task=task_name,
                        replicate=replicate,
                    )
                    spec = CellSpec(
                        base=subject.model.wanted.id,
                        data=evaluate.id,
                        prompt=prompt,
                        task=task,
                        adapters=subject.adapters,
                        interventions=expand.interventions(asked, evaluate.script, bool(subject.adapters)),
                        dtype=switches.dtype,
                        mode=switches.mode,
                        replicate=replicate,
                        label=label(at),
                    )
                    seen = subject.model.family in evaluate.seen_by
                    yield WantedCell(key_of(task.kind, spec), at, spec, evaluate.items, seen)


def _looking(task: Task | None, subject: _Subject) -> Task | None:
    """A lens that is to be tuned, through the translators of the subject's base."""
    if not isinstance(task, LensTask) or not task.translators:
        return task
    return replace(task, translators=subject.translators)


def label(at: Coordinates) -> str:
    """One line that names a cell for readers."""
    trained = f"{at.trained_on}@{at.step} seed {at.seed}" if at.seed is not None else at.trained_on or "base"
    copy = f" #{at.replicate}" if at.replicate else ""
    return f"{at.model} | {trained} | {at.dataset}/{at.language}/{at.split} | {at.prompt} | {at.task}{copy}"
