"""The catalog: what exists, read from the kit's own files and from those of the user."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from kit.catalog.datasets import DatasetEntry
from kit.catalog.entries import Entry, Family, Language, ModelEntry, PromptEntry
from kit.catalog.faults import combined, explain, suggest, unknown
from kit.errors import CatalogError
from kit.yamlfile import Document, load

SCHEMA = 1
"""Version of catalog files. Newer ones are refused."""

_KINDS: Mapping[str, type[Entry]] = {
    "languages": Language,
    "families": Family,
    "models": ModelEntry,
    "datasets": DatasetEntry,
    "prompts": PromptEntry,
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_E = TypeVar("_E", bound=Entry)


@dataclass(frozen=True)
class Catalog:
    """All entries by name: the kit's own and the user's, which may add but not redefine."""

    languages: Mapping[str, Language]
    families: Mapping[str, Family]
    models: Mapping[str, ModelEntry]
    datasets: Mapping[str, DatasetEntry]
    prompts: Mapping[str, PromptEntry]
    files: tuple[Path, ...] = ()

    @classmethod
    def load(cls, extra: Sequence[Path] = ()) -> Catalog:
        """The kit's own catalog and the user's files `extra`, in this order.

        Raises:
            CatalogError: a file cannot be read, is no YAML, is of a newer schema, holds a faulty entry, a
            name for
                the second time, or a name that stands for nothing: with file, line, column and the nearest
                name.
        """
        reading = _Reading()
        for document in (*_built_in(), *(load(path, CatalogError) for path in extra)):
            reading.add(document)
        reading.connect()
        return cls(
            cast(dict[str, Language], reading.entries["languages"]),
            cast(dict[str, Family], reading.entries["families"]),
            cast(dict[str, ModelEntry], reading.entries["models"]),
            cast(dict[str, DatasetEntry], reading.entries["datasets"]),
            cast(dict[str, PromptEntry], reading.entries["prompts"]),
            tuple(extra),
        )

    def model(self, name: str) -> ModelEntry:
        """The model of this name. Raises CatalogError: there is none; with the nearest name."""
        return _find(self.models, "model", name)

    def dataset(self, name: str) -> DatasetEntry:
        """The data set of this name. Raises CatalogError: there is none; with the nearest name."""
        return _find(self.datasets, "data set", name)

    def prompt(self, name: str) -> PromptEntry:
        """The prompt of this name. Raises CatalogError: there is none; with the nearest name."""
        return _find(self.prompts, "prompt", name)

    @property
    def codes(self) -> dict[str, str]:
        """The catalog's own code of each language, by every code of it (`or`, `ory`, `ory_Orya`)."""
        return {code: code for code in self.languages} | _aliases(self.languages)

    def language(self, code: str) -> Language:
        """The language of a code or alias (`or`, `ory`, `ory_Orya`).

        Raises:
            CatalogError: there is none; with the nearest code.
        """
        codes = self.codes
        if code in codes:
            return self.languages[codes[code]]
        options = [*codes, *(language.title for language in self.languages.values())]
        raise CatalogError(f"the language {code!r} is unknown", remedy=suggest(code, options))

    def short(self, column: str) -> str:
        """A column's name, `LANGUAGE` or `SET/LANGUAGE`, with the catalog's own code; else as it is."""
        dataset, slash, code = column.rpartition("/")
        return f"{dataset}{slash}{self.codes.get(code, code)}"


def _aliases(languages: Mapping[str, Language]) -> dict[str, str]:
    """The code that each alias stands for."""
    return {alias: code for code, language in languages.items() for alias in language.aliases}


@cache
def _built_in() -> tuple[Document, ...]:
    """The kit's own files: parsing them is most of the work, and they do not change under a running kit."""
    return tuple(load(path, CatalogError) for path in sorted(Path(__file__).parent.glob("*.yaml")))


def _find(entries: Mapping[str, _E], what: str, name: str) -> _E:
    if name not in entries:
        raise CatalogError(f"the {what} {name!r} is unknown", remedy=suggest(name, entries))
    return entries[name]


