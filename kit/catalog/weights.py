"""Models and adapters on this machine: folders of one's own, or snapshots of the hub; safetensors only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kit.catalog.digest import content_id, remembered_sha256
from kit.catalog.entries import ModelEntry
from kit.catalog.hub import snapshot
from kit.catalog.locations import Locations
from kit.errors import CatalogError, DataError, MissingInputError, Where

# What is read when a model is loaded: these decide what it does, and so make its content id.
_SETTINGS = (
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "special_tokens_map.json",
    "spiece.model",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json")
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_FETCHED = (*_SETTINGS, "*.safetensors", _INDEX)
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")


def has_chat_template(folder: Path) -> bool:
    """Whether a model's folder holds a chat template: in a file of its own, or among the tokenizer's settings."""
    if any((folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")):
        return True
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(settings, dict) and bool(settings.get("chat_template"))


@dataclass(frozen=True)
class HubSource:
    """A repository of the hub at a commit; None takes the newest one and reports it."""

    hub: str
    revision: str | None = None


@dataclass(frozen=True)
class ModelLocation:
    """A model's folder, the id of its content (`base-<20 hex>`), its commit if it came from the hub."""

    path: Path
    id: str
    revision: str | None = None


@dataclass(frozen=True)
class AdapterLocation:
    """An adapter's folder, its content's id (`adapter-<20 hex>`), the sha256 of its weights, its commit."""

    path: Path
    id: str
    digest: str
    revision: str | None = None


def locate_model(source: ModelEntry | HubSource | Path, locations: Locations) -> ModelLocation:
    """A model's folder, fetched from the hub where need be, with the id of its content.

    The hub's files are kept in the hub's own cache (`HF_HOME`), so that they are shared with other tools.

    Raises:
        CatalogError: the kit does not run this model.
        MissingInputError: it is not here, or may not or cannot be fetched, or a file of it is missing.
        DataError: its weights are in a pickle format, or its list of weights cannot be read.
    """
    if isinstance(source, ModelEntry):
        if source.unsupported:
            message = f"the model {source.name!r} is not supported: {source.unsupported}"
            raise CatalogError(message, remedy="choose another model")
        source = source.folder or HubSource(str(source.hub), source.revision)
    if isinstance(source, Path):
        return ModelLocation(source, _model_id(source, locations))
    path = snapshot(source.hub, source.revision, locations, _FETCHED, _model_files)
    return ModelLocation(path, _model_id(path, locations), path.name)


def locate_adapter(source: HubSource | Path, locations: Locations) -> AdapterLocation:
    """An adapter's folder as peft saves it, fetched from the hub where need be.

    Raises:
        MissingInputError, DataError: as `locate_model`.
    """
    revision = None
    if isinstance(source, HubSource):
        path = snapshot(source.hub, source.revision, locations, _ADAPTER, _adapter_files)
        revision = path.name
    else:
        path = source
    names = _adapter_files(path)
    try:
        digest = remembered_sha256(path / _ADAPTER[1], locations.cache)
        return AdapterLocation(path, content_id("adapter", path, names, locations.cache), digest, revision)
    except OSError as problem:
        raise _unreadable(path, problem) from problem


def locate_tokenizer(model: ModelEntry, locations: Locations) -> Path:
    """A folder with a model's `tokenizer.json` and its settings; of a hub's model no more than that is fetched.

    Raises:
        MissingInputError: it is not here, and may not or cannot be fetched, or the model has none.
    """
    if model.folder is not None:
        _tokenizer_files(model.folder)
        return model.folder
    wanted = ("tokenizer.json", "tokenizer_config.json")
    path = snapshot(str(model.hub), model.revision, locations, wanted, _tokenizer_files)
    _tokenizer_files(path)
    return path


def _tokenizer_files(folder: Path) -> None:
    _require_folder(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        if not (folder / name).is_file():
            raise _lacks(folder, name)


def _model_id(folder: Path, locations: Locations) -> str:
    names = _model_files(folder)
    try:
        return content_id("base", folder, names, locations.cache)
    except OSError as problem:
        raise _unreadable(folder, problem) from problem


def _model_files(folder: Path) -> list[str]:
    """Names of the files that make the model. Raises MissingInputError, DataError: one is amiss."""
    _require_folder(folder)
    if (folder / _INDEX).is_file():
        weights = _shards(folder)
    elif (folder / _WHOLE).is_file():
        weights = [_WHOLE]
    else:
        raise _no_weights(folder, _WHOLE)
    settings = [name for name in _SETTINGS if (folder / name).is_file()]
    if "config.json" not in settings:
        raise _lacks(folder, "config.json")
    if not any(name in settings for name in _TOKENIZERS):
        raise _lacks(folder, "tokenizer.json")
    return [*settings, *weights]


def _shards(folder: Path) -> list[str]:
    try:
        shards = set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values())
        names = [name for name in shards if isinstance(name, str) and "/" not in name]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        message = "the list of the model's weights cannot be read"
        raise DataError(
            message, where=Where(str(folder / _INDEX)), remedy="fetch the model again"
        ) from problem
    for name in names:
        if not (folder / name).is_file():
            raise _lacks(folder, name)
    return [_INDEX, *names]


def _adapter_files(folder: Path) -> list[str]:
    _require_folder(folder)
    if not (folder / _ADAPTER[1]).is_file():
        raise _no_weights(folder, _ADAPTER[1])
    if not (folder / _ADAPTER[0]).is_file():
        raise _lacks(folder, _ADAPTER[0])
    return list(_ADAPTER)


def _require_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise MissingInputError("there is no such folder", where=Where(str(folder)), remedy="check the path")


def _no_weights(folder: Path, wanted: str) -> MissingInputError | DataError:
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        message = "the weights are pickles, which can run code of their maker; the kit reads safetensors only"
        remedy = (
            "convert them: load them where you trust them, and save_pretrained(..., safe_serialization=True)"
        )
        return DataError(message, where=Where(str(folder)), remedy=remedy)
    return _lacks(folder, wanted)


def _lacks(folder: Path, name: str) -> MissingInputError:
    return MissingInputError(
        f"the folder lacks {name}", where=Where(str(folder)), remedy="is the copy complete?"
    )


def _unreadable(folder: Path, problem: OSError) -> DataError:
    where = Where(str(problem.filename or folder))
    return DataError(f"the file cannot be read: {problem.strerror}", where=where)
