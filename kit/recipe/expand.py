"""From pieces of a recipe to the specs of jobs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol

from kit.jobdir import (
    GenerateTask,
    InterchangeTask,
    LensTask,
    Lora,
    Prompt,
    ScoreTask,
    Task,
    TrainerSettings,
)
from kit.jobdir.cell import BAN_SCRIPTS, LAYERS, ONLY_SCRIPTS
from kit.recipe.model import Generate, Interchange, Lens, Recipe, Score
from kit.recipe.sources import ChatPrompt, ChatUse, Shots
from kit.score.script import written_with

Start = Literal["tokenizer", "written", "none"]
TO_BE_FITTED = "fit"
"""The translators of a tuned lens, until a base and its texts are known."""


class Targets(Protocol):
    """The LoRA targets of a model's family, as the catalog names them."""

    @property
    def scripts(self) -> tuple[str, ...]: ...
    @property
    def qkv(self) -> tuple[str, ...]: ...


class Template(Protocol):
    """A prompt of the catalog."""

    @property
    def template(self) -> str: ...
    @property
    def joint(self) -> str: ...


def lora(recipe: Recipe, targets: Targets | None) -> Lora:
    """The adapter that a tuning trains; `targets` are those of the model's family.

    Raises:
        ValueError: the recipe says `scripts` or `qkv`, and the model has no family.
    """
    settings = recipe.lora
    if isinstance(settings.targets, tuple):
        modules = settings.targets
    elif settings.targets == "default":
        modules = ()
    elif targets is None:
        raise ValueError(f"the targets {settings.targets!r} are known for models of a family only")
    else:
        modules = targets.scripts if settings.targets == "scripts" else targets.qkv
    return Lora(settings.r, settings.alpha, settings.dropout, settings.bias, modules)


def trainer(recipe: Recipe) -> TrainerSettings:
    """The recipe's trainer together with the switches that concern it."""
    switches = recipe.switches
    own = recipe.trainer.model_dump()
    return TrainerSettings(**own, accumulate=switches.accumulate, loss_mean=switches.loss_mean)


def tasks(recipe: Recipe, maps: Mapping[Path | None, str] = MappingProxyType({})) -> list[tuple[str, Task]]:
    """Every task with its label: its kind, and behind a colon what differs from the recipe's switches.

    `maps` are the content ids of the maps that lenses name, under None that of the published one; without them labels
    and all else are as they will be.
    """
    made: list[tuple[str, Task]] = []
    for _, task in unrolled(recipe):
        if isinstance(task, Lens):
            made.append(_lens(task, maps))
        elif isinstance(task, Interchange):
            made.append(_interchange(task))
        else:
            made.append(_score(recipe, task) if isinstance(task, Score) else _generate(recipe, task))
    return made


def aimed(task: Task, script: str, tuned: bool) -> Task | None:
    """The task for a language that is written in that script; None where it has no meaning there: an interchange is of
    tuned models alone, and with another script than the language's own.
    """
    if not isinstance(task, InterchangeTask):
        return task
    target = written_with(script)
    return replace(task, target=target) if tuned and task.interferer not in target else None


def unrolled(recipe: Recipe) -> list[tuple[int, Generate | Score | Lens | Interchange]]:
    """Every task with its place in the recipe; one that asks for `each` of some windows is so many tasks."""
    return [(at, task) for at, asked in enumerate(recipe.tasks) for task in _windows(asked)]


def interventions(task: Generate | Score | Lens | Interchange, script: str, tuned: bool) -> tuple[str, ...]:
    """What a task of the recipe does to the subject, and to what is said in a language of that script.

    A window of layers changes nothing where there is no adapter (not `tuned`): the cell is the base's own.
    """
    if isinstance(task, Interchange):
        return ()
    window = (f"{LAYERS}{task.layers}",) if task.layers and tuned else ()
    if not isinstance(task, Generate):
        return window
    if task.only:
        return (*window, f"{ONLY_SCRIPTS}{'+'.join(written_with(script))}")
    return (*window, f"{BAN_SCRIPTS}{'+'.join(sorted(task.ban))}") if task.ban else window


def fits(task: Generate | Score | Lens | Interchange, prompt: Template, choices: bool) -> bool:
    """Whether a task is asked of a set, with `choices` or without, under a prompt.

    Choices are asked for where there are some, and a prompt that lists them is for nothing else.
    """
    if isinstance(task, Score) and task.continuations == "choices":
        return choices
    return not lists(prompt)


def lists(prompt: Template) -> bool:
    """Whether a prompt lists an item's choices."""
    return Prompt(prompt.template, prompt.joint).lists


def train_prompt(recipe: Recipe, prompt: Template) -> Prompt:
    """The prompt of the training texts; `<s>` is written in front unless the switch says `none`."""
    start: Start = "none" if recipe.switches.start_token == "none" else "written"
    return Prompt(prompt.template, prompt.joint, start, chat=chat_of(recipe.train_prompt))


_STARTS: Mapping[str, Start] = {
    "train-only": "tokenizer",
    "both": "written",
    "none": "none",
}


def eval_prompt(recipe: Recipe, prompt: Template, chat: ChatUse = "plain") -> Prompt:
    """A prompt of the evaluation; under `train-only` the tokenizer keeps its habit, as in the scripts."""
    return Prompt(prompt.template, prompt.joint, _STARTS[recipe.switches.start_token], chat=chat)


def chat_of(asked: str | ChatPrompt | Shots) -> ChatUse:
    """Whether a prompt that a recipe asks for stands in a chat template."""
    return "plain" if isinstance(asked, str) else asked.chat


