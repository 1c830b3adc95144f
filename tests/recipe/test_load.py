"""Reading: parents, overrides, paths, the canonical form."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
import yaml

from kit.corpus.pretraining import Fault
from kit.errors import RecipeErrors
from kit.jobdir import ScoreTask, canonical
from kit.recipe import SOUND, LoadedRecipe, load_recipe, recipe_of
from kit.recipe.expand import tasks
from kit.recipe.sources import FileSet, HubModel, NamedModel, PathModel, PretrainedModel, Pretraining
from tests.recipe.conftest import BASE, Write


def faults(path: Path, *overrides: str) -> list[str]:
    """The messages of a recipe that must be faulty."""
    with pytest.raises(RecipeErrors) as caught:
        load_recipe(path, overrides)
    return [str(error) for error in caught.value.errors]


def test_defaults_are_written_out(write: Write) -> None:
    loaded = load_recipe(write())
    assert loaded.recipe.switches == SOUND
    assert loaded.recipe.trainer.learning_rate == 2e-4
    assert loaded.expanded["trainer"]["epochs"] == 10
    assert loaded.expanded["switches"]["stop"] == "newline"
    assert list(loaded.expanded)[:2] == ["schema", "name"]


def test_formatting_order_and_comments_do_not_matter(write: Write) -> None:
    other = """\
        # a comment
        evaluate:
          - limit: 30
            languages: all
            dataset: tiny-qa
        train:
          - languages: ["de", hi]     # two
            dataset: "tiny-qa"
        models:
        - {name: tiny-bloom}
        fidelity: sound
        "name": 'base'
        schema: 1
    """
    one, two = load_recipe(write()), load_recipe(write(other, "other.yaml"))
    assert one.recipe == two.recipe
    # Not only equal: written in the same order, so that two dumps are the same bytes.
    assert yaml.safe_dump(one.expanded, sort_keys=False) == yaml.safe_dump(two.expanded, sort_keys=False)


def test_the_canonical_form_loads_again(write: Write) -> None:
    loaded = load_recipe(
        write(
            """\
            schema: 1
            name: all-kinds
            models:
              - tiny-bloom
              - {name: own, path: ./own, family: bloom}
              - {name: hub, hub: a/b, revision: main}
              - {name: made, pretrain: {corpus: tiny, settings: {steps: 3, learning_rate: 1e-3}}}
            adapters:
              - {name: ready, model: own, path: adapter}
              - {name: far, model: hub, hub: a/c, revision: v1}
            train: [{file: my.jsonl, format: jsonl, language: hi, limit: 5}]
            evaluate: [{dataset: tiny-qa, languages: [or]}]
            fidelity: paper
            switches: {end_token: learnt}
            lora: {targets: [query_key_value]}
            tasks: [{kind: generate, stop: newline}, {kind: score, continuations: first-gold}]
            checkpoints: [13, last]
            resources: {slots: 2, batch_tokens: 4096}
            """
        )
    )
    assert recipe_of(loaded.expanded) == loaded.recipe
    again = write(yaml.safe_dump(loaded.expanded, allow_unicode=True), "folder/again.yaml")
    assert load_recipe(again).expanded == loaded.expanded
    kinds = [type(model) for model in loaded.recipe.models]
    assert kinds == [NamedModel, PathModel, HubModel, PretrainedModel]


def test_children_lie_over_parents(write: Write) -> None:
    write(
        """\
        schema: 1
        name: parent
        models: [tiny-bloom]
        evaluate: [{dataset: tiny-qa, languages: all}]
        fidelity: paper
        switches: {stop: newline}
        trainer: {epochs: 3, batch: 8}
        seeds: [1, 2, 3]
        """,
        "shared/parent.yaml",
    )
    child = write(
        """\
        schema: 1
        extends: shared/parent.yaml
        name: child
        switches: {mode: fast, decoding: greedy}
        trainer: {epochs: 5}
        seeds: [9]
        """
    )
    loaded = load_recipe(child)
    recipe = loaded.recipe
    assert (recipe.name, recipe.seeds) == ("child", (9,))
    assert (recipe.trainer.epochs, recipe.trainer.batch) == (5, 8)
    assert (recipe.switches.end_token, recipe.switches.stop) == ("masked", "newline")
    assert (recipe.switches.mode, recipe.switches.decoding) == ("fast", "greedy")
    assert [path.name for path in loaded.sources] == ["recipe.yaml", "parent.yaml"]
    assert "extends" not in loaded.expanded


def test_later_parents_lie_over_earlier_ones_and_a_common_grandparent_is_read_once(write: Write) -> None:
    write(BASE + "answer_limit: 5\nseeds: [1]\n", "top.yaml")
    write("schema: 1\nextends: top.yaml\nanswer_limit: 6\n", "left.yaml")
    write("schema: 1\nextends: top.yaml\nseeds: [2]\n", "right.yaml")
    loaded = load_recipe(write("schema: 1\nextends: [left.yaml, right.yaml]\nname: leaf\n"))
    # `right` brings the grandparent's limit with it, and is laid over `left`.
    assert (loaded.recipe.answer_limit, loaded.recipe.seeds) == (5, (2,))
    assert [path.name for path in loaded.sources] == ["recipe.yaml", "left.yaml", "top.yaml", "right.yaml"]


def test_a_fault_in_a_parent_is_shown_in_the_parent(write: Write, tmp_path: Path) -> None:
    write("schema: 1\nname: parent\ntrainer:\n  epochs: 3\n  bach: 8\nmodels: [3]\n", "parent.yaml")
    child = write(
        "schema: 1\nextends: parent.yaml\nevaluate: [{dataset: q, languages: all}]\ntrainer: {epochs: many}\n"
    )
    first, second, third = faults(child)
    assert first.startswith(f"{child}:4:11: `trainer.epochs` must be a whole number")
    parent = tmp_path / "parent.yaml"
    assert second == f"{parent}:5:3: `bach` is no key of `trainer` (did you mean 'batch'?)"
    assert third.startswith(f"{parent}:6:10: `models[0]` must be a catalog name")


def test_a_fault_that_a_child_replaces_is_none(write: Write) -> None:
    write(BASE + "seeds: [one]\ntrainer: {epochs: none}\n", "parent.yaml")
    child = write("schema: 1\nextends: parent.yaml\nseeds: [1]\ntrainer: {epochs: 1}\n")
    assert load_recipe(child).recipe.trainer.epochs == 1


def test_circles_are_refused_by_name(write: Write) -> None:
    first = write("schema: 1\nextends: b.yaml\n", "a.yaml")
    write("schema: 1\nextends: [c.yaml]\n", "b.yaml")
    third = write("schema: 1\nextends: ./a.yaml\n", "c.yaml")
    circle = f"{third}:2:1: the recipe extends itself: a.yaml → b.yaml → c.yaml → a.yaml (break the circle)"
    assert faults(first) == [circle]


def test_parents_say_their_schema_too(write: Write) -> None:
    parent = write("name: parent\nanswer_limit: 0\n", "parent.yaml")
    child = write("schema: 1\nextends: parent.yaml\nmodels: [a]\nevaluate: [{dataset: q, languages: all}]\n")
    missing, limit = faults(child)
    assert missing.startswith(f"{parent}:1:1: the file does not say its `schema`")
    assert limit.startswith(f"{parent}:2:1: `answer_limit` must be at least 1")


def test_paths_are_seen_from_the_file_that_holds_them(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        """\
        schema: 1
        name: parent
        catalog: [mine.yaml]
        models: [{name: own, path: ../own}]
        train: [{file: data/hi.json, format: squad, language: hi}]
        """,
        "shared/parent.yaml",
    )
    child = write(
        "schema: 1\nextends: shared/parent.yaml\n"
        "evaluate:\n- {file: hi.json, format: squad, language: hi}\n"
        "- {file: /x/y.json, format: squad, language: or}\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "extra.yaml").touch()
    monkeypatch.chdir(elsewhere)
    recipe = load_recipe(child, ["catalog=[extra.yaml]"]).recipe
    assert recipe.catalog == (elsewhere / "extra.yaml",)
    assert isinstance(recipe.models[0], PathModel)
    assert recipe.models[0].path == tmp_path / "own"
    files = [entry.file for entry in (*recipe.train, *recipe.evaluate) if isinstance(entry, FileSet)]
    assert files == [tmp_path / "shared/data/hi.json", tmp_path / "hi.json", Path("/x/y.json")]


def test_a_catalog_file_that_is_not_there(write: Write, tmp_path: Path) -> None:
    path = write(BASE + "catalog: [mine.yaml]\n")
    assert faults(path) == [f"{path}:6:11: there is no file {tmp_path}/mine.yaml (check the path)"]


def override(write: Write, *texts: str) -> LoadedRecipe:
    return load_recipe(write(), texts)


def test_overrides(write: Write) -> None:
    loaded = override(
        write,
        "trainer.learning_rate=1e-3",
        "seeds=[3, 4]",
        "evaluate.0.limit=7",
        "switches={stop: end}",
        "switches.loss_on = answer",
        "title=What: 'no'".replace("What: ", ""),
        "models.0=other",
    )
    recipe = loaded.recipe
    assert recipe.trainer.learning_rate == 1e-3
    assert recipe.seeds == (3, 4)
    assert recipe.evaluate[0].limit == 7
    assert (recipe.switches.stop, recipe.switches.loss_on) == ("end", "answer")
    assert recipe.title == "no"
    assert recipe.models[0].name == "other"
    assert loaded.overrides[1] == "seeds=[3, 4]"
    assert loaded.expanded["seeds"] == [3, 4]


def test_a_later_override_wins(write: Write) -> None:
    assert override(write, "answer_limit=3", "answer_limit=4").recipe.answer_limit == 4


EXAMPLE = "(write --set trainer.epochs=3, say)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "trainr.epochs=3",
            "--set trainr.epochs=3: `trainr` is no key of a recipe (did you mean 'trainer'?)",
        ),
        ("trainer.epoch=3", "--set trainer.epoch=3: `epoch` is no key of `trainer` (did you mean 'epochs'?)"),
        (
            "trainer.epochs=ten",
            "--set trainer.epochs=ten: `trainer.epochs` must be a whole number; found the text 'ten' "
            "(write a whole number)",
        ),
        ("seeds", "--set seeds: an override must look like key=value or outer.inner=value " + EXAMPLE),
        ("=3", "--set =3: an override must look like key=value or outer.inner=value " + EXAMPLE),
        ("a..b=3", "--set a..b=3: an override must look like key=value or outer.inner=value " + EXAMPLE),
        (
            "models.1=x",
            "--set models.1=x: `models` is a list and has the indices 0 to 0; found '1' (set `models` as a whole)",
        ),
        (
            "name.first=x",
            "--set name.first=x: `name` has no keys below it (set `name` as a whole)",
        ),
        ("title=a\nname: b", "--set title=a\nname: b: the value must be one YAML value (quote it)"),
        (
            "extends=other.yaml",
            "--set extends=other.yaml: an override cannot change `extends` "
            "(set single keys, or write a recipe that extends others)",
        ),
        (
            "seeds=[1, 1]",
            "--set seeds=[1, 1]: `seeds[1]`: 1 stands twice; first at --set seeds=[1, 1] (remove one)",
        ),
        (
            "schema=2",
            "--set schema=2: `schema` must be `1`; found the number 2 (`xlt-kit schema` prints all that fits here)",
        ),
        (
            "answer_limit=",
            "--set answer_limit=: `answer_limit` must be a whole number; found nothing "
            "(give a value, or remove the key)",
        ),
    ],
)
def test_faulty_overrides_name_themselves(write: Write, text: str, message: str) -> None:
    assert faults(write(), text) == [message]


def test_faults_come_in_the_order_of_the_files_and_overrides_last(write: Write) -> None:
    write("schema: 1\nname: a/b\n", "parent.yaml")
    child = write("schema: 1\nextends: parent.yaml\nmodels: [1]\nseeds: [x]\nfidelity: y\n")
    places = [fault.split(": ")[0] for fault in faults(child, "lora.r=0", "bad")]
    names = [place.rsplit("/")[-1] for place in places]
    assert names == [
        "recipe.yaml:3:10",
        "recipe.yaml:4:9",
        "recipe.yaml:5:1",
        "parent.yaml:2:1",
        "--set bad",
        "--set lora.r=0",
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("schema: 1\nname: [a\nmodels: [b]\n", 3),
        ("schema: 1\nname: a\nname: b\n", 3),
        ("schema: 1\nlora:\n\tr: 3\n", 3),
        ("- schema: 1\n", 1),
        ("schema: 1\nname: \x00\n", 2),
    ],
)
def test_what_is_no_yaml_of_ours_is_told_with_its_line(write: Write, text: str, line: int) -> None:
    path = write(text)
    with pytest.raises(RecipeErrors) as caught:
        load_recipe(path)
    (error,) = caught.value.errors
    assert error.where is not None
    assert (error.where.path, error.where.line) == (str(path), line)
    assert error.exit_code == 3


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    (fault,) = faults(path)
    assert fault.startswith(f"{path}: ")


def test_the_place_of_an_entry(write: Write) -> None:
    loaded = load_recipe(write(), ["evaluate.0.limit=3"])
    assert (loaded.where(("train", 0, "languages", 1)).line, loaded.where(("train", 0)).line) == (4, 4)
    assert str(loaded.where(("evaluate", 0, "limit"))) == "--set evaluate.0.limit=3"
    # What was left out has the place of what holds it.
    assert loaded.where(("lora", "r")) == loaded.where(())


def test_equal_content_is_equal_bytes(write: Write) -> None:
    one = load_recipe(write()).expanded
    two = load_recipe(write(BASE + "answer_limit: 100\n")).expanded
    assert canonical(one) == canonical(two)


def test_a_stored_form_that_is_none_is_refused() -> None:
    with pytest.raises(RecipeErrors, match="`name` is missing"):
        recipe_of({"schema": 1, "models": ["a"]})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "tasks: [{kind: score, lead: own-words}]",
            "`lead: own-words` goes with `continuations: spans` alone",
        ),
        (
            "tasks: [{kind: score, context: withheld}]",
            "`continuations: permuted` goes with `context: withheld` or `swapped`, and they with it alone",
        ),
        (
            "tasks: [{kind: score, continuations: permuted}]",
            "`continuations: permuted` goes with `context: withheld` or `swapped`, and they with it alone",
        ),
        (
            "models: [{name: m, pretrain: {corpus: tiny, start: tiny-bloom, settings: {layers: 2}}}]",
            "`layers` is that of the model it starts from",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(write: Write, line: str, words: str) -> None:
    text = "schema: 1\nname: x\nevaluate: [{dataset: tiny-qa, languages: [de]}]\n"
    text += line if line.startswith("models") else f"models: [tiny-bloom]\n{line}"
    with pytest.raises(RecipeErrors) as caught:
        load_recipe(write(text + "\n"))
    assert words in str(caught.value) and "recipe.yaml:4" in str(caught.value).replace(":5", ":4")


def test_tasks_of_spans_have_labels_of_their_own(write: Write) -> None:
    text = """\
        schema: 1
        name: x
        models: [tiny-bloom]
        evaluate: [{dataset: tiny-qa, languages: [de]}]
        answer_limit: 24
        tasks:
          - score
          - {kind: score, continuations: spans}
          - {kind: score, continuations: spans, lead: own-words}
        """
    plain, spans, own = tasks(load_recipe(write(text)).recipe)
    assert plain == ("score", ScoreTask())
    assert spans == ("score:continuations=spans", ScoreTask(continuations="spans"))
    assert own == ("score:continuations=spans,lead=own-words", ScoreTask("score", "spans", "own-words", 24))


def test_tasks_of_counterfactuals_have_labels_of_their_own(write: Write) -> None:
    text = """\
        schema: 1
        name: x
        models: [tiny-bloom]
        evaluate: [{dataset: tiny-qa, languages: [de]}]
        answer_limit: 24
        tasks:
          - {kind: score, continuations: context, counterfactuals: 3}
          - {kind: score, continuations: permuted, context: withheld}
        """
    context, closed = tasks(load_recipe(write(text)).recipe)
    assert context == (
        "score:continuations=context,counterfactuals=3",
        ScoreTask(continuations="context", counterfactuals=3),
    )
    assert closed == (
        "score:continuations=permuted,context=withheld",
        ScoreTask(continuations="permuted", context="withheld"),
    )


def test_the_faults_that_a_recipe_may_plant_are_those_of_the_corpus() -> None:
    """The recipe names them itself: to import the corpus for five words would slow every command's start."""
    named = Pretraining.model_fields["fault"].annotation
    words, nothing = get_args(named)
    assert get_args(words) == get_args(Fault) and nothing is type(None)
