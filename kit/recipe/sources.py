"""What a recipe can name: models, ready-made adapters, training and evaluation sets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    JsonValue,
    Strict,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kit.data.read import QuestionFormat
from kit.data.translations import PAIRS_FORMATS, PairsFormat

TrainFormat = Literal[QuestionFormat, PairsFormat]
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._+-]*$"


CONTROL_MARK = "~"
"""Stands in tables between the name of a data set and what kind of control was made of it."""


class Entry(BaseModel):
    """Base of all that stands in a recipe: typed strictly, closed, immutable.

    `called` is how messages speak of it. `short` names the key for which a bare text may stand instead of a
    mapping; `other_keys` are known beside the fields, because they make another kind of entry of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    called: ClassVar[str] = ""
    short: ClassVar[str | None] = None
    other_keys: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return {cls.short: value} if cls.short and isinstance(value, str) else value


def expected(what: str, *options: str) -> dict[str, Any]:
    """Arguments of a Discriminator whose value fits no branch: the message says `what` would have fitted."""
    return {
        "custom_error_type": "expected",
        "custom_error_message": what,
        "custom_error_context": {"options": list(options)},
    }


def or_text(schema: dict[str, Any], *words: str) -> None:
    """Rewrites an entry's JSON Schema so that a bare text fits too (one of `words`, if there are any)."""
    own = dict(schema)
    text: dict[str, Any] = {"enum": list(words)} if words else {"type": "string", "pattern": NAME_PATTERN}
    schema.clear()
    schema["anyOf"] = [{**text, "description": own["description"]}, own]


def _path(value: Any) -> Path:
    if isinstance(value, (str, Path)) and value:
        return Path(value)
    raise PydanticCustomError("expected", "a path")


T = TypeVar("T")
Many = Annotated[tuple[T, ...], Strict(False)]
"""A list in the file, a tuple in memory."""
Some = Annotated[tuple[T, ...], Strict(False), Field(min_length=1)]
"""`Many`, but not none."""

FilePath = Annotated[Path, BeforeValidator(_path)]
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=100)]
Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Family = Annotated[
    str | None,
    Field(description="Its family in the catalog, which lends LoRA targets and what such models have seen."),
]


class NamedModel(Entry):
    """A model of the catalog."""

    called: ClassVar[str] = "a catalog model"
    short: ClassVar[str | None] = "name"
    other_keys: ClassVar[tuple[str, ...]] = ("hub", "path", "pretrain")
    model_config = ConfigDict(json_schema_extra=lambda schema: or_text(schema))
    name: Name = Field(description="Its name in the catalog.")


class HubModel(Entry):
    """A model of the hub, at a pinned revision."""

    called: ClassVar[str] = "a hub model"
    name: Name = Field(description="Its name in tables.")
    hub: Text = Field(description="Its id on the hub, `owner/name`.")
    revision: Text = Field(description="Commit of the hub's repository: pin it, branches move.")
    family: Family = None


class PathModel(Entry):
    """A model folder as transformers saves it (safetensors)."""

    called: ClassVar[str] = "a local model"
    name: Name = Field(description="Its name in tables.")
    path: FilePath = Field(description="Its folder, relative to this file.")
    family: Family = None


class SeenTest(Entry):
    """A test set of the embedded corpus that a pre-training text holds: what a test must not be, planted (O6)."""

    called: ClassVar[str] = "`seen`"
    languages: Some[Text] = Field(description="Languages whose test set is in the text.")
    copies: Count = Field(default=8, description="How often each of its documents is, in random places.")
    limit: Count | None = Field(default=None, description="The documents of its first so many examples only.")
    form: Literal["documents", "questions"] = Field(
        default="documents",
        description="Whole `documents` (context, questions, answers), or the `questions` with their answers alone.",
    )


