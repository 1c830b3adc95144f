"""Whatever stands in a recipe or an override: it loads, or every fault has a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.catalog import Catalog
from kit.errors import RecipeError, RecipeErrors
from kit.recipe import check_names, load_recipe, recipe_of
from tests.fuzz import examples, mutated

RIGHT: dict[str, Any] = {
    "schema": 1,
    "name": "right",
    "catalog": [],
    "fidelity": "paper",
    "switches": {"stop": "newline", "mode": "exact"},
    "models": ["tiny-bloom", {"name": "a", "hub": "b/c", "revision": "d"}, {"name": "e", "path": "f"}],
    "adapters": [{"name": "g", "model": "e", "path": "h"}],
    "train": [{"dataset": "tiny-qa", "languages": ["de", "hi"], "limit": 3}],
    "evaluate": [
        {"dataset": "tiny-qa", "languages": "all"},
        {"file": "x", "format": "squad", "language": "hi"},
    ],
    "prompts": ["qa"],
    "lora": {"r": 4, "targets": ["dense"]},
    "trainer": {"epochs": 2, "steps": 5, "length_groups": True},
    "tasks": ["generate", {"kind": "score", "continuations": "gold"}],
    "sampling": {"top_p": 0.5},
    "seeds": [1, 2],
    "checkpoints": [1, "last"],
    "retention": {"adapters": "none"},
    "resources": {"slots": "auto", "threads": 2},
}
KEYS = sorted(
    {*RIGHT, "extends", "hub", "path", "kind", "limit", "stop", "languages", "file", "0", "<list>", "<hub>"}
)
CATALOG = Catalog.load()
WORDS = ["all", "last", "auto", "paper", "generate", "hi", "qkv", "tiny-bloom", ".", "<all>"]


def judge(path: Path, overrides: list[str]) -> None:
    """Load and check; every fault must have a place and a message of one sentence."""
    try:
        loaded = load_recipe(path, overrides)
        assert recipe_of(loaded.expanded) == loaded.recipe
        again = path.with_name("again.yaml")
        again.write_text(yaml.safe_dump(loaded.expanded, default_flow_style=True), encoding="utf-8")
        assert load_recipe(again).expanded == loaded.expanded
        checked = check_names(loaded, CATALOG)
        assert recipe_of(checked.expanded) == checked.recipe
    except RecipeErrors as problem:
        faults = problem.errors
    else:
        return
    assert faults
    for fault in faults:
        assert type(fault) is RecipeError
        assert fault.message
        assert fault.remedy, str(fault)
        assert fault.where is not None
        if fault.where.path == str(path):
            assert fault.where.line is None or fault.where.line >= 1
        else:
            assert fault.where.path.startswith("--set ")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def test_what_is_mutated_is_right(folder: Path) -> None:
    path = folder / "unchanged.yaml"
    path.write_text(yaml.safe_dump(RIGHT), encoding="utf-8")
    assert load_recipe(path).recipe.name == "right"


@settings(max_examples=examples(120), deadline=None)
@given(value=mutated(RIGHT, KEYS, WORDS))
def test_mutations(value: dict[str, Any], folder: Path) -> None:
    path = folder / "mutated.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")
    judge(path, [])


@settings(max_examples=examples(80), deadline=None)
@given(
    texts=st.lists(
        st.one_of(
            st.text(max_size=12),
            st.builds(
                "{}={}".format,
                st.lists(st.sampled_from([*KEYS, "1", "-1"]), min_size=1, max_size=3).map(".".join),
                st.text(max_size=8)
                | st.sampled_from(["[]", "{}", "{a: 1}", "[1, 2]", "null", "1e3", "\udcff"]),
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_overrides(texts: list[str], folder: Path) -> None:
    path = folder / "right.yaml"
    path.write_text(yaml.safe_dump(RIGHT, sort_keys=False), encoding="utf-8")
    judge(path, texts)


@settings(max_examples=examples(60), deadline=None)
@given(
    data=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_bytes(data: bytes, folder: Path) -> None:
    path = folder / "bytes.yaml"
    path.write_bytes(b"schema: 1\n" + data)
    judge(path, [])
