"""What a job is asked to do: typed, closed, complete.

Everything is resolved on the host: prompts are texts, inputs are paths, switches have values. A field counts for the
key unless its metadata says `key: False`, and only where it differs from its default: a new field with a default
never invalidates what is stored; in turn the meaning of a default never changes (a better one is a new named value).

Models, adapters and data are named by content ids (`base-…`, `tune-…@60`, `data-…`); `JobSpec.inputs` says where each
of them lies for this job.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

SCHEMA = 2
"""Version of the files in a job folder. A reader refuses newer ones. 1 had no series."""

Dtype = Literal["float32", "bfloat16", "float16"]
Weights = Literal["float32", "bfloat16", "float16", "int8", "nf4"]
Kind = Literal["tune", "derive", "fit", "evaluate", "series", "pretrain"]
_NOT_IN_KEY: dict[str, Any] = {"key": False}


@dataclass(frozen=True)
class Prompt:
    """How an example becomes a prompt.

    `template` holds `{context}` and `{question}`, and `{choices}` where it lists an item's choices under letters; the
    answer follows after `joint`. `start_token` says whether the text begins with the tokenizer's start-of-text token:
    `tokenizer` leaves it to the tokenizer's own habit (none for BLOOM), `written` puts the token in front in addition
    to that habit, `none` suppresses both.

    `shots` is the content id of a slice whose examples stand, solved, before every item, in its order and each of them
    as `shot` has it, which holds `{answer}` beside these fields; empty: there are none.

    `chat`: the whole is the turn of a user in the model's own chat template, which writes start tokens and the joint
    itself and ends answers with its own token: always (`template`, and a model without one is refused), or where the
    model has one (`own`).
    """

    template: str
    joint: str = " "
    start_token: Literal["tokenizer", "written", "none"] = "tokenizer"
    shots: str = ""
    shot: str = ""
    chat: Literal["plain", "template", "own"] = "plain"

    @property
    def lists(self) -> bool:
        """Whether it lists the choices of an item, so that the answer to it is a letter."""
        return "{choices}" in self.template


@dataclass(frozen=True)
class GenerateTask:
    """Decoding. `end`: until the end token (the paper); `newline`: until the first line of the answer is complete.

    `newline` means a newline after the first visible character, so that the answer (strip, first line) is the same
    under both rules. `temperature` 0 is greedy. `stream` names the random stream under sampling: one a `cell` in file
    order (the paper), or one an `item`.
    """

    kind: Literal["generate"] = "generate"
    stop: Literal["end", "newline"] = "newline"
    limit: int = 100
    temperature: float = 0.0
    top_k: int = 50
    top_p: float = 0.95
    stream: Literal["cell", "item"] = "cell"


@dataclass(frozen=True)
class ScoreTask:
    """Teacher-forced log-likelihoods of every token of the given continuations, and of what may follow them.

    `gold` takes all distinct gold answers of an item, `first-gold` the first alone, `spans` one that stands in the
    context and all spans of the context that have as many tokens, among which it is ranked. Spans follow the prompt,
    or (`lead`) the model's own greedy words, at most `limit` tokens, up to where a gold answer or one of another
    question on the context appears in them. `choices` takes those of an item, in their order; where the prompt lists
    them, their letters.

    Two others ask what the model has seen (`kit.job.counterfactual` has the rules). `context`: the text of the context,
    against so many `counterfactuals` of it. `permuted`: the gold answer against so many gold answers of other contexts,
    the context being `withheld`, or `swapped` for that of another item.
    """

    kind: Literal["score"] = "score"
    continuations: Literal["gold", "first-gold", "spans", "choices", "context", "permuted"] = "gold"
    lead: Literal["prompt", "own-words"] = "prompt"
    limit: int = 100
    context: Literal["given", "withheld", "swapped"] = "given"
    counterfactuals: int = 8


@dataclass(frozen=True)
class LensTask:
    """The logit lens: what each layer's hidden state, taken for the last one's, would say next, by class of tokens.

    `matrix` maps tokens to classes: by `script`, by `langid`'s scores over 97 languages, or by a hard map of tokens,
    named by its content id (`map-…`). `positions`: the last token of the prompt, or the tokens of the first gold answer
    (a mean over them). `translators` are those of a tuned lens (`fit-…@250`), which hidden states go through first;
    empty: the logit lens.
    """

    kind: Literal["lens"] = "lens"
    matrix: str = "script"
    positions: Literal["prompt-end", "answer"] = "prompt-end"
    translators: str = ""


@dataclass(frozen=True)
class InterchangeTask:
    """What one direction of a layer carries from a tuned model into its base and back, at the prompt's last token.

    The direction is that along which the base would say less in the script `interferer` and more in those of `target`;
    `control` is a script that does not interfere, or empty. Scripts are ISO 15924 codes.
    """

    kind: Literal["interchange"] = "interchange"
    interferer: str = ""
    target: tuple[str, ...] = ()
    control: str = ""


Task = GenerateTask | ScoreTask | LensTask | InterchangeTask


def is_map(matrix: str) -> bool:
    """Whether the matrix of a lens is a map's content id, and so an input of the job."""
    return matrix.startswith("map-")