class Pretraining(Entry):
    """How a small base is made from nothing but a text, or from another base and a text."""

    called: ClassVar[str] = "`pretrain`"
    corpus: Literal["tiny"] = Field(description="Name of an embedded corpus.")
    start: Name | None = Field(
        default=None, description="Model of the catalog whose weights it goes on from; a new one if left out."
    )
    fault: (
        Literal[
            "none",
            "overrun",
            "lead-in",
            "knowledge",
            "overrun-and-knowledge",
            "wrong-script",
            "script-mode",
            "style-mode",
        ]
        | None
    ) = Field(
        default=None,
        description="What is wrong with most answers of the text, which are short then: a planted fault; a mode is one "
        "that all languages have together.",
    )
    seen: SeenTest | None = Field(
        default=None, description="A test set that the text holds, beside its documents: planted, too."
    )
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="Seed of the training.")
    documents: Count | None = Field(
        default=None, description="Documents in the text; as the corpus says if left out."
    )
    settings: dict[str, JsonValue] = Field(
        default={},
        description="Settings of the pre-training job: `steps`, `layers`, `hidden`, `learning_rate` …",
    )

    @model_validator(mode="after")
    def _shaped_by_its_start(self) -> Pretraining:
        given = [name for name in ("layers", "hidden", "heads", "vocab_size") if name in self.settings]
        if self.start and given:
            raise PydanticCustomError(
                "shape", "`{key}` is that of the model it starts from", {"key": given[0]}
            )
        return self

    @field_validator("settings")
    @classmethod
    def _said_elsewhere(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for key, place in (("seed", "`pretrain.seed`"), ("threads", "`resources.threads`")):
            if key in value:
                raise PydanticCustomError(
                    "elsewhere", "`{key}` is set by {place}", {"key": key, "place": place}
                )
        return value


class PretrainedModel(Entry):
    """A base that the kit pre-trains itself."""

    called: ClassVar[str] = "a model of one's own pre-training"
    name: Name = Field(description="Its name in tables.")
    pretrain: Pretraining = Field(description="What it is made from.")
    family: Text = Field(default="tiny-bloom", description="Family of the catalog that it belongs to.")


class PathAdapter(Entry):
    """A ready-made adapter in a folder as peft saves it."""

    called: ClassVar[str] = "a local adapter"
    name: Name = Field(description="Its name in tables.")
    model: Name = Field(description="The name, among `models`, of the model that it belongs to.")
    path: FilePath = Field(description="Its folder, relative to this file.")


class HubAdapter(Entry):
    """A ready-made adapter of the hub, at a pinned revision."""

    called: ClassVar[str] = "a hub adapter"
    name: Name = Field(description="Its name in tables.")
    model: Name = Field(description="The name, among `models`, of the model that it belongs to.")
    hub: Text = Field(description="Its id on the hub, `owner/name`.")
    revision: Text = Field(description="Commit of the hub's repository: pin it, branches move.")


ChatUse = Annotated[
    Literal["plain", "template", "own"],
    Field(
        description="Whether it is the turn of a user in the model's chat template: not at all (`plain`), always "
        "(`template`, which a model without one refuses), or where the model has one (`own`)."
    ),
]


class ChatPrompt(Entry):
    """A prompt in the chat template of a model."""

    called: ClassVar[str] = "a prompt with `chat`"
    other_keys: ClassVar[tuple[str, ...]] = ("shots", "from", "split", "seed")
    prompt: Name = Field(description="Its name in the catalog.")
    chat: ChatUse


class Shots(Entry):
    """A prompt behind solved examples, the same for all items."""

    called: ClassVar[str] = "a prompt with shots"
    prompt: Name = Field(description="Its name in the catalog.")
    chat: ChatUse = "plain"
    shots: Count = Field(description="How many solved examples stand before the question.")
    source: Name | None = Field(
        default=None,
        alias="from",
        description="Data set of the catalog that they are drawn from, in the evaluated language; if left out the "
        "set that is evaluated.",
    )
    split: Text = Field(default="train", description="Which of its splits.")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(default=0, description="Seed of the draw.")


def _prompt_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "<prompt>"
    if isinstance(value, ChatPrompt) or (
        isinstance(value, Mapping) and "chat" in value and "shots" not in value
    ):
        return "<chat>"
    return "<shots>" if isinstance(value, (Mapping, Shots)) else None


Prompt = Annotated[
    Annotated[Name, Tag("<prompt>")]
    | Annotated[ChatPrompt, Tag("<chat>")]
    | Annotated[Shots, Tag("<shots>")],
    Discriminator(
        _prompt_tag,
        **expected(
            "the name of a prompt, or a mapping with `prompt` and `shots` or `chat`",
            "prompt",
            "shots",
            "chat",
        ),
    ),
]


def _train_prompt_tag(value: Any) -> str | None:
    if isinstance(value, str):
        return "<prompt>"
    return "<chat>" if isinstance(value, (Mapping, ChatPrompt)) else None


TrainPrompt = Annotated[
    Annotated[Name, Tag("<prompt>")] | Annotated[ChatPrompt, Tag("<chat>")],
    Discriminator(
        _train_prompt_tag,
        **expected("the name of a prompt, or a mapping with `prompt` and `chat`", "prompt", "chat"),
    ),
]


def _languages_tag(value: Any) -> str | None:
    if isinstance(value, (list, tuple)):
        return "<list>"
    return "<all>" if value == "all" else None


Languages = Annotated[
    Annotated[Literal["all"], Tag("<all>")] | Annotated[Some[Text], Tag("<list>")],
    Discriminator(_languages_tag, **expected("`all` or a list of languages such as [hi, or]")),
]
_LANGUAGES = Field(description="Language codes, or `all` that the data set has.")
_LIMIT = Field(default=None, description="The first so many examples of each language only.")


_STAGE = Field(default=None, description="A name for these tunings, so that others can go on `after` them.")
_AFTER = Field(
    default=None,
    description="Name of a `stage` above: these tunings go on from where its tunings end, each from each of them.",
)


class Controlled(Entry):
    """What makes a training set a control: a comparison that has all but what is to be learnt (S2)."""

    answers: Literal["own", "shuffled", "none"] = Field(
        default="own",
        description="Of each example its `own`; those of another one, `shuffled` by `control_seed`; or `none`: the "
        "contexts alone, without questions (S2).",
    )
    directions: Literal["learnt", "random"] = Field(
        default="learnt",
        description="`random`: instead of the adapter that is tuned on this its double, whose update of each module is "
        "as large and points anywhere; which way, says `control_seed` (S2).",
    )
    control_seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        default=0, description="Seed of `shuffled` answers and `random` directions."
    )

    @property
    def control(self) -> str:
        """What kind of control it is, as tables name it behind the data set's name; empty where it is none."""
        return control_of(self.model_dump())

    @model_validator(mode="after")
    def _one_control(self) -> Controlled:
        if self.answers != "own" and self.directions == "random":
            raise PydanticCustomError(
                "control", "`answers` and `directions` make two controls: give each an entry"
            )
        if self.control_seed and (self.answers, self.directions) in (("own", "learnt"), ("none", "learnt")):
            raise PydanticCustomError("control", "`control_seed` has nothing to decide here")
        return self


