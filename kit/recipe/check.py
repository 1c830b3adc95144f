"""Whether a recipe's names exist, and whether what it asks makes sense: what its types cannot know."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

from kit.catalog import Catalog
from kit.errors import CatalogError, RecipeError
from kit.recipe.faults import unknown
from kit.recipe.load import LoadedRecipe, in_file_order
from kit.recipe.model import Generate, Recipe
from kit.recipe.sources import FileSet, NamedModel
from kit.recipe.tree import refuse_if_any
from kit.yamlfile import Loc

_Fault = tuple[Loc, str, str | None]


def check_names(loaded: LoadedRecipe, catalog: Catalog) -> None:
    """Look every name up and refuse what cannot be meant.

    Raises:
        RecipeErrors: every fault, with its place and the nearest name.
    """
    recipe = loaded.recipe
    faults = [
        *_models(recipe, catalog),
        *_sets(recipe, catalog),
        *_prompts(recipe, catalog),
        *_repeated(recipe),
        *_senseless(recipe),
    ]
    refuse_if_any(
        in_file_order([RecipeError(text, where=loaded.tree.where(loc), remedy=remedy) for loc, text, remedy in faults])
    )


def _models(recipe: Recipe, catalog: Catalog) -> Iterator[_Fault]:
    names = [model.name for model in recipe.models]
    for index, model in enumerate(recipe.models):
        if isinstance(model, NamedModel):
            if model.name not in catalog.models:
                yield (("models", index), *unknown("model of the catalog", model.name, catalog.models))
            elif reason := catalog.models[model.name].unsupported:
                yield ("models", index), f"the model `{model.name}` is not supported: {reason}", "choose another model"
        elif (family := getattr(model, "family", None)) and family not in catalog.families:
            yield (("models", index, "family"), *unknown("model family of the catalog", family, catalog.families))
    for index, adapter in enumerate(recipe.adapters):
        if adapter.model not in names:
            yield (("adapters", index, "model"), *unknown("model of this recipe", adapter.model, names))


def _sets(recipe: Recipe, catalog: Catalog) -> Iterator[_Fault]:
    for use in ("train", "evaluate"):
        for index, entry in enumerate(getattr(recipe, use)):
            loc: Loc = (use, index)
            if isinstance(entry, FileSet):
                if not _known(catalog, entry.language):
                    yield ((*loc, "language"), *unknown("language of the catalog", entry.language, catalog.languages))
            elif entry.dataset not in catalog.datasets:
                yield ((*loc, "dataset"), *unknown("data set of the catalog", entry.dataset, catalog.datasets))
            else:
                yield from _parts(entry, catalog, loc)


def _parts(entry: Any, catalog: Catalog, loc: Loc) -> Iterator[_Fault]:
    dataset = catalog.datasets[entry.dataset]
    if not dataset.questions:
        yield (*loc, "dataset"), f"the data set `{dataset.name}` holds no questions", "choose another data set"
        return
    if entry.languages == "all":
        if not any(entry.split in dataset.splits(code) for code in dataset.languages()):
            yield ((*loc, "split"), *unknown(f"split of {dataset.name}", entry.split, _all_splits(dataset)))
        return
    for index, language in enumerate(entry.languages):
        here: Loc = (*loc, "languages", index)
        if not _known(catalog, language) or _code(catalog, language) not in dataset.languages():
            yield (here, *unknown(f"language of {dataset.name}", language, dataset.languages()))
        elif entry.split not in (splits := dataset.splits(_code(catalog, language))):
            text = f"`{dataset.name}` has no split {entry.split!r} in {language!r}"
            yield here, text, f"there is {', '.join(splits)}"


def _all_splits(dataset: Any) -> list[str]:
    return list(dict.fromkeys(split for code in dataset.languages() for split in dataset.splits(code)))


def _known(catalog: Catalog, language: str) -> bool:
    try:
        catalog.language(language)
    except CatalogError:
        return False
    return True


def _code(catalog: Catalog, language: str) -> str:
    return catalog.language(language).name


def _prompts(recipe: Recipe, catalog: Catalog) -> Iterator[_Fault]:
    for index, name in enumerate(recipe.prompts):
        if name not in catalog.prompts:
            yield (("prompts", index), *unknown("prompt of the catalog", name, catalog.prompts))
    if recipe.train_prompt not in catalog.prompts:
        yield (("train_prompt",), *unknown("prompt of the catalog", recipe.train_prompt, catalog.prompts))


def _repeated(recipe: Recipe) -> Iterator[_Fault]:
    yield from _twice("models", recipe.models, lambda model: model.name)
    yield from _twice("adapters", recipe.adapters, lambda adapter: adapter.name)
    yield from _twice("prompts", recipe.prompts, lambda name: name)
    yield from _twice("seeds", recipe.seeds, lambda seed: seed)
    yield from _twice("checkpoints", recipe.checkpoints, lambda step: step)
    yield from _twice("tasks", recipe.tasks, lambda task: task.model_dump_json())
    for use in ("train", "evaluate"):
        seen: set[Hashable] = set()
        for index, entry in enumerate(getattr(recipe, use)):
            if isinstance(entry, FileSet):
                parts = [(entry.label, entry.language, "file")]
            else:
                languages = ("all",) if entry.languages == "all" else entry.languages
                parts = [(entry.dataset, language, entry.split) for language in languages]
            for part in parts:
                if part in seen:
                    yield (use, index), f"`{use}` names {part[0]}/{part[1]} ({part[2]}) twice", "remove one"
                seen.add(part)


def _twice(key: str, values: Iterable[Any], name_of: Callable[[Any], Hashable]) -> Iterator[_Fault]:
    seen: set[Hashable] = set()
    for index, value in enumerate(values):
        if (name := name_of(value)) in seen:
            yield (key, index), f"`{key}` holds {name} twice", "remove one"
        seen.add(name)


def _senseless(recipe: Recipe) -> Iterator[_Fault]:
    switches = recipe.switches
    for index, task in enumerate(recipe.tasks):
        if not isinstance(task, Generate) or switches.mode != "fast":
            continue
        if (task.decoding or switches.decoding) == "sampled" and (task.stream or switches.stream) == "cell":
            text = "one random stream a cell depends on the order of items, which `mode: fast` changes"
            yield ("tasks", index), text, "set `stream: item`, `mode: exact` or `decoding: greedy`"
    if not recipe.evaluate:
        yield ("evaluate",), "`evaluate` names no data set, so there is nothing to show", "name at least one"
