"""A recipe file of one's own for each test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

BASE = """\
schema: 1
name: base
models: [tiny-bloom]
train: [{dataset: tiny-qa, languages: [de, hi]}]
evaluate: [{dataset: tiny-qa, languages: all, limit: 30}]
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a recipe (by default a small one that is right) and gives its path."""

    def write_recipe(text: str = BASE, name: str = "recipe.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write_recipe