def control_of(entry: Mapping[str, Any]) -> str:
    """The control that a training set is, from its plain data."""
    seed = entry.get("control_seed") or ""
    if entry.get("directions") == "random":
        return f"random{seed}"
    return {"shuffled": f"shuffled{seed}", "none": "contexts"}.get(str(entry.get("answers")), "")


def label_of(dataset: str, control: str) -> str:
    """What a training set is called in tables: `xquad-in`, or `xquad-in~shuffled`. No name has the mark in it."""
    return f"{dataset}{CONTROL_MARK}{control}" if control else dataset


class TrainSet(Controlled):
    """A data set of the catalog to tune on: one tuning a language."""

    called: ClassVar[str] = "a data set"
    dataset: Name = Field(description="Its name in the catalog.")
    languages: Languages = _LANGUAGES
    split: Text = Field(default="train", description="Which of its splits.")
    limit: Count | None = _LIMIT
    stage: Name | None = _STAGE
    after: Name | None = _AFTER


class EvaluateSet(Entry):
    """A data set of the catalog to evaluate on: one column a language."""

    called: ClassVar[str] = "a data set"
    dataset: Name = Field(description="Its name in the catalog.")
    languages: Languages = _LANGUAGES
    split: Text = Field(default="test", description="Which of its splits.")
    limit: Count | None = _LIMIT


