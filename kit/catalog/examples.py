"""From a name in the catalog to what its file holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from kit.catalog.catalog import Catalog
from kit.catalog.datasets import DatasetEntry
from kit.catalog.fetch import check_part, locate_data
from kit.catalog.locations import Locations
from kit.corpus import choices as corpus_choices
from kit.corpus import examples as corpus_examples
from kit.data.example import Example
from kit.data.probe import Probe, read_array, read_axis
from kit.data.read import read
from kit.data.translations import PairsFormat, TranslationPair, read_lines, read_pairs
from kit.errors import CatalogError, DataError, EnvironmentError_, Where
from kit.plugins import names, plugin


def load_examples(
    catalog: Catalog, dataset: str, language: str, split: str, locations: Locations
) -> list[Example]:
    """The examples of a data set in a language (code or alias) and a split, in the order of the file.

    They carry the catalog's code of the language, whatever the file says of itself (trap 16).

    Raises:
        CatalogError: no such data set, language or split, or one that holds no questions.
        MissingInputError, ChecksumError, DataError, StorageError: about the file, as `locate_data` and
        `read`.
    """
    entry, code = _part(catalog, dataset, language, split)
    if not entry.questions:
        raise CatalogError(f"the data set {dataset!r} holds {entry.format}, not questions")
    if entry.format == "corpus":
        return [
            Example(item.id, item.context_id, item.context, item.question, (item.answer,), code)
            for item in corpus_examples(code, split)
        ]
    if entry.format == "corpus-choices":
        return [
            Example(i.id, i.context_id, i.context, i.question, (i.answer,), code, texts, right)
            for i, texts, right in corpus_choices(code, split)
        ]
    path = locate_data(entry, code, split, locations)
    if entry.reader is not None:
        return _read_by_plugin(entry, path, code)
    return read(path, entry.format, code, entry.answerable_only)


def _read_by_plugin(entry: DatasetEntry, path: Path, language: str) -> list[Example]:
    """Raises EnvironmentError_: there is no such reader, or it fails. DataError: what it gives is of no use."""
    found = plugin("readers", str(entry.reader))
    if found is None:
        raise EnvironmentError_(
            f"no installed package has the reader {entry.reader!r}, which the data set {entry.name!r} names",
            remedy=f"install the package that has it; readers here: {', '.join(names('readers')) or 'none'}",
        )
    try:
        examples = [replace(one, language=language) for one in found.call(path, language)]
    except Exception as error:  # whatever the code of another raises
        raise found.failed("on this file", error) from error
    if len({one.id for one in examples}) < len(examples):
        remedy = f"tell the makers of {found.package}"
        raise DataError("the reader gives one id twice", where=Where(str(path)), remedy=remedy)
    return [one for one in examples if one.answers or not entry.answerable_only]


def load_pairs(
    catalog: Catalog, dataset: str, language: str, split: str, locations: Locations
) -> list[TranslationPair]:
    """The translation pairs of a data set that holds such. Raises as `load_examples`."""
    entry, code = _part(catalog, dataset, language, split)
    if not entry.pairs:
        _require(entry, "pairs")
    return read_pairs(locate_data(entry, code, split, locations), code, cast(PairsFormat, entry.format))


def load_lines(catalog: Catalog, dataset: str, language: str, split: str, locations: Locations) -> list[str]:
    """The texts of a data set of format `lines`. Raises as `load_examples`."""
    entry, code = _part(catalog, dataset, language, split)
    _require(entry, "lines")
    return read_lines(locate_data(entry, code, split, locations))


def load_probe(catalog: Catalog, dataset: str, locations: Locations) -> Probe:
    """The arrays of a data set of format `probe`: its splits `step-N`, on the axis of its split `map`.

    Raises as `load_examples`.
    """
    entry = catalog.dataset(dataset)
    _require(entry, "probe")
    axis = read_axis(locate_token_map(catalog, dataset, locations))
    arrays = {
        (code, int(split.removeprefix("step-"))): read_array(
            locate_data(entry, code, split, locations), len(axis)
        )
        for code in entry.languages()
        for split in entry.splits(code)
        if split.startswith("step-")
    }
    return Probe(axis, arrays)


def locate_token_map(catalog: Catalog, dataset: str, locations: Locations) -> Path:
    """The file of a probe's map of tokens to languages. Raises as `load_examples`."""
    entry = catalog.dataset(dataset)
    _require(entry, "probe")
    return locate_data(entry, entry.languages()[0], "map", locations)


def _part(catalog: Catalog, dataset: str, language: str, split: str) -> tuple[DatasetEntry, str]:
    entry = catalog.dataset(dataset)
    code = catalog.language(language).name
    check_part(entry, code, split)
    return entry, code


def _require(entry: DatasetEntry, kind: str) -> None:
    if entry.format != kind:
        what = "questions" if entry.questions else entry.format
        raise CatalogError(f"the data set {entry.name!r} holds {what}, not {kind}")
