"""What a file of questions is, found out and said before anything is written of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kit.audit import TrainingAudit, audit_texts
from kit.catalog import Catalog
from kit.data.example import Example
from kit.data.read import QUESTION_FORMATS, read
from kit.errors import CatalogError, DataError, MissingInputError, StorageError, UsageError, Where
from kit.jobdir import atomic_write
from kit.recipe import load_recipe

_OFTEN = 0.02
"""Share of answers outside their contexts from which on it is told."""


@dataclass(frozen=True)
class Understood:
    """A file of questions: its format, what is in it, and what is odd about it, a sentence each."""

    path: Path
    format: str
    language: str
    examples: tuple[Example, ...]
    audit: TrainingAudit
    odd: tuple[str, ...]

    @property
    def choices(self) -> bool:
        """Whether its questions have choices."""
        return bool(self.examples[0].choices)


def understand(path: Path, language: str, catalog: Catalog, format_name: str | None = None) -> Understood:
    """Find out how a file is written: the first format that reads all of it.

    Raises:
        MissingInputError: there is no such file. CatalogError: the language is unknown; the remedy adds it.
        DataError: no format reads it, with what each says; or it holds no example.
    """
    if not path.is_file():
        raise MissingInputError("there is no such file", where=Where(str(path)), remedy="check the path")
    known = _language(catalog, language)
    complaints = []
    for name in (format_name,) if format_name else QUESTION_FORMATS:
        try:
            examples = read(path, name, known.name)
        except DataError as problem:
            complaints.append((name, problem))
            continue
        if examples:
            audit = audit_texts(examples, known.script)
            return Understood(path, name, known.name, tuple(examples), audit, tuple(_odd(examples, audit)))
        complaints.append((name, DataError("it holds no example")))
    told = "; ".join(f"{name}: {problem.message}" for name, problem in complaints)
    line = next(
        (problem.where.line for _, problem in complaints if problem.where and problem.where.line), None
    )
    raise DataError(
        f"no format reads it ({told})",
        where=Where(str(path), line),
        remedy='write an object a line: {"id": "1", "context": "…", "question": "…", "answers": ["…"]}',
    )


def dataset_entry(
    files: Sequence[tuple[Understood, str]], catalog_file: Path, title: str, licence: str
) -> dict[str, Any]:
    """The entry of a data set of one's own: files with their splits, all of one format, by paths from the catalog file.

    Raises:
        UsageError: the files differ in format, or two are of one language and split.
    """
    formats = {found.format for found, _ in files}
    if len(formats) > 1:
        raise UsageError(
            f"the files are of {len(formats)} formats: {', '.join(sorted(formats))}",
            remedy="give each format an entry of its own",
        )
    splits: dict[str, dict[str, str]] = {}
    for found, split in files:
        by_language = splits.setdefault(split, {})
        if found.language in by_language:
            raise UsageError(
                f"two files of {found.language} are of the split {split}", remedy="choose --split"
            )
        by_language[found.language] = os.path.relpath(found.path.absolute(), catalog_file.absolute().parent)
    entry: dict[str, Any] = {"title": title} if title else {}
    entry |= {"format": formats.pop()}
    entry |= {"licence": licence} if licence else {}
    return entry | {"path": ".", "files": splits}


def recipe_text(
    name: str,
    title: str,
    model: str,
    train: Sequence[tuple[str, str]],
    evaluate: Sequence[tuple[str, str]],
    catalogs: Sequence[str],
) -> str:
    """A valid, commented recipe. `train`, `evaluate`: data set and language each."""
    lines = [
        f"# What it answers: {title}",
        f"# Command:         xlt-kit run {name}.yaml",
        f"# Look first:      xlt-kit plan {name}.yaml",
        "schema: 1",
        f"name: {name}",
        f"title: {yaml.safe_dump(title, allow_unicode=True, width=10_000).splitlines()[0]}",
    ]
    if catalogs:
        lines.append(f"catalog: [{', '.join(catalogs)}]")
    lines += [
        "# Switches of the protocol: `sound` avoids its traps, `paper` follows it to the letter (docs/switches.md).",
        "fidelity: sound",
        f"models: [{model}]",
    ]
    if train:
        lines += ["# One tuning a language and seed.", "train:", *_sets(train)]
    lines += ["# One column a language.", "evaluate:", *_sets(evaluate)]
    lines += [
        "# An answer is cut at the first new line, as the paper does; so many new tokens at the most.",
        "answer_limit: 32",
        "# Two seeds or more: intervals then know how much a tuning varies.",
        "seeds: [1, 2]",
    ]
    return "\n".join(lines) + "\n"


def write_recipe(path: Path, text: str) -> None:
    """Write a recipe that is checked first; none that is there is overwritten.

    Raises:
        UsageError: the file is there. RecipeErrors: it has faults. StorageError: it cannot be written.
    """
    if path.exists():
        raise UsageError("the file is there already", where=Where(str(path)), remedy="name another with -o")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial = path.with_name(f".{path.stem}.trial.yaml")
        try:
            atomic_write(trial, text)
            load_recipe(trial)
        finally:
            trial.unlink(missing_ok=True)
        atomic_write(path, text)
    except OSError as problem:
        raise StorageError(
            f"the recipe cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="name another place",
        ) from problem


def near_sets(catalog: Catalog, language: str) -> list[str]:
    """Data sets of the catalog that have questions in a language, with their splits."""
    found = []
    for entry in catalog.datasets.values():
        if entry.questions and language in entry.languages():
            found.append(f"{entry.name} ({', '.join(entry.splits(language))})")
    return found


def _sets(sets: Sequence[tuple[str, str]]) -> list[str]:
    by_set: dict[str, list[str]] = {}
    for dataset, language in sets:
        by_set.setdefault(dataset, []).append(language)
    return [f"  - {{dataset: {name}, languages: [{', '.join(codes)}]}}" for name, codes in by_set.items()]


def _language(catalog: Catalog, code: str) -> Any:
    try:
        return catalog.language(code)
    except CatalogError as problem:
        raise CatalogError(
            problem.message,
            remedy=f"{problem.remedy or ''}; a new one: xlt-kit new language {code}".lstrip("; "),
        ) from problem


def _odd(examples: Sequence[Example], audit: TrainingAudit) -> list[str]:
    """What a user should know before tuning on it, or evaluating."""
    found = []
    lost = 1 - audit.verbatim
    if not examples[0].choices and lost > _OFTEN:
        found.append(
            f"{lost:.0%} of the answers do not stand in their contexts: a model that copies spans cannot give them"
        )
    if audit.same_ids:
        found.append(f"{audit.same_ids} ids come twice")
    if audit.same_texts:
        found.append(f"{audit.same_texts} questions come twice with the same context")
    if audit.other_script:
        found.append(f"{audit.other_script} contexts are written in another script than the language's")
    if bare := sum(not example.answers for example in examples):
        found.append(
            f"{bare} questions have no answer: take them out, or write `answerable_only: true` in the entry"
        )
    return found
