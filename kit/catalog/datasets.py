"""What catalog files may say of data sets: where their files lie, how they are read, who has seen them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from kit.catalog.entries import Commit, Entry, Name, Names, Part, Repository, Text
from kit.corpus import SIZES, load_templates
from kit.data.translations import PAIRS_FORMATS

DataFormat = Literal[
    "squad", "xquad-in", "tydiqa", "jsonl", "belebele", "corpus", "corpus-choices",
    "pairs", "pairs-jsonl", "pairs-tsv", "lines", "probe", "plugin",
]  # fmt: skip
"""`corpus` is the embedded one, made on the spot, with choices in `corpus-choices`; `pairs` and its like are
translations, `lines` texts, `probe` a probe's arrays with the map of their axis, all others questions; `plugin` are
those that the `reader` of another package reads.
"""

_EVERY = ""  # in `files`: the path holds for every language of `languages`


@dataclass(frozen=True)
class DataFile:
    """One file of a data set. `name` is its path within its source.

    A published file has a `url` and a place in mirrors (`mirror_path`, which is also its place in the cache);
    one's own lies at `local`. `sha256` is None where it is recorded at the first fetch.
    """

    name: str
    sha256: str | None
    url: str | None = None
    mirror_path: str | None = None
    local: Path | None = None


class Seen(Part):
    """What models of a family had of a data set in their own training.

    `how` is `verbatim` (these very texts) or `related` (the same items in another language, or another split
    of the set). Empty `languages` or `splits` mean all. Where nothing is said, nothing is known.
    """

    how: Literal["verbatim", "related"]
    languages: Names = ()
    splits: Names = ()
    note: Text

    def covers(self, names: Collection[str], split: str) -> bool:
        """Whether this holds for a language (all codes for it) and a split."""
        written = not self.languages or any(name in names for name in self.languages)
        return written and split in (self.splits or (split,))


def _files(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {split: {_EVERY: files} if isinstance(files, str) else files for split, files in value.items()}


def _seen(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {family: tuple(notes) if isinstance(notes, list) else notes for family, notes in value.items()}


class DatasetEntry(Entry):
    """A data set: its files lie in a repository (`github`, `revision`), under a `url`, or in a `path`.

    `files` maps a split to a path within that place, in which `{language}` stands for the code of each of
    `languages`; or to a mapping of languages to paths. `answerable_only` drops questions without an answer.
    `canary` is the mark by which leaked copies of the data are found. Translation pairs say the language that they are
    translated `from`, or `to`; the other one is each of `languages`.
    """

    format: DataFormat
    reader: Name | None = None
    licence: str = ""
    canary: str | None = None
    github: Repository | None = None
    revision: Commit | None = None
    url: Annotated[str, Field(pattern=r"^https?://[^\s?#/]+(/[^\s?#]*)?$")] | None = None
    path: Text | None = None
    codes: Names = Field(default=(), alias="languages")
    files: Annotated[dict[Name, dict[str, Text]], BeforeValidator(_files)] = Field(default={})
    answerable_only: bool = False
    translated_from: Name | None = Field(default=None, alias="from")
    translated_to: Name | None = Field(default=None, alias="to")
    seen_by: Annotated[dict[Name, tuple[Seen, ...]], BeforeValidator(_seen)] = Field(default={})
    _checksums: Mapping[str, str] = PrivateAttr(default_factory=dict)
    _short: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> DatasetEntry:
        places = [key for key in ("github", "url", "path") if getattr(self, key) is not None]
        if self.embedded:
            if places or self.files or self.codes:
                raise ValueError("the embedded corpus has languages, splits and a place of its own")
            return self
        if (self.format == "plugin") != (self.reader is not None):
            raise ValueError("`format: plugin` and `reader` go together")
        directions = [language for language in (self.translated_from, self.translated_to) if language]
        if directions and not self.pairs:
            raise ValueError("`from` and `to` are for translation pairs")
        if len(directions) > 1:
            raise ValueError("give one of `from` and `to`: the other language is each of `languages`")
        if len(places) != 1:
            raise ValueError("say where the files lie: one of `github` (with `revision`), `url`, `path`")
        if (self.github is None) != (self.revision is None):
            raise ValueError("`github` and `revision` go together")
        if not self.files or not all(self.files.values()):
            raise ValueError("`files` must name at least one split, and a file for it")
        if any(_EVERY in files for files in self.files.values()) and not self.codes:
            raise ValueError("list the `languages` for which the files hold")
        if self.path is None:
            self._stay_inside()
        return self

    def _stay_inside(self) -> None:
        for files in self.files.values():
            for name in files.values():
                if ".." in PurePosixPath(name).parts or name.startswith("/") or "\\" in name:
                    raise ValueError(f"{name!r} leads out of the place where the files lie")

    @property
    def questions(self) -> bool:
        """Whether the set holds questions with contexts and answers, and so gives examples."""
        return self.format not in (*PAIRS_FORMATS, "lines", "probe")

    @property
    def pairs(self) -> bool:
        """Whether the set holds translation pairs."""
        return self.format in PAIRS_FORMATS

    @property
    def embedded(self) -> bool:
        """Whether the set is made on the spot and has no files."""
        return self.format in ("corpus", "corpus-choices")

    @property
    def base(self) -> str:
        """The place of the files, as checksums and mirrors name it: `github/<owner>/<name>/<commit>`, say."""
        if self.github is not None:
            return f"github/{self.github}/{self.revision}"
        if self.url is not None:
            parts = urlsplit(self.url)
            return f"{parts.netloc}{parts.path}".rstrip("/")
        return self.path or ""

    def languages(self) -> tuple[str, ...]:
        """Codes of its languages, in the order of the catalog."""
        if self.embedded:
            return tuple(load_templates().languages)
        return tuple(dict.fromkeys(self._short.get(code, code) for code in self.written()))

    def written(self) -> tuple[str, ...]:
        """Its languages as its entry writes them: codes, or aliases of codes."""
        found = dict.fromkeys(self.codes)
        for files in self.files.values():
            found.update(dict.fromkeys(code for code in files if code != _EVERY))
        return tuple(found)

    def splits(self, language: str) -> tuple[str, ...]:
        """The splits that the set has in a language."""
        if self.embedded:
            if language not in load_templates().languages:
                return ()
            # Nothing is tuned on choices: their training items would be those of the plain corpus once more.
            return tuple(split for split in SIZES if self.format == "corpus" or split != "train")
        return tuple(split for split in self.files if self._name_of(language, split) is not None)

    def file(self, language: str, split: str) -> DataFile:
        """The file of a language and a split. Raises KeyError: the set has none (the corpus has no files)."""
        name = self._name_of(language, split)
        if name is None:
            raise KeyError((language, split))
        sha256 = self._checksums.get(name)
        if self.path is not None:
            return DataFile(name, sha256, local=self._file.parent / self.path / name)
        mirrored = f"{self.base}/{name}"
        if self.github is not None:
            url = f"https://raw.githubusercontent.com/{self.github}/{self.revision}/{name}"
        else:
            url = f"{str(self.url).rstrip('/')}/{name}"
        return DataFile(name, sha256, url, mirrored)

    def seen(self, language: str, split: str) -> dict[str, list[Seen]]:
        """What is known of each model family's having seen this part of the set."""
        found = {}
        for family, notes in self.seen_by.items():
            if covering := [note for note in notes if note.covers(self._names(language), split)]:
                found[family] = covering
        return found

    def seen_families(self, language: str, split: str) -> frozenset[str]:
        """Families whose own training held these very texts: columns that tables mark (trap 17)."""
        seen = self.seen(language, split).items()
        return frozenset(family for family, notes in seen if any(note.how == "verbatim" for note in notes))

    def sign(self, checksums: Mapping[str, str]) -> None:
        """Take over the checksums (path to sha256) of its place; called once, when all files are read."""
        self._checksums = checksums

    def name_languages(self, short: Mapping[str, str]) -> None:
        """Take over which code each alias stands for; called once, when all files are read."""
        own = {short.get(name, name) for name in self.written()}
        self._short = {alias: code for alias, code in short.items() if code in own}

    def _names(self, language: str) -> tuple[str, ...]:
        """A language's code and its aliases."""
        return (language, *(alias for alias, code in self._short.items() if code == language))

    def _name_of(self, language: str, split: str) -> str | None:
        files = self.files.get(split, {})
        for name in self._names(language):
            if name in files:
                return files[name]
            if _EVERY in files and name in self.codes:
                return files[_EVERY].replace("{language}", name)
        return None
