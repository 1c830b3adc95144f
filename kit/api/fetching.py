"""What a recipe needs from elsewhere: fetched, bundled for machines without a network, and checked again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kit.api.workspace import Workspace
from kit.catalog import Catalog, HubSource, ModelEntry, locate_adapter, locate_data, locate_model
from kit.errors import KitError
from kit.inputs import PUBLISHED_PROBE
from kit.jobdir import sha256_file
from kit.recipe import LoadedRecipe
from kit.recipe.model import Lens
from kit.recipe.sources import EvaluateSet, FileSet, HubAdapter, HubModel, NamedModel, Shots

Tell = Callable[[str, int, int | None], None]
"""Called with the name of a thing, the bytes of it that are here, and those there will be (None: unknown)."""


@dataclass(frozen=True)
class Part:
    """One thing that a recipe names: a data file (`dataset`, `language`, `split`), or a model or adapter of the hub.

    `terms` is the address where a gated model's licence is accepted.
    """

    kind: str
    name: str
    licence: str
    data: tuple[str, str, str] | None = None
    source: ModelEntry | HubSource | None = None
    terms: str | None = None


@dataclass(frozen=True)
class Fetched:
    """A part that is here: `origin` is `mirror`, `cache` (it was there), `network`, or `kit` (embedded, or one's own).

    `path` is a file, or the folder of a model; `digest` a sha256, or the id of a model's content.
    """

    part: Part
    path: Path
    size: int
    digest: str
    origin: str
    revision: str | None = None


def parts(loaded: LoadedRecipe, catalog: Catalog) -> list[Part]:
    """Everything that a recipe names and that is not made on the spot or the user's own; each once, in its order."""
    return list(dict.fromkeys([*_models(loaded, catalog), *_data(loaded, catalog)]))


def fetch(workspace: Workspace, catalog: Catalog, wanted: list[Part], jobs: int, tell: Tell) -> list[Fetched]:
    """Bring everything here; data files `jobs` at a time, then models one by one (the hub's library has threads).

    Raises:
        MissingInputError, ChecksumError, StorageError: of the first part that cannot be had; the others are fetched.
    """
    data = [part for part in wanted if part.data]
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = list(pool.map(lambda part: _tried(workspace, catalog, part, tell), data))
    found += [_tried(workspace, catalog, part, tell) for part in wanted if not part.data]
    if faults := [each for each in found if isinstance(each, KitError)]:
        raise faults[0]
    return [each for each in found if isinstance(each, Fetched)]


def _tried(workspace: Workspace, catalog: Catalog, part: Part, tell: Tell) -> Fetched | KitError:
    try:
        return _fetch_data(workspace, catalog, part, tell) if part.data else _fetch_hub(workspace, part)
    except KitError as fault:
        return fault


def _fetch_data(workspace: Workspace, catalog: Catalog, part: Part, tell: Tell) -> Fetched:
    assert part.data is not None
    dataset, language, split = part.data
    entry, locations = catalog.dataset(dataset), workspace.locations
    cached = locations.cache / "data" / str(entry.file(language, split).mirror_path)
    there = cached.is_file()
    path = locate_data(entry, language, split, locations, lambda here, total: tell(part.name, here, total))
    elsewhere = "kit" if entry.path else "mirror"
    origin = ("cache" if there else "network") if path == cached else elsewhere
    return Fetched(part, path, path.stat().st_size, sha256_file(path), origin)


def _fetch_hub(workspace: Workspace, part: Part) -> Fetched:
    assert part.source is not None
    if part.kind == "adapter":
        assert isinstance(part.source, HubSource)
        adapter = locate_adapter(part.source, workspace.locations)
        path, digest, revision = adapter.path, adapter.id, adapter.revision
    else:
        model = locate_model(part.source, workspace.locations)
        path, digest, revision = model.path, model.id, model.revision
    mirror = workspace.mirror
    if isinstance(part.source, ModelEntry) and part.source.folder:
        origin = "kit"
    else:
        origin = "mirror" if mirror and mirror in path.parents else "hub"
    size = sum(file.stat().st_size for file in path.iterdir() if file.is_file())
    return Fetched(part, path, size, digest, origin, revision)


def _models(loaded: LoadedRecipe, catalog: Catalog) -> Iterator[Part]:
    for model in loaded.recipe.models:
        if isinstance(model, NamedModel):
            entry = catalog.model(model.name)
            terms = f"https://huggingface.co/{entry.hub}" if entry.gated else None
            yield Part("model", entry.name, entry.licence, source=entry, terms=terms)
        elif isinstance(model, HubModel):
            yield Part("model", model.name, "", source=HubSource(model.hub, model.revision))
    for adapter in loaded.recipe.adapters:
        if isinstance(adapter, HubAdapter):
            yield Part("adapter", adapter.name, "", source=HubSource(adapter.hub, adapter.revision))


def _data(loaded: LoadedRecipe, catalog: Catalog) -> Iterator[Part]:
    if any(isinstance(task, Lens) and task.matrix == "published" for task in loaded.recipe.tasks):
        probe = catalog.dataset(PUBLISHED_PROBE)
        place = (probe.name, probe.languages()[0], "map")
        yield Part("data", "/".join(place), probe.licence, data=place)
    recipe = loaded.recipe
    for use in (recipe.train, recipe.evaluate, recipe.lens_texts, _shots(loaded)):
        for entry in use:
            if isinstance(entry, FileSet) or (dataset := catalog.datasets[entry.dataset]).embedded:
                continue
            languages = dataset.languages() if entry.languages == "all" else entry.languages
            for language in languages:
                place = (dataset.name, language, entry.split)
                yield Part("data", "/".join(place), dataset.licence, data=place)


def _shots(loaded: LoadedRecipe) -> Iterator[EvaluateSet]:
    """The sets that shots are drawn from, in the languages that are evaluated."""
    recipe = loaded.recipe
    with_shots = [asked for asked in recipe.prompts if isinstance(asked, Shots)]
    for asked in with_shots if recipe.switches.shots_from == "train" else ():
        for entry in recipe.evaluate:
            languages = (entry.language,) if isinstance(entry, FileSet) else entry.languages
            dataset = asked.source or ("" if isinstance(entry, FileSet) else entry.dataset)
            if dataset:
                yield EvaluateSet(dataset=dataset, languages=languages, split=asked.split)
