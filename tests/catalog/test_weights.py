"""Models and adapters: content ids, what is refused, and the hub's cache without a network."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from kit.catalog import Catalog, HubSource, Locations, digest, locate_adapter, locate_model
from kit.errors import CatalogError, DataError, MissingInputError
from kit.jobdir.files import sha256_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def model(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text('{"model_type": "bloom"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_the_id_is_that_of_the_content(tmp_path: Path, locations: Locations) -> None:
    one = locate_model(model(tmp_path / "one"), locations)
    assert one.path == tmp_path / "one"
    assert one.revision is None
    assert len(one.id) == len("base-") + 20
    two = model(tmp_path / "two")
    (two / "README.md").write_text("does not matter")
    (two / "training_args.json").write_text("{}")
    assert locate_model(two, locations).id == one.id
    for change in (two / "config.json", two / "model.safetensors", two / "tokenizer.json"):
        before = change.read_bytes()
        change.write_bytes(before + b" ")
        assert locate_model(two, locations).id != one.id
        change.write_bytes(before)


def test_the_embedded_model_is_found(locations: Locations) -> None:
    entry = Catalog.load().model("tiny-bloom")
    found = locate_model(entry, locations)
    header = (found.path / "model.safetensors").read_bytes()
    size = int.from_bytes(header[:8], "little")
    shapes = [t["shape"] for name, t in json.loads(header[8 : 8 + size]).items() if name != "__metadata__"]
    assert sum(math.prod(shape) for shape in shapes) == entry.parameters


def test_shards_are_taken_from_the_index(tmp_path: Path, locations: Locations) -> None:
    folder = model(tmp_path / "sharded")
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}))
    (folder / "model-1.safetensors").write_bytes(b"1")
    with pytest.raises(MissingInputError, match=r"lacks model-2.safetensors"):
        locate_model(folder, locations)
    (folder / "model-2.safetensors").write_bytes(b"2")
    before = locate_model(folder, locations).id
    (folder / "consolidated.safetensors").write_bytes(b"not read")
    assert locate_model(folder, locations).id == before
    (folder / "model-2.safetensors").write_bytes(b"3")
    assert locate_model(folder, locations).id != before
    for bad in ("{", '{"weight_map": 7}', "[]"):
        index.write_text(bad)
        with pytest.raises(DataError, match="list of the model's weights"):
            locate_model(folder, locations)


def test_what_is_amiss_is_named(tmp_path: Path, locations: Locations) -> None:
    with pytest.raises(MissingInputError, match="no such folder"):
        locate_model(tmp_path / "absent", locations)
    folder = model(tmp_path / "model")
    for name in ("tokenizer.json", "config.json", "model.safetensors"):
        (folder / name).unlink()
        with pytest.raises(MissingInputError, match=name.replace(".", r"\.")):
            locate_model(folder, locations)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(DataError, match=r"pickles.*safetensors"):
        locate_model(folder, locations)


def test_unsupported_models_say_why(locations: Locations) -> None:
    with pytest.raises(CatalogError, match=r"polylm-13b.*code out of its repository"):
        locate_model(Catalog.load().model("polylm-13b"), locations)


def test_adapters(tmp_path: Path, locations: Locations) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(b"lora")
    with pytest.raises(MissingInputError, match=r"lacks adapter_config\.json"):
        locate_adapter(folder, locations)
    (folder / "adapter_config.json").write_text("{}")
    found = locate_adapter(folder, locations)
    assert found.id.startswith("adapter-")
    assert found.digest == sha256_file(weights)
    weights.rename(folder / "adapter_model.bin")
    with pytest.raises(DataError, match="pickles"):
        locate_adapter(folder, locations)


def test_large_files_are_read_once_for_each_state(
    tmp_path: Path, locations: Locations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest, "_WORTH_REMEMBERING", 4)
    reads: list[Path] = []

    def counted(path: Path) -> str:
        reads.append(path)
        return sha256_file(path)

    monkeypatch.setattr(digest, "sha256_file", counted)
    path = tmp_path / "large"
    path.write_bytes(b"first")
    first = digest.remembered_sha256(path, locations.cache)
    assert digest.remembered_sha256(path, locations.cache) == first == sha256_file(path)
    assert len(reads) == 1
    status = path.stat()
    path.write_bytes(b"other")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # same size, same time of modification
    assert digest.remembered_sha256(path, locations.cache) == sha256_file(path) != first
    next((locations.cache / "digests").iterdir()).write_text("damaged")
    assert digest.remembered_sha256(path, locations.cache) == sha256_file(path)
    assert len(reads) == 3


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, with one model in it, laid out as the hub's client does."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub/models--me--mine"
    model(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(COMMIT)
    return tmp_path / "hub"


def test_the_hubs_cache_serves_offline(hub_cache: Path, locations: Locations) -> None:
    for revision in (None, COMMIT):
        found = locate_model(HubSource("me/mine", revision), locations)
        assert found.path.is_relative_to(hub_cache)
        assert found.revision == COMMIT
    with pytest.raises(MissingInputError, match="me/other at its newest commit is not on this machine"):
        locate_model(HubSource("me/other"), locations)
    with pytest.raises(MissingInputError, match="not on this machine"):
        locate_model(HubSource("me/mine", "f" * 40), locations)


def test_a_pinned_commit_that_is_here_needs_no_network(hub_cache: Path, tmp_path: Path) -> None:
    online = Locations(None, tmp_path / "cache", offline=False)
    assert locate_model(HubSource("me/mine", COMMIT), online).revision == COMMIT


def test_adapters_come_from_the_hub_too(hub_cache: Path, locations: Locations) -> None:
    folder = hub_cache / "models--me--mine/snapshots" / COMMIT
    (folder / "adapter_model.safetensors").write_bytes(b"lora")
    (folder / "adapter_config.json").write_text("{}")
    assert locate_adapter(HubSource("me/mine", COMMIT), locations).revision == COMMIT
