"""The claims file: the shipped ones are right, and every fault is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalog import Catalog
from kit.claims import groups_of, load_claims
from kit.errors import ClaimsError

RECIPES = Path(__file__).parents[2] / "recipes"
RECIPE = """schema: 1
name: grid
needs: an hour
models: [tiny-bloom]
evaluate: [{dataset: tiny-qa, languages: [de]}]
"""
CLAIMS = """schema: 1
claims:
  C1:
    title: It rises
    statement: Tuning raises it.
    source: made up
    recipes: [grid]
    family: F
    models: [tiny-bloom]
    trained_on: {datasets: tiny-qa}
    evaluated_on: {datasets: tiny-qa, languages: [de]}
    effect: {kind: difference, above: 0}
"""


def load(folder: Path, text: str = CLAIMS, recipe: str = RECIPE) -> str:
    """The fault of a claims file, or nothing."""
    (folder / "grid.yaml").write_text(recipe)
    (folder / "claims.yaml").write_text(text)
    try:
        load_claims(folder / "claims.yaml", Catalog.load())
    except ClaimsError as fault:
        return str(fault)
    return ""


@pytest.mark.parametrize("path", sorted(RECIPES.rglob("claims.yaml")), ids=lambda path: path.parent.name)
def test_shipped_claims_name_recipes_data_and_models_that_there_are(path: Path) -> None:
    loaded = load_claims(path, Catalog.load())
    assert loaded.file.claims
    for claim in loaded.file.claims.values():
        assert loaded.command(claim).startswith("xlt-kit run ")
        assert "GPU" in loaded.cost(claim) or "CPU" in loaded.cost(claim)


def test_the_papers_claims_are_all_there() -> None:
    loaded = load_claims(RECIPES / "paper" / "claims.yaml", Catalog.load())
    assert {"C1a", "C1b", "C2", "C2-odia", "C3", "C4"} <= set(loaded.file.claims)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "recipes: [grid]",
            "recipes: [gird]",
            ("claims.yaml:7", "the recipe 'gird' is unknown", "did you mean 'grid'?"),
        ),
        ("datasets: tiny-qa}", "datasets: tiny-qq}", ("claims.yaml:10", "data set 'tiny-qq'", "'tiny-qa'")),
        ("languages: [de]", "languages: [indik]", ("claims.yaml:11", "'indik' is unknown", "'indic'")),
        ("models: [tiny-bloom]", "models: [tiny-blom]", ("claims.yaml:9", "'tiny-bloom'")),
        ("above: 0", "above: 0, below: 1", ("claims.yaml:12", "one of `above` and `below`")),
        ("kind: difference, above: 0", "kind: differences, above: 0", ("claims.yaml:12",)),
        ("    source: made up\n", "", ("`source` is missing",)),
        ("    family: F", "    famly: F", ("claims.yaml:8", "`famly`", "'family'")),
        ("schema: 1\nclaims", "schema: 2\nclaims", ("claims.yaml:1", "schema 2", "newer kit")),
        ("    family: F", "    family: F\n    metric: f2", ("no metric is called 'f2'", "aware_f1")),
        ("    family: F", "    family: F\n    against: {}", ("`against` names neither",)),
        ("    family: F", "    family: F\n    prompt: qaa", ("the prompt 'qaa' is unknown",)),
        (
            "    family: F",
            "    family: F\n    metric: overran\n    expects: [knowledge]",
            ("a change of `f1`",),
        ),
        ("    family: F", "    family: F\n    covariates: [verbatim]", ("`covariates` go with",)),
        ("    family: F", "    family: F\n    covariates: [length]", ("claims.yaml:9", "length-ratio")),
    ],
)
def test_faults_are_told_with_their_place_and_remedy(
    tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    assert old in CLAIMS and not load(tmp_path, CLAIMS)
    fault = load(tmp_path, CLAIMS.replace(old, new, 1))
    for word in words:
        assert word in fault


def test_a_ratio_of_what_may_be_negative_is_refused(tmp_path: Path) -> None:
    text = CLAIMS.replace("kind: difference, above: 0", "kind: ratio, above: 2")
    assert "has no ratio" in load(tmp_path, text + "    metric: gold_logprob\n")


def test_what_is_correlated_is_no_covariate_of_itself(tmp_path: Path) -> None:
    text = CLAIMS.replace("kind: difference,", "kind: rank-correlation, with: bleu,")
    assert not load(tmp_path, text + "    covariates: verbatim\n")
    assert "no covariate of itself" in load(tmp_path, text + "    covariates: [verbatim, bleu]\n")


def test_several_faults_are_told_at_once(tmp_path: Path) -> None:
    text = CLAIMS.replace("recipes: [grid]", "recipes: [gird]").replace("models: [tiny-bloom]", "models: [x]")
    fault = load(tmp_path, text)
    assert "1 more fault (line 9)" in fault


def test_a_faulty_recipe_is_told_as_a_fault_of_the_claims(tmp_path: Path) -> None:
    assert "the recipe grid has a fault" in load(tmp_path, recipe=RECIPE + "nonsense: 1\n")


def test_a_recipe_must_bear_its_files_name(tmp_path: Path) -> None:
    assert "calls itself 'other'" in load(tmp_path, recipe=RECIPE.replace("name: grid", "name: other"))


def test_groups_are_those_of_the_catalog() -> None:
    groups = groups_of(Catalog.load())
    assert {"or", "hi", "te"} <= groups["indic"] and "en" in groups["high"] and "or" in groups["low"]


def test_names_that_a_recipe_brings_along_are_known(tmp_path: Path) -> None:
    (tmp_path / "own.jsonl").write_text('{"id": "a", "context": "x", "question": "q", "answers": ["x"]}\n')
    recipe = RECIPE.replace("models: [tiny-bloom]", "models: [{name: mine, pretrain: {corpus: tiny}}]")
    recipe = recipe.replace(
        "{dataset: tiny-qa, languages: [de]}", "{file: own.jsonl, format: jsonl, language: de}"
    )
    text = CLAIMS.replace("models: [tiny-bloom]", "models: [mine]").replace(
        "tiny-qa, languages", "own, languages"
    )
    assert load(tmp_path, text, recipe) == ""