@dataclass(frozen=True)
class CellSpec:
    """One (subject x interventions x data x prompt x task): the unit that has a key, is cached and compared."""

    base: str
    data: str
    prompt: Prompt
    task: Task
    adapters: tuple[str, ...] = ()
    interventions: tuple[str, ...] = ()
    dtype: Dtype = "float32"
    mode: Literal["exact", "fast"] = "fast"
    seed: int = 0
    replicate: int = 0
    version: int = 1
    label: str = field(default="", metadata=_NOT_IN_KEY)

    @property
    def learnt(self) -> tuple[str, ...]:
        """All that was learnt for it beside its base: the adapters, and the translators of a tuned lens."""
        translators = self.task.translators if isinstance(self.task, LensTask) else ""
        return (*self.adapters, translators) if translators else self.adapters


@dataclass(frozen=True)
class Lora:
    """Low-rank adaptation as peft understands it. `targets` empty means peft's default for the architecture."""

    r: int = 64
    alpha: int = 16
    dropout: float = 0.1
    bias: Literal["none", "all", "lora_only"] = "none"
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainerSettings:
    """Optimisation. `batch` examples x `accumulation` micro-batches make one optimizer step.

    `accumulate`: `carried` lets accumulation run on across epochs and stops after ⌊batches an epoch / accumulation⌋ x
    epochs steps (the paper's trainer: 60 for 103 examples), `per-epoch` closes each epoch with a smaller step (70).
    `loss_mean`: over the `batch` and then over the micro-batches (the paper's trainer), or over all `tokens` of a step.
    `length_groups`: batches of like length, drawn anew each epoch. `steps` overrules the count that epochs give.
    """

    epochs: int = 10
    batch: int = 4
    accumulation: int = 4
    learning_rate: float = 2e-4
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    max_grad_norm: float = 0.3
    optimizer: Literal["adamw", "paged-adamw"] = "adamw"
    accumulate: Literal["carried", "per-epoch"] = "carried"
    loss_mean: Literal["batch", "tokens"] = "batch"
    length_groups: bool = True
    gradient_checkpointing: bool = False
    steps: int | None = None


@dataclass(frozen=True)
class TuneSpec:
    """One tuning ("response alignment"): a base, perhaps a parent adapter, 103 examples, the protocol's switches.

    `end_token`: `masked` keeps the end-of-text token out of the loss, `learnt` keeps it in. `loss_on`: the whole
    sequence or the answer alone. `truncation` at `sequence_limit` tokens: `right` may cut question and answer off,
    `context` shortens the context so that they survive. `weights` are those of the frozen base: all of one type, or
    the linear layers quantised to 8 or 4 bits by bitsandbytes (CUDA only) and the rest in bfloat16.
    """

    base: str
    data: str
    prompt: Prompt
    lora: Lora = Lora()
    trainer: TrainerSettings = TrainerSettings()
    parents: tuple[str, ...] = ()
    end_token: Literal["masked", "learnt"] = "masked"
    loss_on: Literal["all", "answer"] = "all"
    sequence_limit: int = 1024
    truncation: Literal["right", "context"] = "right"
    weights: Weights = "float32"
    autocast: Literal["none", "bfloat16", "float16"] = "none"
    seed: int = 42
    replicate: int = 0
    version: int = 1
    save_steps: tuple[int, ...] = field(default=(), metadata=_NOT_IN_KEY)
    label: str = field(default="", metadata=_NOT_IN_KEY)


