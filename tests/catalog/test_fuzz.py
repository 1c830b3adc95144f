"""Whatever stands in a catalog file: it is taken as written, or refused with place and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.catalog import Catalog
from kit.errors import CatalogError
from tests.fuzz import examples, mutated

RIGHT: dict[str, Any] = {
    "schema": 1,
    "languages": {"xx": {"title": "Own", "script": "Latn", "family": "None", "aliases": ["xxx"]}},
    "families": {"own": {"architecture": "bloom", "targets": {"scripts": ["a"], "qkv": ["b"]}}},
    "models": {
        "on-hub": {"hub": "a/b", "revision": "0" * 40, "family": "own", "gated": True},
        "here": {"path": "folder", "family": "bloom"},
    },
    "datasets": {
        "mine": {
            "format": "jsonl",
            "path": ".",
            "files": {"test": {"xx": "a.jsonl"}},
            "seen_by": {"own": [{"how": "verbatim", "languages": ["xx"], "splits": ["test"], "note": "n"}]},
        },
        "web": {
            "format": "squad",
            "url": "https://host/d",
            "languages": ["de"],
            "files": {"test": "{language}.json"},
        },
    },
    "prompts": {"p": {"template": "{context} {question}", "joint": ""}},
    "checksums": {"host/d": {"de.json": "f" * 64}},
}
KEYS = sorted(
    {*RIGHT, "hub", "path", "url", "files", "languages", "how", "title", "script", "template", "de", "xx"}
)
BUILT_IN = Catalog.load()
WORDS = ["../x", "/etc", "a/b", "bloom", "tiny-bloom", "xquad", "de", "jsonl", "http://", "0" * 40]


def judge(path: Path, value: Any = None) -> None:
    """Load it: every accepted entry says what was written, and the kit's own stay as they are; or a fault in place."""
    try:
        catalog: Catalog | None = Catalog.load([path])
        fault = None
    except CatalogError as problem:
        catalog, fault = None, problem
    if catalog is None:
        assert fault is not None
        assert fault.where is not None and fault.where.path == str(path), str(fault)
        assert fault.where.line is None or fault.where.line >= 1
        assert fault.remedy, str(fault)
        return
    for kind in ("languages", "families", "models", "datasets", "prompts"):
        found, own = getattr(catalog, kind), getattr(BUILT_IN, kind)
        assert {name: found[name] for name in own} == own
        if value is None:
            continue
        written = value.get(kind) or {}
        assert set(found) == set(own) | set(written)
        for name, entry in written.items():
            dumped = found[name].model_dump(mode="json", by_alias=True, exclude_unset=True)
            for key, said in entry.items():
                if key not in ("files", "seen_by"):  # these have short forms
                    assert dumped[key] == said
    for entry in catalog.datasets.values():
        for language in entry.languages() if not entry.embedded else ():
            for split in entry.splits(language):
                place = entry.file(language, split).mirror_path
                assert place is None or (".." not in Path(place).parts and not place.startswith("/"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def test_what_is_mutated_is_right(folder: Path) -> None:
    path = folder / "right.yaml"
    path.write_text(yaml.safe_dump(RIGHT), encoding="utf-8")
    assert Catalog.load([path]).models["here"].family == "bloom"


@settings(max_examples=examples(300), deadline=None)
@given(value=mutated(RIGHT, KEYS, WORDS))
def test_mutations(value: dict[str, Any], folder: Path) -> None:
    path = folder / "mutated.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")
    judge(path, value)


@settings(max_examples=examples(100), deadline=None)
@given(data=st.binary(max_size=60), at=st.integers(0, 600), keep=st.integers(0, 3))
def test_damaged_bytes(data: bytes, at: int, keep: int, folder: Path) -> None:
    path = folder / "bytes.yaml"
    good = yaml.safe_dump(RIGHT, sort_keys=False).encode()
    path.write_bytes(good[:at] + data + (good[at + len(data) :] if keep else b""))
    judge(path)
