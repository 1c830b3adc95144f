"""The audit of training sets: which ones, with which tokenizer, against what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from kit.api.planning import load
from kit.api.workspace import Workspace
from kit.audit import (
    Pool,
    Quality,
    Tokenization,
    TokenRule,
    TrainingAudit,
    audit_texts,
    count_tokens,
    length_ratio,
    overlaps,
    translation_quality,
)
from kit.catalog import Catalog, Locations, load_examples, load_lines, locate_tokenizer
from kit.claims.model import Measure
from kit.data.example import Example
from kit.errors import KitError, MissingInputError, UsageError
from kit.jobdir import Prompt
from kit.recipe import expand
from kit.recipe.sources import FileSet, NamedModel
from kit.slices import read_file, read_set

REFERENCES = "xquad-in-references"
ORIGINALS = ("xquad-in", "en", "train")
_TRANSLATIONS_OF_ORIGINALS = ("xquad-mt-",)
_PAPER_LIMIT = 1024


@dataclass(frozen=True)
class Source:
    """A training set by its names; `file` is set for one's own, which stands in no catalog."""

    dataset: str
    language: str
    split: str
    file: FileSet | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Audited:
    """A training set and what was found; `fault` says why nothing was. `seen_by` maps a family to how it saw it."""

    source: Source
    audit: TrainingAudit | None
    seen_by: dict[str, str]
    fault: KitError | None = None

    @property
    def absent(self) -> bool:
        """Whether the set is only not at hand."""
        return isinstance(self.fault, MissingInputError)