@dataclass(frozen=True)
class DeriveSpec:
    """An adapter's double in random directions: of each of its modules the update has the same singular values (so the
    same norms, Frobenius and all others of that kind) and random singular vectors, which `seed` and `adapter` decide.

    `base` is that of the adapter, whose id stands for it in the key.
    """

    adapter: str
    seed: int = 0
    version: int = 1
    base: str = field(default="", metadata=_NOT_IN_KEY)
    label: str = field(default="", metadata=_NOT_IN_KEY)

    @property
    def save_steps(self) -> tuple[int, ...]:
        """The one step under which it is kept: that of the adapter."""
        return (int(self.adapter.rpartition("@")[2]),)


@dataclass(frozen=True)
class FitSpec:
    """A tuned lens of a base: for each layer but the last an affine map of its hidden states, so that norm and head say
    what the model itself goes on to say (Belrose et al. 2023, arXiv 2303.08112).

    `data` are slices, whose items become texts by `prompt`, with the first gold answer behind it. `steps` optimizer
    steps see `tokens` tokens each. `dtype` is that of the base; the maps are learnt in float32.
    """

    base: str
    data: tuple[str, ...]
    prompt: Prompt
    steps: int = 250
    tokens: int = 4096
    learning_rate: float = 1e-3
    dtype: Dtype = "float32"
    seed: int = 0
    version: int = 1
    label: str = field(default="", metadata=_NOT_IN_KEY)

    @property
    def save_steps(self) -> tuple[int, ...]:
        """The one step under which the maps are kept: the last."""
        return (self.steps,)


AdapterSpec = TuneSpec | DeriveSpec | FitSpec
"""What makes adapters, and translators, which are kept as adapters are."""


@dataclass(frozen=True)
class EvaluateSpec:
    """A batch of cells on one base, loaded once."""

    base: str
    cells: tuple[CellSpec, ...]


@dataclass(frozen=True)
class Piece:
    """A tuning or evaluation within a series: what would be a job, with the keys that the job would have.

    `share` is its estimated part of the series' time (0 to 1), so that progress can be told.
    """

    name: str
    work: TuneSpec | DeriveSpec | EvaluateSpec
    keys: tuple[str, ...]
    share: float = 0.0

    @property
    def kind(self) -> Kind:
        """The kind of work."""
        return kind_of(self.work)


@dataclass(frozen=True)
class SeriesSpec:
    """Tunings and evaluations of one base, one after the other in one process, so that the base is loaded once.

    A piece may use adapters that one before it has made; `JobSpec.inputs` does not name those.
    """

    base: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class PretrainSpec:
    """Pre-training of a small base from a text file; `settings` are those of `kit.job.pretrain.PretrainSettings`.

    `start` is the base whose weights and tokenizer it goes on from; empty: from nothing.
    """

    data: str
    settings: dict[str, Any]
    seed: int = 0
    version: int = 1
    start: str = ""
    label: str = field(default="", metadata=_NOT_IN_KEY)


def kind_of(work: AdapterSpec | EvaluateSpec | SeriesSpec | PretrainSpec) -> Kind:
    """The kind of a job's work, in a word."""
    kinds: dict[type, Kind] = {
        TuneSpec: "tune",
        DeriveSpec: "derive",
        FitSpec: "fit",
        EvaluateSpec: "evaluate",
        SeriesSpec: "series",
        PretrainSpec: "pretrain",
    }
    return kinds[type(work)]


@dataclass(frozen=True)
class JobSpec:
    """`job.json`. `keys` are the keys of the cells, in their order, or the one key of a tuning or pre-training; those
    of a series are its pieces' keys, in their order.
    """

    name: str
    work: TuneSpec | DeriveSpec | FitSpec | EvaluateSpec | SeriesSpec | PretrainSpec
    keys: tuple[str, ...]
    inputs: dict[str, str]
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 1
    batch_tokens: int | None = None
    schema: int = SCHEMA

    @property
    def kind(self) -> Kind:
        """The kind of work, as in `python -m kit.job`."""
        return kind_of(self.work)
