"""What a recipe's names stand for on this machine: content ids and counts. Made by `kit.inputs`, read by the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kit.jobdir import Lora, Prompt
from kit.plan.types import WantedModel


@dataclass(frozen=True)
class Control:
    """How a training set that is a control is tuned on: not at all (`random`: its adapter's double in random
    directions, by `seed`), or on its contexts `alone`. Neither where the control lies in the examples themselves.
    """

    random: bool = False
    alone: bool = False
    seed: int = 0


@dataclass(frozen=True)
class ResolvedSlice:
    """A training or evaluation set in one language, rendered. `seen_by` are model families that were tuned on it.

    `characters`: mean length of an item, context and question and first answer together. `script`: what its language is
    written in, by ISO 15924; empty where that is not known. `choices`: its items have choices. Of a training set,
    `stage` is the name under which others come after it, and `after` that of the stage that it comes after itself.
    """

    id: str
    dataset: str
    language: str
    split: str
    items: int
    seen_by: frozenset[str] = frozenset()
    contexts: int = 0
    characters: float = 0.0
    script: str = ""
    control: Control = Control()
    choices: bool = False
    stage: str = ""
    after: str = ""


@dataclass(frozen=True)
class ResolvedShots:
    """The solved examples that stand before the items of an evaluation set: `id` and `characters` are those of their
    slice, all together, `asked` the evaluation set that is left.
    """

    id: str
    items: int
    characters: float
    asked: ResolvedSlice


@dataclass(frozen=True)
class ResolvedModel:
    """A base model. `path` is None where it is still to be pre-trained or fetched."""

    wanted: WantedModel
    family: str
    lora: Lora
    path: Path | None
    revision: str | None = None


@dataclass(frozen=True)
class ResolvedAdapter:
    """A ready-made adapter on one of the recipe's models."""

    name: str
    model: str
    id: str
    path: Path
    digest: str


@dataclass(frozen=True)
class Inputs:
    """Everything resolved, in the recipe's order. `paths` maps content ids to files and folders."""

    models: tuple[ResolvedModel, ...]
    adapters: tuple[ResolvedAdapter, ...]
    train: tuple[ResolvedSlice, ...]
    evaluate: tuple[ResolvedSlice, ...]
    train_prompt: Prompt
    prompts: Mapping[str, Prompt]
    paths: Mapping[str, Path]
    maps: Mapping[Path | None, str] = field(default_factory=dict)
    """Content ids of the maps of tokens that lenses name; under None that of the published one."""
    shots: Mapping[str, tuple[ResolvedShots, ...]] = field(default_factory=dict)
    """By the name of a prompt that has them: one for each evaluation set, in order."""
    lens_texts: tuple[ResolvedSlice, ...] = ()
    """What a tuned lens is learnt on."""