@dataclass(frozen=True)
class Request:
    """What is audited: sets of the catalog by name (none: all), or those of a recipe; and with whose tokenizer."""

    datasets: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    recipe: Path | None = None
    catalog: tuple[Path, ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class Audit:
    """All rows, the tokenizer's model, the limit of training texts in tokens, and why tokens are not counted."""

    rows: tuple[Audited, ...]
    model: str
    limit: int
    no_tokens: str | None


def audit_training_sets(workspace: Workspace, request: Request) -> Audit:
    """Audit training sets. Nothing is fetched but what is asked for by name; what is not here has a row that says so.

    Raises:
        CatalogError, RecipeErrors, UsageError: a name stands for nothing.
    """
    catalog, rule, model, sources = _asked(request)
    near = replace(workspace.locations, offline=True)
    named = bool(request.recipe or request.datasets)
    tokenization, no_tokens = _tokenization(catalog, model, workspace.locations if request.model else near)
    pools = list(_pools(catalog, near))
    lines = _References(catalog, near)
    rows = []
    for source in sources:
        seen: dict[str, str] = {}
        if source.file is None:
            notes = catalog.dataset(source.dataset).seen(source.language, source.split)
            seen = {
                family: min((n.how for n in each), key=("verbatim", "related").index)
                for family, each in notes.items()
            }
        try:
            examples = _examples(source, catalog, workspace.locations if named else near)
            own = (
                examples[0].language if examples else source.language
            )  # of pairs: the language of the source
            audit = audit_texts(examples, catalog.language(own).script)
            tokens = count_tokens(examples, tokenization, rule) if tokenization else None
            met = overlaps(examples, pools)
            audit = replace(
                audit,
                tokens=tokens,
                overlaps=met,
                quality=lines.quality(source, examples),
                length_ratio=lines.length_ratio(source, examples),
            )
            rows.append(Audited(source, audit, seen))
        except KitError as fault:
            rows.append(Audited(source, None, seen, fault))
    return Audit(tuple(rows), model, rule.limit, no_tokens)


def measures_of_sets(workspace: Workspace, sets: Sequence[str]) -> dict[str, dict[str, float]]:
    """What is measured of training sets of the catalog (`dataset/language`), as far as their data is at hand.

    By measure: of translations `bleu` and `chrf` against the reference translations (0 to 100) and `length-ratio`
    against the originals; of all sets `verbatim` (0 to 1): as in the audit.
    """
    catalog, near = Catalog.load(), replace(workspace.locations, offline=True)
    lines = _References(catalog, near)
    found: dict[str, dict[str, float]] = {name: {} for name in get_args(Measure)}
    for name in sets:
        dataset, _, language = name.partition("/")
        try:
            source = Source(dataset, catalog.language(language).name, "train")
            examples = _examples(source, catalog, near)
            script = catalog.language(language).script
        except KitError:
            continue  # not here, or no set of the catalog: nothing is known of it
        found["verbatim"][name] = audit_texts(examples, script).verbatim
        if quality := lines.quality(source, examples):
            found["bleu"][name], found["chrf"][name] = quality.bleu, quality.chrf
        if (ratio := lines.length_ratio(source, examples)) is not None:
            found["length-ratio"][name] = ratio
    return found


def _asked(request: Request) -> tuple[Catalog, TokenRule, str, list[Source]]:
    if request.recipe:
        loaded, catalog = load(request.recipe)
        recipe = loaded.recipe
        first = recipe.models[0]
        model = request.model or (first.name if isinstance(first, NamedModel) else "tiny-bloom")
        rule = TokenRule(
            expand.train_prompt(recipe, catalog.prompts[expand.prompt_name(recipe.train_prompt)]),
            recipe.sequence_limit,
        )
        sources = []
        for entry in recipe.train:
            if entry.control:
                continue  # made of another entry's examples
            if isinstance(entry, FileSet):
                sources.append(Source(entry.label, entry.language, "file", entry, entry.limit))
            else:
                names = (
                    catalog.datasets[entry.dataset].languages()
                    if entry.languages == "all"
                    else entry.languages
                )
                sources += [Source(entry.dataset, name, entry.split, None, entry.limit) for name in names]
        if not sources:
            raise UsageError("the recipe trains on nothing", remedy="name one that has `train`")
        return catalog, rule, model, sources
    catalog = Catalog.load(request.catalog)
    prompt = catalog.prompt("qa")
    rule = TokenRule(Prompt(prompt.template, prompt.joint, "written"), _PAPER_LIMIT)
    found = list(_of_catalog(catalog, request))
    if not found:
        raise UsageError(
            "no training set has these names",
            remedy="xlt-kit data list shows the data sets and their languages",
        )
    return catalog, rule, request.model or "tiny-bloom", found


def _of_catalog(catalog: Catalog, request: Request) -> Iterator[Source]:
    wanted = [catalog.language(name).name for name in request.languages]
    names = request.datasets or tuple(catalog.datasets)
    for entry in (catalog.dataset(name) for name in names):
        for language in entry.languages() if entry.questions else ():
            if wanted and language not in wanted:
                continue
            for split in entry.splits(language):
                if split.startswith("train"):
                    yield Source(entry.name, language, split)


def _examples(source: Source, catalog: Catalog, locations: Locations) -> list[Example]:
    asks = catalog.prompts["qa"].translation or ""
    if source.file is not None:
        examples = read_file(source.file, catalog, asks)
    else:
        examples = read_set(catalog, (source.dataset, source.language, source.split), locations, asks)
    kept = [example for example in examples if example.answers]
    return kept[: source.limit] if source.limit else kept


def _tokenization(
    catalog: Catalog, model: str, locations: Locations
) -> tuple[Tokenization | None, str | None]:
    entry = catalog.model(model)
    try:
        return Tokenization(locate_tokenizer(entry, locations)), None
    except KitError as problem:
        return None, f"tokens are not counted: the tokenizer of {model}: {problem}"


def _pools(catalog: Catalog, near: Locations) -> Iterator[Pool]:
    """The evaluation sets that are at hand: the splits of all question sets that are not for training."""
    for entry in catalog.datasets.values():
        for language in entry.languages() if entry.questions else ():
            for split in entry.splits(language):
                if split.startswith("train"):
                    continue
                try:
                    examples = load_examples(catalog, entry.name, language, split, near)
                except KitError:
                    continue  # not here, or damaged: `fetch --verify` tells
                yield Pool.of(entry.name, language, split, examples)


class _References:
    """The third translator's contexts, where they are at hand."""

    def __init__(self, catalog: Catalog, near: Locations) -> None:
        self._catalog, self._near = catalog, near
        self._lines: dict[str, list[str] | None] = {}
        try:
            self._originals: Sequence[Example] = load_examples(catalog, *ORIGINALS, near)
        except KitError:
            self._originals = ()

    def quality(self, source: Source, examples: Sequence[Example]) -> Quality | None:
        """The quality of a translation of the originals, item by item; None for other sets, or without references."""
        shared = self._shared(source, examples)
        lines = self._of(source.language) if shared else None
        if lines is None or len(lines) != len(self._originals):
            return None
        return translation_quality(
            [text for _, text in shared],
            [lines[at] for at, _ in shared],
            [self._originals[at].context for at, _ in shared],
        )

    def length_ratio(self, source: Source, examples: Sequence[Example]) -> float | None:
        """Characters of a translation over those of the originals; None for other sets."""
        shared = self._shared(source, examples)
        if not shared:
            return None
        return length_ratio([text for _, text in shared], [self._originals[at].context for at, _ in shared])

    def _shared(self, source: Source, examples: Sequence[Example]) -> list[tuple[int, str]]:
        """Places of originals, and their translated contexts; of other sets none."""
        if not source.dataset.startswith(_TRANSLATIONS_OF_ORIGINALS):
            return []
        by_id = {example.id: example.context for example in examples}
        return [(at, by_id[one.id]) for at, one in enumerate(self._originals) if one.id in by_id]

    def _of(self, language: str) -> list[str] | None:
        if language not in self._lines:
            try:
                self._lines[language] = load_lines(self._catalog, REFERENCES, language, "train", self._near)
            except KitError:
                self._lines[language] = None
        return self._lines[language]
