"""Prompts with shots in a recipe: their names, and what is refused."""

from __future__ import annotations

import pytest

from kit.catalog import Catalog
from kit.errors import RecipeErrors
from kit.jobdir import key_parts
from kit.recipe import check_names, expand, load_recipe, recipe_of
from tests.recipe.conftest import Write


def labels(write: Write, prompts: str, *overrides: str) -> list[str]:
    recipe = load_recipe(write(), [f"prompts={prompts}", *overrides]).recipe
    return [expand.prompt_label(recipe, asked) for asked in recipe.prompts]


def test_names_in_tables_say_how_many_and_what_is_unusual(write: Write) -> None:
    prompts = (
        "[qa, {prompt: qa, shots: 2}, {prompt: short-span, shots: 1, from: xquad-in, split: dev, seed: 3}]"
    )
    assert labels(write, prompts) == [
        "qa",
        "qa:shots=2",
        "short-span:shots=1,from=xquad-in,split=dev,seed=3",
    ]
    assert labels(write, "[{prompt: qa, shots: 2}]", "switches.shots_from=test-repeated") == [
        "qa:shots=2,test-repeated"
    ]


def test_chat_is_part_of_a_prompts_name_and_of_its_spec(write: Write) -> None:
    prompts = "[qa, {prompt: qa, chat: template}, {prompt: qa, shots: 2, chat: own}, {prompt: qa, chat: own}]"
    assert labels(write, prompts) == ["qa", "qa:chat=template", "qa:shots=2,chat=own", "qa:chat=own"]
    recipe = load_recipe(write(), [f"prompts={prompts}", "train_prompt={prompt: qa, chat: template}"]).recipe
    entry = Catalog.load().prompts["qa"]
    made = [expand.eval_prompt(recipe, entry, expand.chat_of(asked)) for asked in recipe.prompts]
    assert [prompt.chat for prompt in made] == ["plain", "template", "own", "own"]
    assert "chat" not in key_parts(made[0]) and key_parts(made[1])["chat"] == "template"
    assert expand.train_prompt(recipe, entry).chat == "template"
    loaded = load_recipe(write(), [f"prompts={prompts}", "train_prompt={prompt: qa, chat: own}"])
    assert recipe_of(loaded.expanded) == loaded.recipe


def test_the_canonical_form_makes_the_recipe_again(write: Write) -> None:
    for fidelity in ("sound", "paper"):
        loaded = load_recipe(write(), ["prompts=[qa, {prompt: qa, shots: 2}]", f"fidelity={fidelity}"])
        assert recipe_of(loaded.expanded) == loaded.recipe
        assert loaded.expanded["prompts"] == [
            "qa",
            {"prompt": "qa", "chat": "plain", "shots": 2, "split": "train", "seed": 0},
        ]


def messages(write: Write, prompts: str, *overrides: str) -> str:
    with pytest.raises(RecipeErrors) as caught:
        check_names(load_recipe(write(), [f"prompts={prompts}", *overrides]), Catalog.load())
    return "\n".join(str(error).partition("]: ")[2] for error in caught.value.errors)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ("[{prompt: qa, chat: yes}]", "`prompts[0].chat` must be"),
        ("[{prompt: qq, chat: own}]", "'qq' is no prompt of the catalog (there are: qa"),
        ("[{prompt: qa, chat: own}, {prompt: qa, chat: own}]", "the prompt `qa:chat=own` stands twice"),
        ("[{prompt: qa, chat: own, form: x}]", "`form` is no key of a prompt with `chat`"),
        ("[{prompt: qa, shots: 0}]", "`prompts[0].shots` must be at least 1"),
        ("[{prompt: qa}]", "`prompts[0].shots` is missing"),
        ("[{promt: qa, shots: 1}]", "`promt` is no key of a prompt with shots (did you mean 'prompt'?)"),
        ("[{prompt: qq, shots: 1}]", "'qq' is no prompt of the catalog (there are: qa"),
        ("[{prompt: qa, shots: 1}, {prompt: qa, shots: 1}]", "the prompt `qa:shots=1` stands twice"),
        (
            "[{prompt: qa, shots: 1, from: tiny-qq}]",
            "'tiny-qq' is no data set of questions to draw shots from (did you mean 'tiny-qa'?)",
        ),
        ("[{prompt: qa, shots: 1, from: xquad}]", "'xquad' has no split 'train' in 'en', 'es', 'de'"),
        (
            "[{prompt: qa, shots: 1, split: test}]",
            "the test split of 'tiny-qa' is evaluated, and nothing to draw",
        ),
        (
            "[3]",
            "must be the name of a prompt, or a mapping with `prompt` and `shots` or `chat`; found the number 3",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_remedy(write: Write, prompts: str, message: str) -> None:
    assert message in messages(write, prompts)


def test_how_shots_are_drawn_is_not_passed_over_where_none_are(write: Write) -> None:
    said = messages(write, "[{prompt: qa, shots: 1, seed: 4}]", "fidelity=paper")
    assert "`seed` says how shots are drawn, and `shots_from: test-repeated` draws none" in said


def test_a_file_of_ones_own_needs_a_set_to_draw_from(write: Write) -> None:
    path = write().parent / "mine.jsonl"
    path.touch()
    own = "evaluate=[{file: mine.jsonl, format: jsonl, language: hi}]".replace(
        "mine", str(path.with_suffix(""))
    )
    assert "a file has no split 'train' to draw shots from" in messages(
        write, "[{prompt: qa, shots: 1}]", own
    )
    loaded = load_recipe(write(), ["prompts=[{prompt: qa, shots: 1, from: xquad-in}]", own])
    assert check_names(loaded, Catalog.load()).recipe.prompts == loaded.recipe.prompts
