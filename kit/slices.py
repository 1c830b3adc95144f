"""The data sets of a recipe on this machine: read, rendered into the store, and given their content ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from kit.catalog import Catalog, Locations, load_examples, load_pairs
from kit.data.controls import contexts_alone, with_shuffled_answers
from kit.data.example import Example, read_slice, render_slice, slice_id
from kit.data.read import read
from kit.data.shots import draw
from kit.data.translations import PAIRS_FORMATS, PairsFormat, TranslationPair, as_examples, read_pairs
from kit.errors import DataError
from kit.plan import Control, ResolvedShots, ResolvedSlice
from kit.recipe.sources import Controlled, EvaluateSet, FileSet, Shots, TrainFile, TrainSet, label_of
from kit.store import Store

Entry = TrainSet | EvaluateSet | FileSet


@dataclass(frozen=True)
class Slices:
    """Reads data sets and puts what it renders into the store; `paths` takes where each content id lies.

    `translation` is the question with which a training set of pairs asks for a translation.
    """

    catalog: Catalog
    locations: Locations
    store: Store
    paths: dict[str, Path]
    translation: str = ""

    def of(self, entries: Sequence[Entry]) -> Iterator[ResolvedSlice]:
        """One slice a language of each set.

        Raises:
            MissingInputError, ChecksumError, DataError: with the file and the remedy.
        """
        for entry in entries:
            for examples, names, seen in self._read(entry):
                made = self._slice(examples, names, seen, entry)
                stage, after = getattr(entry, "stage", None), getattr(entry, "after", None)
                yield replace(made, stage=stage or "", after=after or "")

    def _read(self, entry: Entry) -> Iterator[tuple[list[Example], tuple[str, str, str], frozenset[str]]]:
        """The examples of each language, their names in tables, and who has seen them."""
        if isinstance(entry, FileSet):
            names = (entry.label, entry.language, "file")
            yield read_file(entry, self.catalog, self.translation), names, frozenset()
            return
        dataset = self.catalog.datasets[entry.dataset]
        languages = dataset.languages() if entry.languages == "all" else entry.languages
        for language in languages:
            names = (entry.dataset, language, entry.split)
            examples = read_set(self.catalog, names, self.locations, self.translation)
            yield examples, names, dataset.seen_families(language, entry.split)

    def drawn(self, asked: Shots, test: ResolvedSlice) -> ResolvedShots:
        """Shots of a split that is not the test, in its language; the same for all its items.

        Raises:
            DataError: there are too few that are not of the test.
            MissingInputError, ChecksumError: as `of`.
        """
        source = asked.source or test.dataset
        candidates = load_examples(self.catalog, source, test.language, asked.split, self.locations)
        shots = draw(candidates, asked.shots, asked.seed, read_slice(self.paths[test.id]))
        if len(shots) < asked.shots:
            raise DataError(
                f"{source}/{test.language}/{asked.split} has {len(shots)} examples that could be shots for "
                f"{test.dataset}/{test.language}, and {asked.shots} are asked for; none may be of the test",
                remedy="ask for fewer `shots`, or take them `from` another set",
            )
        return self._shots(shots, test)

    def repeated(self, asked: Shots, test: ResolvedSlice) -> ResolvedShots:
        """The test's first item as every shot, and the test without as many items: trap 10, as published.

        Raises:
            DataError: nothing is left of the test.
        """
        items = read_slice(self.paths[test.id])
        if len(items) <= asked.shots:
            raise DataError(
                f"{test.dataset}/{test.language}/{test.split} has {len(items)} items, and {asked.shots} of them would "
                "be left out for shots",
                remedy="ask for fewer `shots`, or a larger `limit`",
            )
        names = (test.dataset, test.language, test.split)
        left = self._slice(items[asked.shots :], names, test.seen_by)
        return self._shots(items[:1] * asked.shots, left)

    def _shots(self, shots: list[Example], left: ResolvedSlice) -> ResolvedShots:
        return ResolvedShots(self._kept(shots), len(shots), _characters(shots) * len(shots), left)

    def _slice(
        self,
        examples: list[Example],
        names: tuple[str, str, str],
        seen: frozenset[str],
        entry: Entry | None = None,
    ) -> ResolvedSlice:
        kept = examples[: entry.limit] if entry and entry.limit else examples
        if not kept:
            raise DataError(
                f"{names[0]}/{names[1]}/{names[2]} has no examples", remedy="choose another language or split"
            )
        if bare := [example.id for example in kept if not example.answers]:
            raise DataError(
                f"{names[0]}/{names[1]}/{names[2]} has {len(bare)} questions without an answer, first {bare[0]!r}",
                remedy="take them out, or use a catalog entry with `answerable_only: true`",
            )
        dataset, language, split = names
        plain = ResolvedSlice(
            self._kept(kept),
            dataset,
            language,
            split,
            len(kept),
            seen,
            len({example.context_id for example in kept}),
            _characters(kept),
            choices=bool(kept[0].choices),
        )
        if not isinstance(entry, Controlled) or not entry.control:
            return plain
        data = self._kept(_controlled(kept, entry, names))
        return replace(plain, id=data, dataset=label_of(dataset, entry.control), control=_kind(entry))

    def _kept(self, examples: Sequence[Example]) -> str:
        """The content id of examples, which then lie in the store."""
        rendered = render_slice(examples)
        data = slice_id(rendered)
        self.paths[data] = self.store.put_slice(data, rendered)
        return data


def _characters(examples: Sequence[Example]) -> float:
    """Mean length of an item: context, question and first answer together."""
    return sum(len(e.context) + len(e.question) + len(e.answers[0]) for e in examples) / len(examples)


def _kind(entry: Controlled) -> Control:
    """How a training set that is a control is tuned on."""
    random = entry.directions == "random"
    return Control(random, entry.answers == "none", entry.control_seed if random else 0)


def _controlled(examples: list[Example], entry: Controlled, names: tuple[str, str, str]) -> list[Example]:
    """The examples of a control."""
    if entry.answers == "none":
        return contexts_alone(examples)
    if entry.answers == "own":
        return examples
    try:
        return with_shuffled_answers(examples, entry.control_seed)
    except ValueError as problem:
        raise DataError(
            f"{'/'.join(names)} is no control: {problem}", remedy="leave `answers: shuffled` out for it"
        ) from problem


def read_file(entry: FileSet, catalog: Catalog, translation: str) -> list[Example]:
    """The examples of a file of one's own; pairs as items that ask for a `translation`. Raises as `Slices.of`."""
    if not isinstance(entry, TrainFile) or entry.format not in PAIRS_FORMATS:
        return read(entry.file, entry.format, entry.language)
    pairs = read_pairs(entry.file, entry.language, cast(PairsFormat, entry.format))
    return _asked(
        pairs,
        entry.translated_from or entry.language,
        entry.translated_to or entry.language,
        catalog,
        translation,
    )


def read_set(
    catalog: Catalog, where: tuple[str, str, str], locations: Locations, translation: str
) -> list[Example]:
    """The examples of a data set, language and split; pairs as items that ask for a `translation`. Raises as
    `Slices.of`.
    """
    dataset = catalog.datasets[where[0]]
    if not dataset.pairs:
        return load_examples(catalog, *where, locations)
    pairs = load_pairs(catalog, *where, locations)
    return _asked(
        pairs, dataset.translated_from or where[1], dataset.translated_to or where[1], catalog, translation
    )


def _asked(
    pairs: list[TranslationPair], source: str, target: str, catalog: Catalog, translation: str
) -> list[Example]:
    names = {"{source}": catalog.language(source).title, "{target}": catalog.language(target).title}
    question = re.sub(r"\{source\}|\{target\}", lambda match: names[match[0]], translation)
    return as_examples(pairs, question, source)