@dataclass
class _Reading:
    """What has been read so far: entries of each kind, where each stands, and checksums by place."""

    entries: dict[str, dict[str, Any]] = field(default_factory=lambda: {kind: {} for kind in _KINDS})
    documents: dict[tuple[str, str], Document] = field(default_factory=dict)
    checksums: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, document: Document) -> None:
        """Take the entries of one file, or raise its faults."""
        _check_schema(document)
        faults: list[CatalogError] = []
        for section, content in document.value.items():
            if section == "schema":
                continue
            if section not in _KINDS and section != "checksums":
                options = ["schema", *_KINDS, "checksums"]
                faults.append(unknown("the section", section, options, document, (section,)))
            elif not isinstance(content, dict):
                message = f"`{section}` must be a mapping of names to entries"
                remedy = "write each entry as `name: {…}`"
                faults.append(CatalogError(message, where=document.where((section,)), remedy=remedy))
            elif section == "checksums":
                faults += self._take_checksums(content, document)
            else:
                for name, value in content.items():
                    faults += self._take(section, name, value, document)
        if faults:
            raise combined(faults)

    def connect(self) -> None:
        """Tie entries to the families, languages, checksums they name. Raises CatalogError: there is none."""
        faults = [*self._languages(), *self._models(), *self._datasets()]
        for document in dict.fromkeys(fault.where.path for fault in faults if fault.where):
            raise combined([fault for fault in faults if fault.where and fault.where.path == document])

    def _take(self, section: str, name: str, value: object, document: Document) -> list[CatalogError]:
        way = (section, name)
        if not _NAME.fullmatch(name):
            message, remedy = f"{name!r} is no name", "use at most 100 letters, digits and . _ + -"
            return [CatalogError(message, where=document.where(way), remedy=remedy)]
        if name in self.entries[section]:
            first = self.documents[way].where(way)
            message = f"{name!r} is defined already, in {first}"
            return [CatalogError(message, where=document.where(way), remedy="choose another name")]
        try:
            entry = _KINDS[section].model_validate(value)
        except ValidationError as problem:
            return explain(problem, _KINDS[section], document, way)
        entry.place(name, document.path)
        self.entries[section][name] = entry
        self.documents[way] = document
        return []

    def _take_checksums(self, content: dict[str, Any], document: Document) -> list[CatalogError]:
        faults = []
        for place, sums in content.items():
            known = self.checksums.setdefault(place, {})
            for name, value in sums.items() if isinstance(sums, dict) else [("", None)]:
                if not isinstance(value, str) or not _SHA256.fullmatch(value):
                    where = document.where(("checksums", place, name))
                    message = "a place maps paths to sha256 sums of 64 hexadecimal digits"
                    faults.append(CatalogError(message, where=where, remedy="`sha256sum FILE` prints one"))
                else:
                    known.setdefault(name, value)
        return faults

    def _languages(self) -> Iterator[CatalogError]:
        taken: dict[str, str] = {}
        for code, language in self.entries["languages"].items():
            for name in (code, *language.aliases):
                if taken.setdefault(name, code) != code:
                    where = self.documents["languages", code].where(("languages", code, "aliases"))
                    message = f"{name!r} is already a code of {taken[name]!r}"
                    yield CatalogError(message, where=where, remedy="choose another code")

    def _models(self) -> Iterator[CatalogError]:
        families = self.entries["families"]
        for name, model in self.entries["models"].items():
            if model.family in families:
                model.join(families[model.family])
            else:
                yield self._unknown("the family", model.family, families, ("models", name, "family"))

    def _datasets(self) -> Iterator[CatalogError]:
        families, short = self.entries["families"], _aliases(self.entries["languages"])
        languages = {**short, **self.entries["languages"]}
        for name, dataset in self.entries["datasets"].items():
            way = ("datasets", name)
            dataset.sign(self.checksums.get(dataset.base, {}))
            dataset.name_languages(short)
            seen_codes: dict[str, str] = {}
            for code in () if dataset.embedded else dataset.written():
                place = _way_to(code, dataset, self.documents[way])
                if code not in languages:
                    yield self._unknown("the language", code, languages, place)
                elif (first := seen_codes.setdefault(short.get(code, code), code)) != code:
                    message = f"{code!r} and {first!r} are one language"
                    where = self.documents[way].where(place)
                    yield CatalogError(message, where=where, remedy="name it in one way")
            for key, code in (("from", dataset.translated_from), ("to", dataset.translated_to)):
                if code and code not in languages:
                    yield self._unknown("the language", code, languages, (*way, key))
            for family, notes in dataset.seen_by.items():
                seen = (*way, "seen_by", family)
                if family not in families:
                    yield self._unknown("the family", family, families, seen)
                for index, note in enumerate(notes):
                    options = dataset.languages()
                    for code in {short.get(code, code) for code in note.languages} - set(options):
                        yield self._unknown(
                            "among the set's languages", code, options, (*seen, index, "languages")
                        )
                    for split in set(note.splits) - set(dataset.files):
                        yield self._unknown("the split", split, dataset.files, (*seen, index, "splits"))

    def _unknown(
        self, what: str, name: str, options: Iterable[str], way: tuple[str | int, ...]
    ) -> CatalogError:
        document = self.documents[str(way[0]), str(way[1])]
        return unknown(what, name, options, document, way)


def _way_to(code: str, dataset: DatasetEntry, document: Document) -> tuple[str | int, ...]:
    """Where a data set names a language: among its `languages`, or as a key of `files`."""
    way = ("datasets", dataset.name)
    if code in dataset.codes:
        return (*way, "languages", dataset.codes.index(code))
    keys = (loc for loc in document.marks if loc[:2] == way and loc[-1] == code)
    return next(keys, way)


def _check_schema(document: Document) -> None:
    schema = document.value.get("schema")
    if schema is None:
        raise CatalogError(
            "`schema` is missing", where=document.where(), remedy=f"begin with `schema: {SCHEMA}`"
        )
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        raise CatalogError(
            "`schema` must be a number", where=document.where(("schema",)), remedy=f"write {SCHEMA}"
        )
    if schema > SCHEMA:
        message = f"the file is of schema {schema}; this kit reads up to {SCHEMA}"
        raise CatalogError(message, where=document.where(("schema",)), remedy="use a newer kit")
