"""The typed recipe: every key that a recipe may hold, its meaning and its default."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    ByteSize,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kit.recipe.sources import (
    Adapter,
    Count,
    Entry,
    Evaluate,
    FilePath,
    Many,
    Model,
    Name,
    Prompt,
    Some,
    Text,
    Train,
    TrainPrompt,
    expected,
    or_text,
)
from kit.recipe.switches import PAPER, SOUND, Fidelity, Switches

SCHEMA = 1
"""Version of the recipe's format. A reader refuses newer ones."""

Share = Annotated[float, Field(ge=0)]
Script = Annotated[str, Field(pattern="^[A-Z][a-z]{3}$")]


def _within(value: str) -> str:
    first, mark, last = re.split("([-/])", value)
    if first != "each" and int(first) > int(last):
        message = f"`{value}`: write `0-4`" if mark == "-" else f"`{value}`: there are {last} windows"
        raise PydanticCustomError("window", "{message}", {"message": message})
    return value


Window = Annotated[
    str,
    Field(pattern="^([0-9]{1,4}-[0-9]{1,4}|([1-9][0-9]{0,2}|each)/[1-9][0-9]{0,2})$"),
    AfterValidator(_within),
]
_LAYERS = Field(
    default=None,
    description="The adapter works in these layers alone: `0-4` (the first five blocks), `1/6` (the first of six "
    "windows), or `each/6`: one task for each of the six (S4).",
)


def _target_word(value: Any) -> str | None:
    return "<word>" if value in ("scripts", "qkv", "default") else None


class LoraSettings(Entry):
    """Low-rank adaptation. The defaults are the paper's."""

    called: ClassVar[str] = "`lora`"
    r: Count = Field(default=64, description="Rank.")
    alpha: Count = Field(default=16, description="Scale: the update is multiplied by alpha / r.")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.1, description="Dropout in front of the adapter."
    )
    bias: Literal["none", "all", "lora_only"] = Field(default="none", description="Which biases are trained.")
    targets: Annotated[
        Annotated[Literal["scripts", "qkv", "default"], Tag("<word>")] | Annotated[Some[Text], Tag("<list>")],
        Discriminator(
            lambda value: "<list>" if isinstance(value, (list, tuple)) else _target_word(value),
            **expected("`scripts`, `qkv`, `default`, or a list of module names", "scripts", "qkv", "default"),
        ),
    ] = Field(
        default="scripts",
        description="Adapted modules: as in the paper's `scripts`, the attention's input alone (`qkv`), "
        "peft's `default` for the architecture, or a list of module names (trap 4).",
    )


class Trainer(Entry):
    """Optimisation, apart from what the switches decide. The defaults are the paper's."""

    called: ClassVar[str] = "`trainer`"
    epochs: Count = Field(default=10, description="Passes over the training set.")
    batch: Count = Field(default=4, description="Examples in a micro-batch.")
    accumulation: Count = Field(default=4, description="Micro-batches in an optimizer step.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(default=2e-4, description="Peak learning rate.")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        default="constant", description="Of the learning rate."
    )
    warmup_steps: Annotated[int, Field(ge=0)] = Field(default=0, description="Steps of linear warm-up.")
    weight_decay: Share = Field(default=0.0, description="Decoupled weight decay.")
    max_grad_norm: Share = Field(default=0.3, description="Gradients are clipped to this norm.")
    optimizer: Literal["adamw", "paged-adamw"] = Field(default="adamw", description="Paged needs a GPU.")
    length_groups: bool = Field(default=True, description="Batches of like length, drawn anew each epoch.")
    gradient_checkpointing: bool = Field(default=False, description="Saves memory, costs time.")
    steps: Count | None = Field(
        default=None, description="Optimizer steps, instead of those that the epochs give."
    )


