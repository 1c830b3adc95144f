"""A recipe's names on this machine: files found or fetched, read, rendered, and given their content ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from kit.catalog import (
    Catalog,
    HubSource,
    Locations,
    ModelLocation,
    has_chat_template,
    locate_adapter,
    locate_model,
    locate_token_map,
)
from kit.corpus import CorpusSettings, Seen, pretraining_text
from kit.data.example import slice_id
from kit.errors import CatalogError, DataError, MissingInputError, RecipeError, Where
from kit.jobdir import Lora, PretrainSpec, Prompt, key_of, sha256_file
from kit.plan import Inputs, ResolvedAdapter, ResolvedModel, ResolvedShots, ResolvedSlice, WantedModel
from kit.recipe import LoadedRecipe, Recipe, expand
from kit.recipe.model import Generate, Lens, Score
from kit.recipe.sources import NamedModel, PathAdapter, PathModel, PretrainedModel, Shots
from kit.slices import Slices
from kit.store import Store
from kit.yamlfile import Loc

PUBLISHED_PROBE = "paper-probe"
"""Data set of the catalog that holds the arrays of the paper's probe and their map of tokens."""
DEFAULT_DOCUMENTS = 44_800
"""Documents in a pre-training text that names no number: those of the embedded base."""


def resolve(
    loaded: LoadedRecipe, catalog: Catalog, locations: Locations, store: Store, fetch: bool
) -> Inputs:
    """Find, fetch, read and render what a recipe names. Rendered slices go into the store.

    Raises:
        MissingInputError, ChecksumError, DataError: with the file and the remedy.
        RecipeError: sets and tasks do not fit together.
    """
    recipe = loaded.recipe
    paths: dict[str, Path] = {}
    models = tuple(_models(recipe, catalog, locations, store, paths, fetch))
    adapters = tuple(_adapters(recipe, locations, paths))
    trained = catalog.prompts[expand.prompt_name(recipe.train_prompt)]
    asks = trained.translation
    slices = Slices(catalog, locations, store, paths, asks or "")
    train = tuple(slices.of(recipe.train))
    lens_texts = tuple(slices.of(recipe.lens_texts))
    evaluate = tuple(_with_scripts(tuple(slices.of(recipe.evaluate)), recipe, catalog))
    shots = shots_of(recipe, slices, evaluate)
    prompts = dict(_prompts(recipe, catalog))
    train_prompt: Prompt = expand.train_prompt(recipe, trained)
    _check_choices(loaded, evaluate)
    _check_chat(loaded, models)
    maps = _maps(recipe, catalog, locations, paths)
    return Inputs(models, adapters, train, evaluate, train_prompt, prompts, paths, maps, shots, lens_texts)


def _prompts(recipe: Recipe, catalog: Catalog) -> Iterator[tuple[str, Prompt]]:
    """Every prompt by its name in tables."""
    for asked in recipe.prompts:
        entry = catalog.prompts[expand.prompt_name(asked)]
        shot = entry.solved if isinstance(asked, Shots) else ""
        yield (
            expand.prompt_label(recipe, asked),
            replace(expand.eval_prompt(recipe, entry, expand.chat_of(asked)), shot=shot),
        )


def shots_of(
    recipe: Recipe, slices: Slices, evaluate: Sequence[ResolvedSlice]
) -> dict[str, tuple[ResolvedShots, ...]]:
    """The shots of each evaluation set, by the name of the prompt that has them. Raises as `resolve`."""
    made = slices.repeated if recipe.switches.shots_from == "test-repeated" else slices.drawn
    return {
        expand.prompt_label(recipe, asked): tuple(made(asked, test) for test in evaluate)
        for asked in recipe.prompts
        if isinstance(asked, Shots)
    }


def _check_choices(loaded: LoadedRecipe, evaluate: tuple[ResolvedSlice, ...]) -> None:
    """Refuse a task of choices where no set has any, and an open set of which only choices are asked.

    Raises:
        RecipeError: at the task, or at the set.
    """
    chooses = [isinstance(task, Score) and task.continuations == "choices" for task in loaded.recipe.tasks]
    if any(chooses) and evaluate and not any(one.choices for one in evaluate):
        raise RecipeError(
            "no evaluation set has choices, and this task asks for them",
            where=loaded.where(("tasks", chooses.index(True))),
            remedy="evaluate on a set with choices (belebele, tiny-choices, a file of yours with `choices`)",
        )
    for one in evaluate:
        if all(chooses) and not one.choices:
            raise RecipeError(
                f"{one.dataset}/{one.language} has no choices, and no task asks for anything else",
                where=loaded.where(("evaluate",)),
                remedy="add a task such as `generate`, or take the set out",
            )


def _check_chat(loaded: LoadedRecipe, models: tuple[ResolvedModel, ...]) -> None:
    """Refuse a prompt that asks for the chat template of a model that is here and has none.

    Raises:
        RecipeError: at the prompt.
    """
    asked: list[tuple[Loc, Any]] = [(("prompts", at), one) for at, one in enumerate(loaded.recipe.prompts)]
    asked += [(("train_prompt",), loaded.recipe.train_prompt)] if loaded.recipe.train else []
    for way, prompt in asked:
        for model in models if expand.chat_of(prompt) == "template" else ():
            if model.path is not None and not has_chat_template(model.path):
                raise RecipeError(
                    f"{model.wanted.name} has no chat template, and this prompt asks for it",
                    where=loaded.where((*way, "chat")),
                    remedy="choose `chat: own`, which takes one where there is one, or leave `chat` out",
                )


