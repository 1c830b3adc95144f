"""The training and evaluation sets of a recipe against the catalog: data sets, languages, splits, files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kit.errors import RecipeError
from kit.recipe.duplicates import Found, shared, slice_of, twice
from kit.recipe.faults import SEE_SCHEMA, suggestion
from kit.recipe.sources import EvaluateSet, FileSet, TrainFile, TrainSet
from kit.yamlfile import Loc, nearest

if TYPE_CHECKING:
    from kit.catalog import Catalog, DatasetEntry
    from kit.recipe.load import LoadedRecipe

DataSet = TrainSet | EvaluateSet | FileSet


class SetChecker:
    """Looks sets up and puts them into the catalog's own language codes; collects `faults` on the way."""

    def __init__(self, loaded: LoadedRecipe, catalog: Catalog) -> None:
        self.loaded = loaded
        self.catalog = catalog
        self.faults: list[RecipeError] = []
        self._codes = catalog.codes

    def normal(self, key: str, entries: Sequence[DataSet]) -> tuple[DataSet, ...]:
        """The sets under `key` in the catalog's codes; what is unknown stays as it is."""
        before = len(self.faults)
        normal = [self._normal(entry, (key, index)) for index, entry in enumerate(entries)]
        if len(self.faults) == before:
            self.faults += twice(_slices(key, normal), self.loaded.tree)
        return tuple(normal)

    def kept_apart(self, key: str, entries: Sequence[DataSet], other: str, others: Sequence[DataSet]) -> None:
        """Refuse a slice under `key` that stands under `other` as well; both normal."""
        if not self.faults:
            self.faults += shared(_slices(key, entries), other, _slices(other, others), self.loaded.tree)

    def _normal(self, entry: DataSet, loc: Loc) -> DataSet:
        if isinstance(entry, FileSet):
            return self._file(entry, loc)
        dataset = self.catalog.datasets.get(entry.dataset)
        if dataset is None:
            options = [name for name, other in self.catalog.datasets.items() if other.questions]
            message = f"{entry.dataset!r} is no data set of the catalog"
            self._refuse((*loc, "dataset"), message, suggestion(entry.dataset, options))
            return entry
        if not dataset.questions and not (loc[0] == "train" and dataset.pairs):
            message = f"{entry.dataset!r} holds no questions but {dataset.format}"
            self._refuse((*loc, "dataset"), message, "choose another data set")
            return entry
        if dataset.pairs and not (dataset.translated_from or dataset.translated_to):
            message = f"{entry.dataset!r} does not say which way its pairs are translated"
            self._refuse((*loc, "dataset"), message, "add `from` or `to` to it in its catalog file")
        if entry.languages == "all":
            codes = self._all(dataset, entry.split, (*loc, "split"))
        else:
            codes = self._listed(dataset, entry, entry.languages, loc)
        return entry.model_copy(update={"languages": codes})

    def _file(self, entry: FileSet, loc: Loc) -> FileSet:
        code = self._code(entry.language, (*loc, "language"))
        if not entry.file.is_file():
            self._refuse((*loc, "file"), f"there is no file {entry.file}", "check the path")
        if entry.label in self.catalog.datasets:
            message = f"{entry.label!r} is the name of a data set of the catalog"
            self._refuse((*loc, "name"), message, "give the file another `name`")
        changed = {"language": code or entry.language}
        for key, field in (("from", "translated_from"), ("to", "translated_to")):
            if isinstance(entry, TrainFile) and (other := getattr(entry, field)):
                changed[field] = self._code(other, (*loc, key)) or other
        return entry.model_copy(update=changed)

    def _all(self, dataset: DatasetEntry, split: str, loc: Loc) -> tuple[str, ...]:
        """The languages that have the split."""
        splits = {code: dataset.splits(code) for code in dataset.languages()}
        codes = tuple(code for code, known in splits.items() if split in known)
        if not codes:
            options = dict.fromkeys(name for known in splits.values() for name in known)
            self._refuse(loc, f"{dataset.name!r} has no split {split!r}", suggestion(split, options))
        return codes

    def _listed(
        self, dataset: DatasetEntry, entry: TrainSet | EvaluateSet, languages: Sequence[str], loc: Loc
    ) -> tuple[str, ...]:
        codes = []
        known = dataset.languages()
        for index, written in enumerate(languages):
            way = (*loc, "languages", index)
            if (code := self._code(written, way, known)) is None:
                continue
            codes.append(code)
            if code not in known:
                message = f"{dataset.name!r} has no language {written!r}"
                self._refuse(way, message, f"there are: {', '.join(known)}")
            elif entry.split not in (splits := dataset.splits(code)):
                message = f"{dataset.name!r} has no split {entry.split!r} in {written!r}"
                self._refuse((*loc, "split"), message, suggestion(entry.split, splits))
        return tuple(codes)

    def _code(self, written: str, loc: Loc, known: Sequence[str] = ()) -> str | None:
        """The catalog's code of a language, whatever code of it was written; `known` are those at hand."""
        if written in self._codes:
            return self._codes[written]
        titles = {language.title: code for code, language in self.catalog.languages.items()}
        near = nearest(written, [*self._codes, *titles])
        # Between codes of two letters nearness says little: there the list helps more.
        remedy = f"there are: {', '.join(known)}" if known else "a file under `catalog` can add it"
        if near is not None:
            code = self._codes.get(near) or titles[near]
            remedy = f"did you mean {code!r} ({self.catalog.languages[code].title})?"
        self._refuse(loc, f"{written!r} is no language of the catalog", remedy)
        return None

    def _refuse(self, loc: Loc, message: str, remedy: str | None) -> None:
        self.faults.append(RecipeError(message, where=self.loaded.where(loc), remedy=remedy or SEE_SCHEMA))


def _slices(key: str, entries: Sequence[DataSet]) -> Iterator[Found]:
    for index, entry in enumerate(entries):
        languages = (entry.language,) if isinstance(entry, FileSet) else entry.languages
        data = entry.model_dump(mode="json")
        for position, language in enumerate(languages):
            if found := slice_of(data, language, key):
                yield (key, index, "languages", position), *found