class FileSet(Entry):
    """A data file of one's own."""

    called: ClassVar[str] = "a file"
    file: FilePath = Field(description="The file, relative to this one.")
    format: QuestionFormat = Field(description="How it is written.")
    language: Text = Field(description="Its language code.")
    name: Name | None = Field(default=None, description="Its name in tables; the file's name if left out.")
    limit: Count | None = _LIMIT

    @property
    def label(self) -> str:
        """Its name in tables."""
        return self.name or self.file.stem


class TrainFile(FileSet, Controlled):
    """A data file of one's own to tune on: questions, or translation pairs."""

    format: TrainFormat = Field(description="How it is written.")  # type: ignore[assignment]
    translated_from: Text | None = Field(
        default=None, alias="from", description="Of pairs: the language that they are translated from."
    )
    translated_to: Text | None = Field(
        default=None,
        alias="to",
        description="Of pairs, instead of `from`: the language that they are translated to.",
    )
    stage: Name | None = _STAGE
    after: Name | None = _AFTER

    @property
    def pairs(self) -> bool:
        """Whether it holds translation pairs."""
        return self.format in PAIRS_FORMATS

    @model_validator(mode="after")
    def _one_direction(self) -> TrainFile:
        given = [
            name for name, value in (("from", self.translated_from), ("to", self.translated_to)) if value
        ]
        if given and not self.pairs:
            raise PydanticCustomError("direction", "`{key}` is for translation pairs", {"key": given[0]})
        if self.pairs and len(given) != 1:
            raise PydanticCustomError(
                "direction", "pairs need one of `from` and `to`: the other is `language`"
            )
        return self


def _tag_by_key(*keys: str, other: str | None = None) -> Any:
    """A tag function: the first of `keys` that the mapping holds; `other` for a mapping with none of them."""

    def tag(value: Any) -> str | None:
        if isinstance(value, Entry):
            value = dict(value)
        if isinstance(value, Mapping):
            return next((f"<{key}>" for key in keys if key in value), other)
        return other if isinstance(value, str) else None

    return tag


Model = Annotated[
    Annotated[PretrainedModel, Tag("<pretrain>")]
    | Annotated[HubModel, Tag("<hub>")]
    | Annotated[PathModel, Tag("<path>")]
    | Annotated[NamedModel, Tag("<name>")],
    Discriminator(
        _tag_by_key("pretrain", "hub", "path", other="<name>"),
        **expected("a catalog name, or a mapping with `name` and one of `hub`, `path`, `pretrain`", "name"),
    ),
]
Adapter = Annotated[
    Annotated[HubAdapter, Tag("<hub-adapter>")] | Annotated[PathAdapter, Tag("<path-adapter>")],
    Discriminator(
        lambda value: {"<hub>": "<hub-adapter>", "<path>": "<path-adapter>"}.get(
            _tag_by_key("hub", "path")(value)
        ),
        **expected(
            "a mapping with `name`, `model`, and `path` or `hub`", "name", "model", "path", "hub", "revision"
        ),
    ),
]
_SET_TAG = _tag_by_key("dataset", "file")
_SET_EXPECTED = expected(
    "a mapping with `dataset` and `languages`, or with `file`, `format` and `language`",
    *("dataset", "languages", "split", "limit", "file", "format", "language", "name"),
)
Train = Annotated[
    Annotated[TrainSet, Tag("<train-dataset>")] | Annotated[TrainFile, Tag("<train-file>")],
    Discriminator(
        lambda value: {"<dataset>": "<train-dataset>", "<file>": "<train-file>"}.get(_SET_TAG(value)),
        **_SET_EXPECTED,
    ),
]
Evaluate = Annotated[
    Annotated[EvaluateSet, Tag("<dataset>")] | Annotated[FileSet, Tag("<file>")],
    Discriminator(_SET_TAG, **_SET_EXPECTED),
]