def _maps(
    recipe: Recipe, catalog: Catalog, locations: Locations, paths: dict[str, Path]
) -> dict[Path | None, str]:
    """The maps of tokens that lenses name, by what they call them; the published one has no file of its own."""
    maps: dict[Path | None, str] = {}
    for task in recipe.tasks:
        if isinstance(task, Lens) and (task.map is not None or task.matrix == "published"):
            path = task.map or locate_token_map(catalog, PUBLISHED_PROBE, locations)
            maps[task.map] = _map_id(path)
            paths[maps[task.map]] = path
    return maps


def _map_id(path: Path) -> str:
    try:
        return f"map-{sha256_file(path)[:20]}"
    except OSError as problem:
        raise MissingInputError(
            f"the map of tokens cannot be read: {problem.strerror}",
            where=Where(str(path)),
            remedy="check the path at `map`, or use a matrix",
        ) from problem


def _models(
    recipe: Recipe, catalog: Catalog, locations: Locations, store: Store, paths: dict[str, Path], fetch: bool
) -> Iterator[ResolvedModel]:
    reach = locations if fetch else replace(locations, offline=True)
    for source in recipe.models:
        entry = catalog.model(source.name) if isinstance(source, NamedModel) else None
        family = entry.family if entry else getattr(source, "family", None) or ""
        targets = entry.targets if entry else catalog.families[family].targets if family else None
        lora = expand.lora(recipe, targets) if recipe.train else Lora()
        if isinstance(source, PretrainedModel):
            start = source.pretrain.start
            begin = locate_model(catalog.model(start), reach) if start else None
            wanted = _pretrained(source, begin, store, paths)
            yield ResolvedModel(wanted, family, lora, store.model(wanted.id))
            continue
        try:
            found = locate_model(entry or _place(source), reach)
        except MissingInputError:
            if fetch or isinstance(source, PathModel):
                raise
            absent = WantedModel(
                source.name, f"base-not-here-{source.name}", entry.parameters if entry else None
            )
            yield ResolvedModel(absent, family, lora, None)
            continue
        paths[found.id] = found.path
        parameters = (entry.parameters if entry else None) or _count_parameters(found.path)
        yield ResolvedModel(
            WantedModel(source.name, found.id, parameters), family, lora, found.path, found.revision
        )


def _place(source: Any) -> HubSource | Path:
    if isinstance(source, (PathModel, PathAdapter)):
        return source.path
    return HubSource(source.hub, source.revision)


def _pretrained(
    source: PretrainedModel, begin: ModelLocation | None, store: Store, paths: dict[str, Path]
) -> WantedModel:
    """Write the pre-training text of an embedded corpus into the store, and name the model by it and its settings."""
    settings = source.pretrain
    documents = settings.documents or DEFAULT_DOCUMENTS
    planted = settings.seen
    seen = Seen(planted.languages, planted.copies, planted.limit, planted.form) if planted else None
    corpus = CorpusSettings(documents=documents, seed=settings.seed, fault=settings.fault, seen=seen)
    rendered = "".join(f"{document.line}\n" for document in pretraining_text(corpus)).encode()
    data = slice_id(rendered)
    paths[data] = store.put_slice(data, rendered)
    if begin:
        paths[begin.id] = begin.path
    start = begin.id if begin else ""
    spec = PretrainSpec(data, dict(settings.settings), settings.seed, start=start, label=source.name)
    key = key_of("pretrain", spec)
    return WantedModel(source.name, key, None, spec)


def _adapters(recipe: Recipe, locations: Locations, paths: dict[str, Path]) -> Iterator[ResolvedAdapter]:
    for source in recipe.adapters:
        found = locate_adapter(_place(source), locations)
        paths[found.id] = found.path
        yield ResolvedAdapter(source.name, source.model, found.id, found.path, found.digest)


def _with_scripts(
    slices: tuple[ResolvedSlice, ...], recipe: Recipe, catalog: Catalog
) -> Iterator[ResolvedSlice]:
    """The script of each language, which a task that allows no other must know."""
    needed = any(isinstance(task, Generate) and task.only for task in recipe.tasks)
    for one in slices:
        try:
            script = catalog.language(one.language).script
        except CatalogError as problem:
            if needed:
                raise DataError(
                    f"the script of {one.language!r} is not known, and a task asks for `only: own-script`",
                    remedy="give the language an entry in a catalog file, or `ban` scripts by name",
                ) from problem
            script = ""
        yield replace(one, script=script)


def _count_parameters(folder: Path) -> int | None:
    """Parameters of a model folder, from the headers of its safetensors files (shapes alone are read)."""
    total = 0
    for path in folder.glob("*.safetensors"):
        with path.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(size))
        total += sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")
    return total or None
