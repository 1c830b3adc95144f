"""Pieces of a recipe as specs of jobs."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from kit.catalog import Catalog
from kit.errors import RecipeErrors
from kit.jobdir import GenerateTask, Lora, ScoreTask, TrainerSettings, key_parts
from kit.recipe import Recipe, expand, load_recipe
from kit.recipe.model import LoraSettings, Trainer
from tests.recipe.conftest import Write


@dataclass(frozen=True)
class Words:
    """A prompt as the catalog has it."""

    template: str = "{context} {question}"
    joint: str = ""


def recipe(write: Write, *overrides: str) -> Recipe:
    return load_recipe(write(), overrides).recipe


def test_trainer_joins_settings_and_switches(write: Write) -> None:
    settings = expand.trainer(
        recipe(write, "fidelity=paper", "trainer.epochs=3", "switches.accumulate=per-epoch")
    )
    assert settings == TrainerSettings(epochs=3, accumulate="per-epoch", loss_mean="batch")
    assert expand.trainer(recipe(write)).loss_mean == "tokens"


def test_recipe_and_job_agree_on_fields_and_defaults() -> None:
    job = {field.name: field.default for field in fields(TrainerSettings)}
    own = {name: field.default for name, field in Trainer.model_fields.items()}
    assert set(job) - set(own) == {"accumulate", "loss_mean"}
    assert own == {name: job[name] for name in own}
    lora = {name: field.default for name, field in LoraSettings.model_fields.items() if name != "targets"}
    assert lora == {field.name: field.default for field in fields(Lora) if field.name != "targets"}


@pytest.mark.parametrize(
    ("targets", "modules"),
    [
        ("scripts", ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")),
        ("qkv", ("query_key_value",)),
        ("default", ()),
        ("[dense]", ("dense",)),
    ],
)
def test_lora_targets(write: Write, targets: str, modules: tuple[str, ...]) -> None:
    family = Catalog.load().models["bloomz-7b1"].targets
    assert expand.lora(recipe(write, f"lora={{targets: {targets}, r: 8}}"), family) == Lora(
        r=8, targets=modules
    )


def test_lora_without_a_family(write: Write) -> None:
    assert expand.lora(recipe(write, "lora.targets=default"), None) == Lora()
    with pytest.raises(ValueError, match="'scripts' are known for models of a family only"):
        expand.lora(recipe(write), None)


@pytest.mark.parametrize(
    ("switch", "train", "evaluate"),
    [("train-only", "written", "tokenizer"), ("both", "written", "written"), ("none", "none", "none")],
)
def test_start_tokens(write: Write, switch: str, train: str, evaluate: str) -> None:
    one = recipe(write, f"switches.start_token={switch}")
    assert expand.train_prompt(one, Words()).start_token == train
    assert expand.eval_prompt(one, Words()).start_token == evaluate
    assert expand.eval_prompt(one, Words()).template == Words().template
    assert expand.train_prompt(one, Words()).joint == ""


def test_tasks_of_the_groups(write: Write) -> None:
    assert expand.tasks(recipe(write)) == [
        ("generate", GenerateTask(stop="newline", limit=100)),
        ("score", ScoreTask()),
    ]
    paper = dict(expand.tasks(recipe(write, "fidelity=paper")))["generate"]
    assert paper == GenerateTask(stop="end", limit=100, temperature=0.1, top_k=50, top_p=0.95, stream="cell")


def test_labels_say_what_differs_from_the_switches(write: Write) -> None:
    tasks = (
        "tasks=[generate, {kind: generate, stop: end}, {kind: generate, stop: newline, limit: 5, "
        "decoding: sampled}, score, {kind: score, continuations: first-gold}]"
    )
    labels = [label for label, _ in expand.tasks(recipe(write, tasks))]
    assert labels == [
        "generate",
        "generate:stop=end",
        "generate:decoding=sampled,limit=5",
        "score",
        "score:continuations=first-gold",
    ]


def test_greedy_tasks_do_not_depend_on_how_sampling_draws(write: Write) -> None:
    one = recipe(write, "sampling={temperature: 0.7, top_k: 3}", "switches.stream=item")
    task = dict(expand.tasks(one))["generate"]
    assert key_parts(task) == {"kind": "generate"}
    sampled = dict(expand.tasks(recipe(write, "sampling.top_k=3", "switches.decoding=sampled")))["generate"]
    assert key_parts(sampled) == {"kind": "generate", "temperature": 0.1, "top_k": 3, "stream": "item"}


@pytest.mark.parametrize(
    ("examples", "settings", "steps"),
    [
        (103, TrainerSettings(), 60),
        (103, TrainerSettings(accumulate="per-epoch"), 70),
        (103, TrainerSettings(steps=17), 17),
        (96, TrainerSettings(accumulate="per-epoch"), 60),
        (5, TrainerSettings(epochs=3), 3),
        (1, TrainerSettings(accumulate="per-epoch", epochs=1), 1),
        (96, TrainerSettings(epochs=5, accumulation=2), 60),
    ],
)
def test_total_steps(examples: int, settings: TrainerSettings, steps: int) -> None:
    assert expand.total_steps(examples, settings) == steps


def test_total_steps_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one example"):
        expand.total_steps(0, TrainerSettings())


def test_the_host_counts_steps_as_the_job_does() -> None:
    pytest.importorskip("torch")
    stream = pytest.importorskip("kit.job.stream")
    for examples in (1, 3, 16, 17, 103):
        for accumulation in (1, 3, 4, 40):
            for accumulate in ("carried", "per-epoch"):
                settings = TrainerSettings(epochs=2, accumulation=accumulation, accumulate=accumulate)
                planned = stream.plan_steps([7] * examples, settings, seed=0)
                assert expand.total_steps(examples, settings) == len(planned), settings


def test_windows_of_layers(write: Write) -> None:
    """One of them, or each of some; in the key of what is tuned alone; named in the table, before the mask."""
    asked = recipe(
        write,
        "tasks=[generate, {kind: generate, layers: each/3, only: own-script}, {kind: lens, layers: 0-4}, "
        "{kind: score, layers: 2/6}]",
    )
    assert [name for name, _ in expand.tasks(asked)] == [
        "generate",
        *(f"generate:layers={number}/3,only=own-script" for number in (1, 2, 3)),
        "lens:layers=0-4",
        "score:layers=2/6",
    ]
    assert [at for at, _ in expand.unrolled(asked)] == [0, 1, 1, 1, 2, 3]
    found = [expand.interventions(task, "Orya", True) for _, task in expand.unrolled(asked)]
    assert found[0] == () and found[1] == ("layers=1/3", "scripts=Orya") and found[4] == ("layers=0-4",)
    base = [expand.interventions(task, "Orya", False) for _, task in expand.unrolled(asked)]
    assert base == [(), *[("scripts=Orya",)] * 3, (), ()]


@pytest.mark.parametrize("layers", ["4-2", "7/6", "0/6", "each/0", "1", "1/", "0-4-5", "all"])
def test_a_window_that_makes_no_sense_is_refused(write: Write, layers: str) -> None:
    with pytest.raises(RecipeErrors, match="layers"):
        recipe(write, f"tasks=[{{kind: generate, layers: '{layers}'}}]")
