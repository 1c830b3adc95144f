"""Names against the catalog, and what does not fit together."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalog import Catalog
from kit.errors import RecipeErrors
from kit.recipe import check_checkpoints, check_names, find_recipes, load_recipe, recipe_of
from kit.recipe.sources import EvaluateSet, FileSet, TrainSet
from tests.recipe.conftest import BASE, Write

SHIPPED = sorted(head.path for head in find_recipes(Path(__file__).parents[2] / "recipes"))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def faults(path: Path, catalog: Catalog, *overrides: str) -> list[str]:
    """The messages of a recipe that loads, but names what is not there; without the path of the recipe."""
    loaded = load_recipe(path, overrides)
    with pytest.raises(RecipeErrors) as caught:
        check_names(loaded, catalog)
    return [str(error).replace(f"{path}:", "") for error in caught.value.errors]


def test_aliases_and_all_are_resolved(write: Write, catalog: Catalog) -> None:
    recipe = """\
        schema: 1
        name: a
        models: [tiny-bloom]
        train: [{dataset: xquad-in, languages: [ory_Orya, hin, bn]}]
        evaluate:
          - {dataset: tiny-qa, languages: all}
          - {file: my.json, format: squad, language: ory}
    """
    path = write(recipe)
    (path.parent / "my.json").touch()
    checked = check_names(load_recipe(path), catalog)
    (train,), (evaluate, file) = checked.recipe.train, checked.recipe.evaluate
    assert isinstance(train, TrainSet)
    assert isinstance(evaluate, EvaluateSet)
    assert isinstance(file, FileSet)
    assert train.languages == ("or", "hi", "bn")
    assert evaluate.languages == catalog.datasets["tiny-qa"].languages()
    assert file.language == "or"
    assert recipe_of(checked.expanded) == checked.recipe


def test_all_means_the_languages_that_have_the_split(write: Write, catalog: Catalog) -> None:
    dataset = next(
        entry
        for entry in catalog.datasets.values()
        if entry.questions and len({entry.splits(code) for code in entry.languages()}) > 1
    )
    split = next(split for code in dataset.languages() for split in dataset.splits(code))
    text = BASE + "prompts: [qa]\n"
    path = write(
        text.replace(
            "{dataset: tiny-qa, languages: all, limit: 30}",
            f"{{dataset: {dataset.name}, languages: all, split: {split}}}",
        )
    )
    entry = check_names(load_recipe(path), catalog).recipe.evaluate[0]
    assert isinstance(entry, EvaluateSet)
    assert set(entry.languages) == {code for code in dataset.languages() if split in dataset.splits(code)}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_recipes_fit_the_catalog(path: Path, catalog: Catalog) -> None:
    checked = check_names(load_recipe(path), catalog)
    assert recipe_of(checked.expanded) == checked.recipe


def test_there_are_shipped_recipes() -> None:
    assert "smoke" in {path.stem for path in SHIPPED}


def test_every_unknown_name_is_told_at_once(write: Write, catalog: Catalog) -> None:
    path = write(
        """\
        schema: 1
        name: a
        models: [tiny-blom, polylm-13b, {name: own, path: ./own, family: blom}]
        adapters:
          - {name: mine, model: tiny-bloom, path: ./mine}
        train:
          - {dataset: xquad-im, languages: [hi]}
          - {dataset: xquad-in-references, languages: [de]}
        evaluate:
          - {dataset: xquad-in, languages: [Hindi, xx, ory_Oryaa, or, fi]}
          - {dataset: xquad-in, languages: [hi], split: tset}
          - {dataset: xquad-in, languages: all, split: trian}
          - {file: ./my.json, format: squad, language: hi, name: xquad}
        prompts: [qq]
        train_prompt: short-spam
        """
    )
    folder = path.parent
    found = faults(path, catalog)
    assert found[0] == "3:10: 'tiny-blom' is no model of the catalog (did you mean 'tiny-bloom'?)"
    assert found[1].startswith("3:21: 'polylm-13b' is not supported: it runs on code out of its repository")
    assert found[2] == f"3:45: there is no folder {folder}/own (check the path)"
    assert found[3] == "3:58: 'blom' is no family of the catalog (did you mean 'bloom'?)"
    assert found[4].startswith("5:18: 'tiny-bloom' is none of the recipe's models")
    assert found[5] == f"5:37: there is no folder {folder}/mine (check the path)"
    assert found[6] == "7:6: 'xquad-im' is no data set of the catalog (did you mean 'xquad-in'?)"
    assert found[7] == "8:6: 'xquad-in-references' holds no questions but lines (choose another data set)"
    assert found[8] == "10:37: 'Hindi' is no language of the catalog (did you mean 'hi' (Hindi)?)"
    assert found[9].startswith("10:44: 'xx' is no language of the catalog (there are: as, bn, ")
    assert found[10] == "10:48: 'ory_Oryaa' is no language of the catalog (did you mean 'or' (Odia)?)"
    assert found[11].startswith("10:63: 'xquad-in' has no language 'fi' (there are: ")
    assert found[12] == "11:42: 'xquad-in' has no split 'tset' in 'hi' (did you mean 'test'?)"
    assert found[13] == "12:41: 'xquad-in' has no split 'trian' (did you mean 'train'?)"
    assert found[14] == f"13:6: there is no file {folder}/my.json (check the path)"
    assert (
        found[15] == "13:52: 'xquad' is the name of a data set of the catalog (give the file another `name`)"
    )
    assert found[16].startswith("14:11: 'qq' is no prompt of the catalog")
    assert found[17] == "15:1: 'short-spam' is no prompt of the catalog (did you mean 'short-span'?)"
    assert len(found) == 18


def test_the_same_language_by_two_codes_stands_twice(write: Write, catalog: Catalog) -> None:
    path = write(BASE.replace("[de, hi]", "[hi, de, hin_Deva]"))
    (fault,) = faults(path, catalog)
    assert fault == "4:48: `train[0].languages[2]`: tiny-qa/hi stands twice; first at 4:40 (remove one)"


def test_all_and_one_of_them_stand_twice(write: Write, catalog: Catalog) -> None:
    path = write(BASE + "switches: {}\n")
    text = path.read_text().replace("limit: 30}]", "limit: 30}, {dataset: tiny-qa, languages: [hi]}]")
    path.write_text(text)
    (fault,) = faults(path, catalog)
    assert fault.startswith("5:90: `evaluate[1].languages[0]`: tiny-qa/hi (test) stands twice; first at 5:31")


@pytest.mark.parametrize(
    ("overrides", "place"),
    [
        (["fidelity=paper", "switches.mode=fast"], "--set switches.mode=fast"),
        (["switches.decoding=sampled", "switches.stream=cell"], "--set switches.stream=cell"),
        (
            [
                "fidelity=paper",
                "switches.mode=fast",
                "switches.decoding=greedy",
                "tasks=[{kind: generate, decoding: sampled}]",
            ],
            "--set tasks=[{kind: generate, decoding: sampled}]",
        ),
    ],
)
def test_one_stream_a_cell_needs_exact_mode(
    write: Write, catalog: Catalog, overrides: list[str], place: str
) -> None:
    (fault,) = faults(write(), catalog, *overrides)
    assert fault.startswith(f"{place}: sampling with `stream: cell`")


@pytest.mark.parametrize(
    "overrides",
    [
        ["fidelity=paper"],
        ["switches={decoding: sampled}"],
        ["switches={stream: cell}"],
        ["fidelity=paper", "switches={mode: fast, decoding: greedy}"],
    ],
)
def test_streams_that_go_with_their_mode(write: Write, catalog: Catalog, overrides: list[str]) -> None:
    check_names(load_recipe(write(), overrides), catalog)


def test_checkpoints_behind_the_end(write: Write, catalog: Catalog) -> None:
    path = write(BASE + "checkpoints: [0, 13, 60, 61, last]\n")
    check_names(load_recipe(path), catalog)
    (fault,) = faults(path, catalog, "trainer.steps=60")
    reason = "the checkpoint 61 is never reached: `trainer.steps` ends at step 60"
    assert fault == f"6:26: {reason} (use 60 at most, or `last`)"
    (fault,) = faults(path, catalog, "train.0.limit=103")
    assert fault.startswith(
        "6:26: the checkpoint 61 is never reached: a tuning on 103 examples ends at step 60"
    )


def test_checkpoints_once_the_sizes_are_known(write: Write) -> None:
    loaded = load_recipe(write(BASE + "checkpoints: [13, 60]\n"))
    check_checkpoints(loaded, [("tiny-qa/de", 103), ("tiny-qa/hi", 120)])
    check_checkpoints(loaded, [])
    with pytest.raises(RecipeErrors, match="checkpoint 60 is never reached: a tuning on tiny-qa/hi"):
        check_checkpoints(loaded, [("tiny-qa/de", 103), ("tiny-qa/hi", 90)])


def test_models_without_a_family_need_their_targets(write: Write, catalog: Catalog) -> None:
    text = BASE.replace("[tiny-bloom]", "[{name: own, hub: a/b, revision: main}]")
    (fault,) = faults(write(text), catalog)
    assert fault.startswith("3:10: `lora.targets: scripts` goes by the model's family, and 'own' has none")
    for override in ("models.0.family=bloom", "lora.targets=[dense]", "lora.targets=default", "train=[]"):
        check_names(load_recipe(write(text), [override]), catalog)


def test_a_catalog_of_ones_own_adds_names(write: Write) -> None:
    own = write(
        """\
        schema: 1
        models:
          my-model: {hub: me/mine, revision: null, family: bloom}
        """,
        "own.yaml",
    )
    loaded = load_recipe(write(BASE + "catalog: [own.yaml]\n"), ["models=[my-model]"])
    assert loaded.recipe.catalog == (own,)
    checked = check_names(loaded, Catalog.load(loaded.recipe.catalog))
    assert checked.recipe.models[0].name == "my-model"


def test_a_base_that_goes_on_names_one_of_the_catalog(write: Write, catalog: Catalog) -> None:
    text = """\
        schema: 1
        name: fork
        models:
          - {name: mine, pretrain: {corpus: tiny, start: tiny-blom}}
        evaluate: [{dataset: tiny-qa, languages: [de]}]
        """
    with pytest.raises(RecipeErrors) as caught:
        check_names(load_recipe(write(text)), catalog)
    assert "'tiny-blom' is unknown" in str(caught.value) and "did you mean 'tiny-bloom'?" in str(caught.value)
    assert check_names(load_recipe(write(text.replace("tiny-blom}", "tiny-bloom}"))), catalog)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["prompts=[qa, letters]"], "the prompt 'letters' lists choices, and no task asks for them"),
        (["train_prompt=letters"], "the prompt 'letters' lists choices, and training texts have none"),
        (
            ["prompts=[letters]", "tasks=[{kind: score, continuations: choices}, generate]"],
            "no prompt is left for this 'generate' task: all of them list choices",
        ),
    ],
)
def test_prompts_that_list_choices_are_for_them_alone(
    write: Write, catalog: Catalog, sets: list[str], words: str
) -> None:
    (fault,) = faults(write(BASE), catalog, *sets)
    assert words in fault


def test_a_tuned_lens_needs_texts_that_nobody_evaluates(write: Write, catalog: Catalog) -> None:
    recipe = """\
        schema: 1
        name: a
        models: [tiny-bloom]
        evaluate: [{dataset: tiny-qa, languages: [hi, de], split: test}]
        tasks:
          - lens
          - {kind: lens, form: tuned}
    """
    (none,) = faults(write(recipe), catalog)
    assert none.startswith("7:") and "learnt on texts, and the recipe names none" in none
    (same,) = faults(write(recipe), catalog, "lens_texts=[{dataset: tiny-qa, languages: [ru, hin]}]")
    assert "tiny-qa/hi (test) stands under `evaluate` as well" in same
    (unknown,) = faults(
        write(recipe), catalog, "lens_texts=[{dataset: tiny-qa, languages: [hi], split: none}]"
    )
    assert "has no split 'none'" in unknown
    fine = load_recipe(write(recipe), ["lens_texts=[{dataset: tiny-qa, languages: [hi], split: dev}]"])
    assert check_names(fine, catalog).recipe.lens_texts
