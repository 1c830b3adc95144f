"""Pieces of a recipe as the job folder takes them. Pure."""

from __future__ import annotations

from kit.catalog import PromptEntry, Targets
from kit.jobdir import GenerateTask, Lora, Prompt, ScoreTask, TrainerSettings
from kit.recipe.model import Generate, Recipe


def lora(recipe: Recipe, targets: Targets | None) -> Lora:
    """The adapter's shape; named targets are those of the model's family, none of them peft's default."""
    settings = recipe.lora
    named = {"scripts": targets.scripts if targets else (), "qkv": targets.qkv if targets else (), "default": ()}
    modules = named[settings.targets] if isinstance(settings.targets, str) else tuple(settings.targets)
    return Lora(settings.r, settings.alpha, settings.dropout, settings.bias, tuple(modules))


def trainer(recipe: Recipe) -> TrainerSettings:
    """The trainer's settings with the switches that belong to it."""
    settings, switches = recipe.trainer, recipe.switches
    return TrainerSettings(
        epochs=settings.epochs,
        batch=settings.batch,
        accumulation=settings.accumulation,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optimizer=settings.optimizer,
        accumulate=switches.accumulate,
        loss_mean=switches.loss_mean,
        length_groups=settings.length_groups,
        gradient_checkpointing=settings.gradient_checkpointing,
        steps=settings.steps,
    )


def tasks(recipe: Recipe) -> list[tuple[str, GenerateTask | ScoreTask]]:
    """Each task with its label: its kind, and behind a colon what differs from the recipe's switches."""
    made: list[tuple[str, GenerateTask | ScoreTask]] = []
    for task in recipe.tasks:
        if isinstance(task, Generate):
            made.append((_label(recipe, task), _generate(recipe, task)))
        else:
            label = "score" if task.continuations == "gold" else f"score:{task.continuations}"
            made.append((label, ScoreTask(continuations=task.continuations)))
    return made


def _generate(recipe: Recipe, task: Generate) -> GenerateTask:
    switches, sampling = recipe.switches, recipe.sampling
    stop, limit = task.stop or switches.stop, task.limit or recipe.answer_limit
    if (task.decoding or switches.decoding) == "greedy":
        return GenerateTask(stop=stop, limit=limit)
    return GenerateTask(
        stop=stop,
        limit=limit,
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        stream=task.stream or switches.stream,
    )


def _label(recipe: Recipe, task: Generate) -> str:
    switches = recipe.switches
    usual = {
        "stop": switches.stop,
        "decoding": switches.decoding,
        "stream": switches.stream,
        "limit": recipe.answer_limit,
    }
    own = [str(getattr(task, name)) for name, value in usual.items() if getattr(task, name) not in (None, value)]
    return "generate:" + ",".join(own) if own else "generate"


def train_prompt(recipe: Recipe, entry: PromptEntry) -> Prompt:
    """The prompt of training texts, with the start token as the switch says (trap 2)."""
    written = recipe.switches.start_token in ("train-only", "both")
    return Prompt(entry.template, entry.joint, "written" if written else "none")


def eval_prompt(recipe: Recipe, entry: PromptEntry) -> Prompt:
    """The prompt of the evaluation, with the start token as the switch says (trap 2)."""
    start = {"train-only": "tokenizer", "both": "written", "none": "none"}[recipe.switches.start_token]
    return Prompt(entry.template, entry.joint, start)  # type: ignore[arg-type]


def total_steps(examples: int, settings: TrainerSettings) -> int:
    """Optimizer steps of a tuning: 60 for the paper's 103 examples, 70 where each epoch closes its last step."""
    if settings.steps is not None:
        return settings.steps
    batches = -(-examples // settings.batch)
    if settings.accumulate == "carried":
        return max(batches // settings.accumulation, 1) * settings.epochs
    return -(-batches // settings.accumulation) * settings.epochs
