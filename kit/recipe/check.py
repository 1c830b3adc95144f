"""A recipe against the catalog: do its names stand for something, and do they fit together?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from kit.errors import RecipeError
from kit.recipe.check_sets import SetChecker
from kit.recipe.check_shots import shots_without_a_place
from kit.recipe.expand import lists, prompt_name, tasks, total_steps, trainer, unrolled
from kit.recipe.faults import SEE_SCHEMA, suggestion
from kit.recipe.load import LoadedRecipe, expanded, in_order
from kit.recipe.model import Lens, Score
from kit.recipe.sources import NamedModel, PathAdapter, PathModel, PretrainedModel, TrainFile, TrainSet
from kit.recipe.tree import refuse_if_any
from kit.yamlfile import Loc

if TYPE_CHECKING:
    from kit.catalog import Catalog


def check_names(loaded: LoadedRecipe, catalog: Catalog) -> LoadedRecipe:
    """The recipe with the catalog's own language codes, and `languages: all` spelled out. Reads no data.

    Raises:
        RecipeErrors: unknown models, families, data sets, languages, splits, prompts; models that are not
            supported; files that are not there; slices that stand twice; switches or checkpoints at odds.
    """
    recipe = loaded.recipe
    sets = SetChecker(loaded, catalog)
    normal = {
        "train": sets.normal("train", recipe.train),
        "evaluate": sets.normal("evaluate", recipe.evaluate),
        "lens_texts": sets.normal("lens_texts", recipe.lens_texts),
    }
    sets.kept_apart("lens_texts", normal["lens_texts"], "evaluate", normal["evaluate"])
    limits = [(f"{entry.limit} examples", entry.limit) for entry in recipe.train if entry.limit]
    faults = [
        *_models(loaded, catalog),
        *_adapters(loaded),
        *_prompts(loaded, catalog),
        *sets.faults,
        *(() if sets.faults else shots_without_a_place(loaded, normal["evaluate"], catalog)),
        *_decoding(loaded),
        *_lenses(loaded),
        *_late_checkpoints(loaded, limits),
    ]
    refuse_if_any(in_order(faults, loaded.tree))
    complete = recipe.model_copy(update=normal)
    return replace(loaded, recipe=complete, expanded=expanded(complete))


def check_checkpoints(loaded: LoadedRecipe, examples: Iterable[tuple[str, int]]) -> None:
    """Whether every tuning reaches every checkpoint; `examples`: the name and size of each training set.

    Raises:
        RecipeErrors: a checkpoint lies behind the last step of a tuning.
    """
    refuse_if_any(in_order(_late_checkpoints(loaded, examples), loaded.tree))


def _fault(loaded: LoadedRecipe, loc: Loc, message: str, remedy: str | None) -> RecipeError:
    return RecipeError(message, where=loaded.where(loc), remedy=remedy or SEE_SCHEMA)


def _models(loaded: LoadedRecipe, catalog: Catalog) -> Iterator[RecipeError]:
    for index, model in enumerate(loaded.recipe.models):
        loc: Loc = ("models", index)
        start = model.pretrain.start if isinstance(model, PretrainedModel) else None
        if start and start not in catalog.models:
            message = f"the model {start!r} is unknown"
            where = (*loc, "pretrain", "start")
            yield _fault(loaded, where, message, suggestion(start, catalog.models))
        if isinstance(model, NamedModel):
            yield from _named_model(loaded, catalog, model, (*loc, "name"))
            continue
        if isinstance(model, PathModel) and not model.path.is_dir():
            yield _fault(loaded, (*loc, "path"), f"there is no folder {model.path}", "check the path")
        if model.family is None:
            yield from _no_family(loaded, model.name, loc)
        elif model.family not in catalog.families:
            message = f"{model.family!r} is no family of the catalog"
            yield _fault(loaded, (*loc, "family"), message, suggestion(model.family, catalog.families))


def _named_model(
    loaded: LoadedRecipe, catalog: Catalog, model: NamedModel, loc: Loc
) -> Iterator[RecipeError]:
    entry = catalog.models.get(model.name)
    if entry is None:
        message = f"{model.name!r} is no model of the catalog"
        yield _fault(loaded, loc, message, suggestion(model.name, catalog.models))
    elif entry.unsupported:
        message = f"{model.name!r} is not supported: {entry.unsupported}"
        yield _fault(loaded, loc, message, "choose another model")


def _no_family(loaded: LoadedRecipe, name: str, loc: Loc) -> Iterator[RecipeError]:
    targets = loaded.recipe.lora.targets
    if loaded.recipe.train and targets in ("scripts", "qkv"):
        message = f"`lora.targets: {targets}` goes by the model's family, and {name!r} has none"
        yield _fault(loaded, loc, message, "give the model its `family`, or list modules in `lora.targets`")


def _adapters(loaded: LoadedRecipe) -> Iterator[RecipeError]:
    names = [model.name for model in loaded.recipe.models]
    for index, adapter in enumerate(loaded.recipe.adapters):
        loc: Loc = ("adapters", index)
        if adapter.model not in names:
            message = f"{adapter.model!r} is none of the recipe's models"
            yield _fault(loaded, (*loc, "model"), message, suggestion(adapter.model, names))
        if isinstance(adapter, PathAdapter) and not adapter.path.is_dir():
            yield _fault(loaded, (*loc, "path"), f"there is no folder {adapter.path}", "check the path")


def _prompts(loaded: LoadedRecipe, catalog: Catalog) -> Iterator[RecipeError]:
    recipe = loaded.recipe
    named: list[tuple[Loc, str]] = [
        (("prompts", index) if isinstance(asked, str) else ("prompts", index, "prompt"), prompt_name(asked))
        for index, asked in enumerate(recipe.prompts)
    ]
    trained = prompt_name(recipe.train_prompt)
    way: Loc = ("train_prompt",) if isinstance(recipe.train_prompt, str) else ("train_prompt", "prompt")
    for loc, name in [*named, (way, trained)]:
        if name not in catalog.prompts:
            message = f"{name!r} is no prompt of the catalog"
            yield _fault(loaded, loc, message, suggestion(name, catalog.prompts))
    yield from _listing(loaded, {name: lists(entry) for name, entry in catalog.prompts.items()})
    asks = catalog.prompts.get(trained)
    for index, entry in enumerate(recipe.train):
        if asks is not None and asks.translation is None and _is_pairs(entry, catalog):
            message = f"the prompt {trained!r} has no question for a translation, and this set holds pairs"
            yield _fault(
                loaded, ("train", index), message, "use `train_prompt: qa`, or a prompt with `translation`"
            )


def _is_pairs(entry: TrainSet | TrainFile, catalog: Catalog) -> bool:
    if isinstance(entry, TrainFile):
        return entry.pairs
    return entry.dataset in catalog.datasets and catalog.datasets[entry.dataset].pairs


def _listing(loaded: LoadedRecipe, listing: Mapping[str, bool]) -> Iterator[RecipeError]:
    """Prompts that list choices are for tasks of choices alone, and these are for evaluation alone."""
    recipe = loaded.recipe
    if listing.get(prompt_name(recipe.train_prompt)):
        message = (
            f"the prompt {prompt_name(recipe.train_prompt)!r} lists choices, and training texts have none"
        )
        yield _fault(loaded, ("train_prompt",), message, "choose another prompt")
    prompts = [prompt_name(asked) for asked in recipe.prompts]
    open_prompts = [name for name in prompts if not listing.get(name)]
    chooses = [isinstance(task, Score) and task.continuations == "choices" for task in recipe.tasks]
    for index, name in enumerate(prompts):
        if listing.get(name) and not any(chooses):
            message = f"the prompt {name!r} lists choices, and no task asks for them"
            remedy = "add the task {kind: score, continuations: choices}"
            yield _fault(loaded, ("prompts", index), message, remedy)
    for index, task in enumerate(recipe.tasks):
        if not chooses[index] and any(chooses) and not open_prompts:
            message = f"no prompt is left for this {task.kind!r} task: all of them list choices"
            yield _fault(loaded, ("tasks", index), message, "add a prompt such as `qa`, or take the task out")


def _decoding(loaded: LoadedRecipe) -> Iterator[RecipeError]:
    """One random stream in the order of the file cannot be kept up in batches (trap 6)."""
    if loaded.recipe.switches.mode == "exact":
        return
    named = zip(unrolled(loaded.recipe), tasks(loaded.recipe), strict=True)
    for index, task in {at: task for (at, _), (_, task) in named}.items():
        if task.kind == "generate" and task.temperature > 0 and task.stream == "cell":
            ways: list[Loc] = [("tasks", index, key) for key in ("stream", "decoding")]
            ways += [("switches", key) for key in ("stream", "decoding", "mode")]
            loc = next((way for way in ways if way in loaded.tree.places), ("fidelity",))
            message = (
                "sampling with `stream: cell` needs the order of the file, which `mode: fast` does not keep"
            )
            yield _fault(loaded, loc, message, "choose `stream: item`, `decoding: greedy` or `mode: exact`")


def _lenses(loaded: LoadedRecipe) -> Iterator[RecipeError]:
    """A tuned lens is learnt on texts, which somebody has to name."""
    for index, task in enumerate(loaded.recipe.tasks):
        if isinstance(task, Lens) and task.form == "tuned" and not loaded.recipe.lens_texts:
            message = "a tuned lens is learnt on texts, and the recipe names none"
            remedy = "add `lens_texts: [{dataset: …, languages: […], split: …}]`, none that is evaluated"
            yield _fault(loaded, ("tasks", index, "form"), message, remedy)


def _late_checkpoints(loaded: LoadedRecipe, examples: Iterable[tuple[str, int]]) -> Iterator[RecipeError]:
    settings = trainer(loaded.recipe)
    lasts = [(f"a tuning on {name}", total_steps(count, settings)) for name, count in examples]
    if settings.steps is not None:
        lasts = [("`trainer.steps`", settings.steps)]
    if not lasts:
        return
    called, last = min(lasts, key=lambda item: item[1])
    for index, step in enumerate(loaded.recipe.checkpoints):
        if isinstance(step, int) and step > last:
            message = f"the checkpoint {step} is never reached: {called} ends at step {last}"
            yield _fault(loaded, ("checkpoints", index), message, f"use {last} at most, or `last`")
