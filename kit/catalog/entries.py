"""What catalog files may say of languages, prompts and models: one closed type for each kind of entry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from kit.jobdir import Prompt


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$", max_length=100)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_tuple)]
Commit = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Repository = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*$")]
Count = Annotated[int, Field(gt=0)]


class Part(BaseModel):
    """Base of all that stands in a catalog file: typed strictly, closed, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Entry(Part):
    """Base of what has a name of its own: the key under which it stands."""

    title: str = ""
    source: str = ""
    note: str = ""
    _name: str = PrivateAttr("")
    _file: Path = PrivateAttr(Path())

    @property
    def name(self) -> str:
        """The entry's name in the catalog."""
        return self._name

    @property
    def file_of_entry(self) -> Path:
        """The catalog file that holds the entry; its relative paths start there."""
        return self._file

    def place(self, name: str, file: Path) -> None:
        """Say where the entry stands; called once, when its file is read."""
        self._name, self._file = name, file


class BloomShare(Part):
    """A language's part in ROOTS, BLOOM's pre-training corpus: bytes of text, their share (0 to 1) of all.

    `class` is `high` from 1 %, `medium` from 0.1 %, `low` below, `none` where ROOTS does not name the
    language.
    """

    level: Literal["high", "medium", "low", "none"] = Field(alias="class")
    bytes: Annotated[int, Field(ge=0)]
    share: Annotated[float, Field(ge=0, le=1)]


class Language(Entry):
    """A language: its name is a short code, `title` its English name, `script` an ISO 15924 code.

    `aliases` are other codes for it (ISO 639-3, FLORES); `groups` are sets that tables can average over.
    """

    title: Text
    aliases: Names = ()
    script: Annotated[str, Field(pattern=r"^[A-Z][a-z]{3}$")]
    family: Text
    groups: Names = ()
    bloom: BloomShare | None = None


class PromptEntry(Entry):
    """A prompt: `template` holds `{context}` and `{question}`; the answer follows after `joint`.

    `shot` is how a solved example stands before it, with `{answer}` too; left out, it is the template with its answer
    and an empty line. `translation` is the question with which tuning on pairs asks for a translation from `{source}`
    to `{target}`, two languages by their English names; a prompt without it is no prompt for that.
    """

    template: Text
    joint: str = " "
    shot: Text | None = None
    translation: Text | None = None

    @model_validator(mode="after")
    def _holds_all(self) -> PromptEntry:
        for part in ("{context}", "{question}"):
            if part not in self.template:
                raise ValueError(f"the template must hold {part}")
        for part in ("{source}", "{target}"):
            if self.translation is not None and part not in self.translation:
                raise ValueError(f"the question for a translation must hold {part}")
        for part in ("{context}", "{question}", "{answer}"):
            if self.shot is not None and part not in self.shot:
                raise ValueError(f"the shot must hold {part}")
        return self

    @property
    def solved(self) -> str:
        """How a solved example stands before the prompt."""
        return self.shot or f"{self.template}{self.joint}{{answer}}\n\n"

    @property
    def prompt(self) -> Prompt:
        """The prompt as a job takes it; the start token is left to the tokenizer's own habit."""
        return Prompt(self.template, self.joint)


class Targets(Part):
    """Modules that LoRA adapts: those of the paper's scripts, and `qkv` alone. Empty means peft's default."""

    scripts: Names
    qkv: Names


class Family(Entry):
    """Models of one make: they share an architecture, LoRA targets, and what their training has seen."""

    architecture: Name
    targets: Targets


class ModelEntry(Entry):
    """A base model: on the hub (`hub`, `revision`), or in a folder (`path`, relative to the catalog file).

    `revision` is a commit; None means that the newest one is resolved at the first fetch and recorded in the
    manifest. `unsupported` says why the kit does not run the model.
    """

    hub: Repository | None = None
    revision: Commit | None = None
    path: Text | None = None
    family: Name
    parameters: Count | None = None
    layers: Count | None = None
    hidden: Count | None = None
    vocabulary: Count | None = None
    licence: str = ""
    gated: bool = False
    unsupported: str = ""
    _targets: Targets = PrivateAttr(Targets(scripts=(), qkv=()))

    @model_validator(mode="after")
    def _one_source(self) -> ModelEntry:
        if (self.hub is None) == (self.path is None):
            raise ValueError("say where the model lies: either `hub` or `path`")
        if self.path is not None and self.revision is not None:
            raise ValueError("a model with a `path` has no `revision`")
        return self

    @property
    def targets(self) -> Targets:
        """The LoRA targets of its family."""
        return self._targets

    @property
    def folder(self) -> Path | None:
        """The folder of a model with a `path`."""
        return None if self.path is None else self._file.parent / self.path

    def join(self, family: Family) -> None:
        """Take over what the family lends; called once, when all catalog files are read."""
        self._targets = family.targets
