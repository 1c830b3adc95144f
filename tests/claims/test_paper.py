"""The paper's recipes and claims, planned on the real data: every one can be run, and every claim finds its cells."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from kit.api import Workspace, prepare
from kit.catalog import Catalog
from kit.claims import groups_of, load_claims
from kit.claims.pairs import pairs
from kit.recipe import find_recipes
from kit.results import MissingCell, Results
from tests.made_up import put_belebele

PAPER = Path(__file__).parents[2] / "recipes" / "paper"
CLAIMS = load_claims(PAPER / "claims.yaml", Catalog.load())
MIRROR = os.environ.get("XLT_KIT_MIRROR", "")
pytestmark = pytest.mark.skipif(not MIRROR, reason="XLT_KIT_MIRROR names no data mirror")


@cache
def planned(recipe: str, home: Path) -> Results:
    """What a recipe asks for, none of it finished. Weights need not be there."""
    made = prepare(Workspace(home, Path(MIRROR), offline=True), PAPER / f"{recipe}.yaml", fetch=False)
    assert made.plan.jobs
    wanted = made.plan.demand.wanted
    return Results(wanted, (), tuple(MissingCell(cell, "not finished") for cell in wanted.cells))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With made-up questions in the place of Belebele's, which the mirror lacks."""
    home = tmp_path_factory.mktemp("paper") / "home"
    put_belebele(home / "cache")
    return home


@pytest.mark.parametrize("recipe", [head.path.stem for head in find_recipes(PAPER)])
def test_every_recipe_plans_without_a_gpu_and_without_weights(recipe: str, home: Path) -> None:
    wanted = planned(recipe, home).wanted
    assert wanted.recipe == recipe
    assert all(cell.items > 0 for cell in wanted.cells)
    header = (PAPER / f"{recipe}.yaml").read_text("utf-8")
    for word in ("# What it answers:", "# What it needs:", "# Claims:", "# Command:", "# One override:"):
        assert word in header
    assert f"xlt-kit run recipes/paper/{recipe}.yaml" in header


@pytest.mark.parametrize("name", sorted(CLAIMS.file.claims))
def test_every_claim_finds_its_pairs_in_each_of_its_recipes(name: str, home: Path) -> None:
    claim = CLAIMS.file.claims[name]
    groups = groups_of(Catalog.load())
    other = claim.against.recipe if claim.against else None
    runs = {recipe: planned(recipe, home) for recipe in (*claim.recipes, *([other] if other else []))}
    for recipe in claim.recipes:
        alone = claim.model_copy(update={"recipes": (recipe,)})
        models = {cell.at.model for cell in runs[recipe].wanted.cells}
        for model in models:
            found = pairs(alone, model, runs, groups)
            assert found, f"{name} finds nothing in {recipe} for {model}"
            assert all(pair.scores is None and pair.missing for pair in found)


def test_the_headers_name_the_claims_that_they_serve() -> None:
    for name, claim in CLAIMS.file.claims.items():
        for recipe in claim.recipes:
            text = (PAPER / f"{recipe}.yaml").read_text("utf-8")
            line = next(line for line in text.splitlines() if line.startswith("# Claims:"))
            assert name in line.replace(",", " ").replace(".", " ").split(), f"{recipe} does not name {name}"
