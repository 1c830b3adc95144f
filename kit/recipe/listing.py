"""Which recipes a folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit import yamlfile
from kit.errors import RecipeError


@dataclass(frozen=True)
class RecipeHead:
    """What a list shows of a recipe; `fault` says why a file cannot be one."""

    path: Path
    name: str
    title: str
    needs: str
    fault: str | None = None


def find_recipes(folder: Path) -> list[RecipeHead]:
    """The YAML files under `folder` that say a recipe's `schema` and `name`, in order of path; catalogs are no recipes."""
    heads = []
    for path in sorted(folder.rglob("*.yaml")):
        try:
            value = yamlfile.load(path, RecipeError).value
        except RecipeError as fault:
            heads.append(RecipeHead(path, path.stem, "", "", fault.message))
            continue
        if "schema" in value and ("name" in value or "extends" in value):
            text = {key: str(value.get(key) or "") for key in ("name", "title", "needs")}
            heads.append(RecipeHead(path, text["name"] or path.stem, text["title"], text["needs"]))
    return heads