class Sampling(Entry):
    """How `decoding: sampled` draws. The defaults are the paper's."""

    called: ClassVar[str] = "`sampling`"
    temperature: Annotated[float, Field(gt=0)] = Field(default=0.1, description="Divides the logits.")
    top_k: Annotated[int, Field(ge=0)] = Field(
        default=50, description="The likeliest so many tokens; 0: all."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(
        default=0.95, description="The likeliest tokens that hold this share of the probability."
    )


class Generate(Entry):
    """Answers by decoding. What is left out is as the switches and `answer_limit` say."""

    called: ClassVar[str] = "a `generate` task"
    short: ClassVar[str | None] = "kind"
    model_config = ConfigDict(json_schema_extra=lambda schema: or_text(schema, "generate"))
    kind: Literal["generate"] = Field(description="Decoding.")
    stop: Literal["end", "newline"] | None = Field(default=None, description="Instead of the switch.")
    decoding: Literal["sampled", "greedy"] | None = Field(default=None, description="Instead of the switch.")
    stream: Literal["cell", "item"] | None = Field(default=None, description="Instead of the switch.")
    limit: Count | None = Field(default=None, description="Instead of `answer_limit`: the most new tokens.")
    only: Literal["own-script"] | None = Field(
        default=None,
        description="Answers are made of the evaluation language's `own-script` alone, with what belongs to none and "
        "what stands in the prompt (S3).",
    )
    ban: Many[Script] = Field(
        default=(), description="Answers without letters of these scripts, by their ISO 15924 codes (S3)."
    )
    layers: Window | None = _LAYERS

    @model_validator(mode="after")
    def _one_constraint(self) -> Generate:
        if self.only and self.ban:
            raise PydanticCustomError(
                "constraint", "`only` and `ban` do not go together: give each a task of its own"
            )
        return self


class Score(Entry):
    """Log-likelihoods, token by token, of given answers and of what may follow them."""

    called: ClassVar[str] = "a `score` task"
    short: ClassVar[str | None] = "kind"
    model_config = ConfigDict(json_schema_extra=lambda schema: or_text(schema, "score"))
    kind: Literal["score"] = Field(description="Teacher-forced scoring.")
    continuations: Literal["gold", "first-gold", "spans", "choices", "context", "permuted"] = Field(
        default="gold",
        description="All distinct gold answers of an item, the first alone, one among all `spans` of the "
        "context that are as long (O4), or the item's `choices` (O5); where a prompt lists these, their letters. "
        "Or the `context` itself against counterfactuals of it, or a gold answer against `permuted` ones, those of "
        "other contexts (O6).",
    )
    lead: Literal["prompt", "own-words"] = Field(
        default="prompt",
        description="Spans follow the `prompt`, or the model's `own-words` up to where an answer appears in them (O1).",
    )
    context: Literal["given", "withheld", "swapped"] = Field(
        default="given",
        description="What stands as context in front of `permuted` answers: nothing (`withheld`), or that of another "
        "item, which holds none of the answers (`swapped`).",
    )
    counterfactuals: Count = Field(
        default=8,
        description="Counterfactual contexts of each `context`, or answers beside each `permuted` one.",
    )
    layers: Window | None = _LAYERS

    @model_validator(mode="after")
    def _lead_of_spans(self) -> Score:
        if self.lead == "own-words" and self.continuations != "spans":
            raise PydanticCustomError("lead", "`lead: own-words` goes with `continuations: spans` alone")
        return self

    @model_validator(mode="after")
    def _context_of_permuted(self) -> Score:
        if (self.context != "given") != (self.continuations == "permuted"):
            raise PydanticCustomError(
                "context",
                "`continuations: permuted` goes with `context: withheld` or `swapped`, and they with it alone",
            )
        return self


class Lens(Entry):
    """The logit lens: what each layer would say next, by script or language of the tokens."""

    called: ClassVar[str] = "a `lens` task"
    short: ClassVar[str | None] = "kind"
    model_config = ConfigDict(json_schema_extra=lambda schema: or_text(schema, "lens"))
    kind: Literal["lens"] = Field(description="The logit lens.")
    matrix: Literal["script", "langid", "langid-whole", "published"] = Field(
        default="script",
        description="Classes of tokens: by `script`, with pieces of characters apart; by the scores of `langid` as in "
        "the paper; or so, with pieces of characters and special tokens apart (`langid-whole`) (trap 12); or by the "
        "`published` map, one language a token, that the paper's published arrays were made with.",
    )
    map: FilePath | None = Field(
        default=None,
        description="Instead of a matrix: a JSON file, relative to this one, of token ids and languages.",
    )
    positions: Literal["prompt-end", "answer"] = Field(
        default="prompt-end",
        description="Where it looks: at the prompt's last token, or at the tokens of the first gold answer.",
    )
    form: Literal["logit", "tuned"] = Field(
        default="logit",
        description="The logit lens; or the `tuned` one, whose affine maps, one a layer, are learnt on `lens_texts`.",
    )
    layers: Window | None = _LAYERS


class Interchange(Entry):
    """What one direction of a layer carries from a tuned model into its base and back, of tuned rows (S5)."""

    called: ClassVar[str] = "an `interchange` task"
    kind: Literal["interchange"] = Field(
        description="An interchange of hidden states between tuned model and base."
    )
    interferer: Script = Field(
        description="The script that interferes, by its ISO 15924 code. Languages that are written in it are left out."
    )
    control: Script | None = Field(
        default=None, description="A script that does not, whose direction is swapped too."
    )

    @model_validator(mode="after")
    def _another(self) -> Interchange:
        if self.control == self.interferer:
            raise PydanticCustomError(
                "control", "`control` is a script that does not interfere: name another"
            )
        return self


def _task_tag(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", value)
    return f"<{kind}>" if kind in ("generate", "score", "lens", "interchange") else None


Task = Annotated[
    Annotated[Generate, Tag("<generate>")]
    | Annotated[Score, Tag("<score>")]
    | Annotated[Lens, Tag("<lens>")]
    | Annotated[Interchange, Tag("<interchange>")],
    Discriminator(
        _task_tag,
        **expected(
            "`generate`, `score`, `lens`, or a mapping with one of them or `interchange` as its `kind`",
            "generate",
            "score",
            "lens",
            "interchange",
            "kind",
        ),
    ),
]


def _number_or(word: str, tag: str) -> Callable[[Any], str | None]:
    """A tag function for a whole number (`tag`) or a word (`<word>`)."""
    return lambda value: tag if type(value) is int else f"<{word}>" if value == word else None


Checkpoint = Annotated[
    Annotated[Annotated[int, Field(ge=0)], Tag("<step>")] | Annotated[Literal["last"], Tag("<last>")],
    Discriminator(
        _number_or("last", "<step>"), **expected("an optimizer step (a whole number) or `last`", "last")
    ),
]
_LEAST_MEMORY = 256 << 20
Memory = Annotated[
    ByteSize,
    Field(ge=_LEAST_MEMORY),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": _LEAST_MEMORY}]}),
]
Slots = Annotated[
    Annotated[Count, Tag("<count>")] | Annotated[Literal["auto"], Tag("<auto>")],
    Discriminator(_number_or("auto", "<count>"), **expected("a whole number or `auto`", "auto")),
]


class Retention(Entry):
    """What the store keeps."""

    called: ClassVar[str] = "`retention`"
    adapters: Literal["all", "last", "none"] = Field(
        default="all", description="Adapters of all evaluated checkpoints, of the last step alone, or none."
    )


class Resources(Entry):
    """What the jobs may use. Nothing here changes what a result means."""

    called: ClassVar[str] = "`resources`"
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where the jobs compute.")
    executor: Literal["auto", "local", "docker", "podman", "slurm"] = Field(
        default="auto",
        description="What runs the jobs: this machine's own Python, containers, or a Slurm cluster (only if named).",
    )
    site: Name | None = Field(
        default=None,
        description="The cluster of the executor `slurm`, by the name of its file; else by this host's.",
    )
    image: str | None = Field(default=None, min_length=1, description="The image of containers, by name.")
    slots: Slots = Field(default="auto", description="Jobs at a time: GPUs, or shares of the CPU.")
    jobs_per_gpu: Slots = Field(
        default=1, description="Jobs at a time on one GPU; `auto` as many as its memory holds."
    )
    memory: Memory | None = Field(
        default=None,
        description="The most a container may use, `16GB` say; nine tenths of the machine if left out.",
    )
    threads: Count = Field(default=1, description="CPU threads of a job.")
    series: bool = Field(
        default=True,
        description="One job does several tunings and evaluations of one base, which it loads once.",
    )
    job_hours: Annotated[float, Field(gt=0)] = Field(
        default=4.0,
        description="The most hours of such a job, as estimated; less where slots would stand idle.",
    )
    batch_tokens: Count | None = Field(
        default=None, description="Tokens in a batch of `mode: fast`; as memory allows if left out."
    )


class TunedLens(Entry):
    """How the maps of a tuned lens are learnt, from `lens_texts`. Those of a base serve its tuned models too."""

    called: ClassVar[str] = "`tuned_lens`"
    steps: Count = Field(default=250, description="Optimizer steps.")
    tokens: Count = Field(default=4096, description="Tokens a step.")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        default=1e-3, description="The first learning rate; it falls to 0 in a line."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="Decides the order of texts.")


class Recipe(Entry):
    """What is asked: models x (base, tunings, adapters) x evaluation sets x prompts x tasks.

    As it stands in memory it is complete: parents merged, switches expanded, paths absolute.
    """

    called: ClassVar[str] = "a recipe"
    other_keys: ClassVar[tuple[str, ...]] = ("extends",)
    schema_version: Literal[1] = Field(alias="schema", description="Version of this format.")
    name: Name = Field(description="Name of the recipe, and of its runs.")
    title: str = Field(default="", description="What it answers, in a line.")
    needs: str = Field(default="", description="Hardware and time that it takes, in a line.")
    catalog: Many[FilePath] = Field(
        default=(), description="Catalog files of one's own, relative to this file."
    )
    fidelity: Fidelity = Field(
        default="sound",
        description="Group of the switches: as in the `paper`, or `sound` where the paper has traps.",
    )
    switches: Switches = Field(description="Single switches, over those of the group.")
    models: Some[Model] = Field(description="The base models.")
    adapters: Many[Adapter] = Field(default=(), description="Ready-made adapters, evaluated like tuned ones.")
    train: Many[Train] = Field(
        default=(), description="What to tune on: one tuning a language, model and seed."
    )
    evaluate: Many[Evaluate] = Field(default=(), description="What to evaluate on.")
    prompts: Some[Prompt] = Field(
        default=("qa",),
        description="Prompts of the evaluation, by their names in the catalog, or with solved examples before the "
        "question, or in the model's chat template: `{prompt: qa, shots: 3, chat: template}`.",
    )
    train_prompt: TrainPrompt = Field(
        default="qa",
        description="Prompt of the training texts, by its name in the catalog, or `{prompt: qa, chat: template}`.",
    )
    lora: LoraSettings = Field(default=LoraSettings(), description="Low-rank adaptation.")
    trainer: Trainer = Field(default=Trainer(), description="Optimisation.")
    sequence_limit: Count = Field(
        default=1024, description="Training texts are cut to so many tokens (trap 3)."
    )
    tasks: Some[Task] = Field(
        default=(Generate(kind="generate"), Score(kind="score")), description="What is done with every item."
    )
    lens_texts: Many[Evaluate] = Field(
        default=(),
        description="Sets whose items a tuned lens is learnt on (`lens` with `form: tuned`); none that is evaluated.",
    )
    tuned_lens: TunedLens = Field(default=TunedLens(), description="How a tuned lens is learnt.")
    answer_limit: Count = Field(default=100, description="The most new tokens of an answer.")
    sampling: Sampling = Field(default=Sampling(), description="How `decoding: sampled` draws.")
    seeds: Some[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        default=(42,), description="Seeds of the tunings."
    )
    replicates: Count = Field(default=1, description="Repetitions of every cell: two show the noise floor.")
    checkpoints: Some[Checkpoint] = Field(
        default=("last",),
        description="Optimizer steps to evaluate at, and `last`. The base (step 0) is always evaluated.",
    )
    retention: Retention = Field(default=Retention(), description="What the store keeps of the tunings.")
    resources: Resources = Field(default=Resources(), description="What the jobs may use.")

    @model_validator(mode="before")
    @classmethod
    def _expand_switches(cls, value: Any) -> Any:
        """Puts the single switches over their group's."""
        if not isinstance(value, dict) or not isinstance(single := value.get("switches", {}), dict):
            return value
        group = PAPER if value.get("fidelity") == "paper" else SOUND
        return {**value, "switches": {**group.model_dump(), **single}}