def prompt_label(recipe: Recipe, asked: str | ChatPrompt | Shots) -> str:
    """A prompt's name in tables: that of the catalog, and behind a colon the number of shots, and what is unusual."""
    if isinstance(asked, str):
        return asked
    chat = [f"chat={asked.chat}"] if asked.chat != "plain" else []
    if isinstance(asked, ChatPrompt):
        return ":".join([asked.prompt, *chat])
    shots = f"{asked.prompt}:shots={asked.shots}"
    if recipe.switches.shots_from == "test-repeated":
        return ",".join([shots, "test-repeated", *chat])
    unusual = {"from": asked.source, "split": asked.split, "seed": asked.seed}
    usual = {"from": None, "split": "train", "seed": 0}
    parts = [f"{name}={value}" for name, value in unusual.items() if value != usual[name]]
    return ",".join([shots, *parts, *chat])


def prompt_name(asked: str | ChatPrompt | Shots) -> str:
    """The name in the catalog of a prompt that a recipe asks for."""
    return asked if isinstance(asked, str) else asked.prompt


def total_steps(examples: int, settings: TrainerSettings) -> int:
    """Optimizer steps of a tuning on so many examples, at least one an epoch.

    `carried` counts ⌊batches an epoch / accumulation⌋ steps an epoch, as the trainer of transformers 4.44.2
    did (60 for the paper's 103 examples), `per-epoch` ⌈…⌉, as later ones do (70).

    Raises:
        ValueError: there are no examples.
    """
    if examples < 1:
        raise ValueError("a tuning needs at least one example")
    if settings.steps is not None:
        return settings.steps
    batches = -(-examples // settings.batch)
    whole = batches // settings.accumulation
    if settings.accumulate == "per-epoch" and batches % settings.accumulation:
        whole += 1
    return max(whole, 1) * settings.epochs


def _windows(
    task: Generate | Score | Lens | Interchange,
) -> Iterator[Generate | Score | Lens | Interchange]:
    layers = None if isinstance(task, Interchange) else task.layers
    first, _, count = (layers or "").partition("/")
    if first != "each":
        yield task
        return
    for number in range(1, int(count) + 1):
        yield task.model_copy(update={"layers": f"{number}/{count}"})


def _generate(recipe: Recipe, task: Generate) -> tuple[str, GenerateTask]:
    different = ",".join(_differences(recipe, task))
    return (f"generate:{different}" if different else "generate"), _decoding(recipe, task)


def _decoding(recipe: Recipe, task: Generate) -> GenerateTask:
    """The task as the job takes it. What greedy decoding does not read keeps its default, out of the key."""
    switches = recipe.switches
    stop, limit = task.stop or switches.stop, task.limit or recipe.answer_limit
    if _greedy(recipe, task):
        return GenerateTask(stop=stop, limit=limit)
    sampling = recipe.sampling
    return GenerateTask(
        stop=stop,
        limit=limit,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        stream=task.stream or switches.stream,
    )


def _differences(recipe: Recipe, task: Generate) -> Iterator[str]:
    switches = recipe.switches
    usual = {
        "stop": switches.stop,
        "decoding": switches.decoding,
        "stream": switches.stream,
        "limit": recipe.answer_limit,
    }
    for name, value in usual.items():
        own = getattr(task, name)
        if own is not None and own != value and not (name == "stream" and _greedy(recipe, task)):
            yield f"{name}={own}"
    if task.layers:
        yield f"layers={task.layers}"
    if task.only:
        yield f"only={task.only}"
    if task.ban:
        yield f"ban={'+'.join(task.ban)}"


def _greedy(recipe: Recipe, task: Generate) -> bool:
    return (task.decoding or recipe.switches.decoding) == "greedy"


def _score(recipe: Recipe, task: Score) -> tuple[str, ScoreTask]:
    """The task as the job takes it. What it does not read (a limit, say) keeps its default, not in the key."""
    names = ("continuations", "lead", "context", "counterfactuals", "layers")
    label = _label(task, Score(kind="score"), names)
    if task.continuations in ("context", "permuted"):
        return label, ScoreTask(
            continuations=task.continuations, context=task.context, counterfactuals=task.counterfactuals
        )
    if task.lead == "prompt":
        return label, ScoreTask(continuations=task.continuations)
    return label, ScoreTask(continuations=task.continuations, lead=task.lead, limit=recipe.answer_limit)


def _lens(task: Lens, maps: Mapping[Path | None, str]) -> tuple[str, LensTask]:
    usual = Lens(kind="lens")
    by = "matrix" if task.map is None else "map"
    label = _label(task, usual, (by, "positions", "form", "layers"))
    by_map = task.map is not None or task.matrix == "published"
    matrix = maps.get(task.map, "map-not-read") if by_map else task.matrix
    return label, LensTask("lens", matrix, task.positions, TO_BE_FITTED if task.form == "tuned" else "")


def _interchange(task: Interchange) -> tuple[str, InterchangeTask]:
    words = f"interferer={task.interferer}" + (f",control={task.control}" if task.control else "")
    return f"interchange:{words}", InterchangeTask(interferer=task.interferer, control=task.control or "")


def _label(task: Score | Lens, usual: Score | Lens, names: Iterable[str]) -> str:
    """The kind, and behind a colon what differs from the usual one."""
    values = {name: getattr(task, name) for name in names if getattr(task, name) != getattr(usual, name)}
    different = [
        f"{name}={value.stem if isinstance(value, Path) else value}" for name, value in values.items()
    ]
    return f"{task.kind}:{','.join(different)}" if different else task.kind
