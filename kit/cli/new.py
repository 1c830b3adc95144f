"""`xlt-kit new`: a recipe, a data set, a language of one's own, as files that one would have written oneself."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from kit.api.making import Understood, dataset_entry, near_sets, recipe_text, understand, write_recipe
from kit.catalog import Catalog
from kit.catalog.added import add_entry
from kit.cli.common import print_json
from kit.data.read import QUESTION_FORMATS
from kit.errors import CatalogError, UsageError
from kit.jobdir import encode

_CATALOG = Path("catalog.yaml")
_SHOWN = 240
_file = click.Path(dir_okay=False, path_type=Path)
_catalog_option = click.option(
    "--catalog", default=_CATALOG, show_default=True, type=_file, help="The catalog file of your own."
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


@click.group()
def new() -> None:
    """Write a recipe, or an entry for a data set or a language of your own, into files beside it."""


@new.command("dataset")
@click.argument("files", nargs=-1, required=True, type=_file)
@click.option("--language", required=True, help="Its code: or, ory, ory_Orya.")
@click.option("--name", help="Its name in recipes and tables; the first file's name, if left out.")
@click.option("--split", default="test", show_default=True, help="train, dev, test …")
@click.option("--format", "form", type=click.Choice(QUESTION_FORMATS), help="Found out, if left out.")
@click.option("--title", default="", help="What it is, in a line.")
@click.option("--licence", default="", help="Its licence, as its page states it.")
@click.option("--look", is_flag=True, help="Say what was understood, and write nothing.")
@_catalog_option
@_json_option
def dataset(
    files: tuple[Path, ...],
    language: str,
    name: str | None,
    split: str,
    form: str | None,
    title: str,
    licence: str,
    look: bool,
    catalog: Path,
    as_json: bool,
) -> None:
    """Find out how FILES (one a language and split) are written, show what was understood, write a catalog entry.

    Several files of other languages or splits are written as FILE:LANGUAGE or FILE:LANGUAGE:SPLIT.
    """
    known = _known(catalog)
    found = [_understood(word, language, split, known, form) for word in files]
    chosen = name or re.sub(r"[^A-Za-z0-9._+-]", "-", found[0][0].path.stem)
    added = ""
    if not look:
        entry = dataset_entry(found, catalog, title, licence)
        added = add_entry(catalog, "datasets", chosen, entry)
    if as_json:
        told = [{**_plain(one), "split": its_split} for one, its_split in found]
        print_json({"name": chosen, "catalog": None if look else str(catalog), "files": told})
        return
    for one, its_split in found:
        click.echo("\n".join(_lines(one, its_split)))
    if look:
        return
    click.echo(f"\nwritten into {catalog}:\n{added}")
    click.echo(
        f"use it: xlt-kit new recipe NAME --catalog {catalog} --evaluate {chosen}/{found[0][0].language}"
    )


@new.command("language")
@click.argument("code")
@click.option("--title", required=True, help="Its English name.")
@click.option("--script", required=True, help="What it is written in, by ISO 15924: Latn, Deva, Orya.")
@click.option("--family", required=True, help="Indo-European, Niger-Congo …")
@click.option("--alias", "aliases", multiple=True, help="Another code for it: yor, yor_Latn.")
@_catalog_option
@_json_option
def language_command(
    code: str,
    title: str,
    script: str,
    family: str,
    aliases: tuple[str, ...],
    catalog: Path,
    as_json: bool,
) -> None:
    """Add a language to a catalog file of your own: CODE is its short code, `yo` say.

    Metrics read its text by the rules for every language; what an identifier of languages does not know, it will not
    name.
    """
    known = _known(catalog)
    try:
        there = known.language(code)
    except CatalogError:
        there = None
    if there is not None:
        raise UsageError(
            f"the catalog knows {code!r} already: {there.title}, {there.script}",
            remedy=f"use it as it is: {there.name}",
        )
    entry: dict[str, Any] = {"title": title}
    entry |= {"aliases": list(aliases)} if aliases else {}
    entry |= {"script": script, "family": family}
    added = add_entry(catalog, "languages", code, entry)
    if as_json:
        print_json({"name": code, "catalog": str(catalog), "entry": entry})
        return
    click.echo(f"written into {catalog}:\n{added}")
    click.echo(f"a data set of it: xlt-kit new dataset FILE --language {code} --catalog {catalog}")


@new.command("recipe")
@click.argument("name")
@click.option("--model", default="tiny-bloom", show_default=True, help="Its name in the catalog.")
@click.option("--train", multiple=True, metavar="SET/LANGUAGE", help="What to tune on; several.")
@click.option("--evaluate", multiple=True, metavar="SET/LANGUAGE", help="What to evaluate on; several.")
@click.option("--title", default="", help="What it answers, in a line.")
@click.option("--catalog", multiple=True, type=_file, help="Catalog files of your own.")
@click.option("-o", "--output", type=_file, help="The file; NAME.yaml, if left out.")
@_json_option
def recipe(
    name: str,
    model: str,
    train: tuple[str, ...],
    evaluate: tuple[str, ...],
    title: str,
    catalog: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Write a recipe with comments: NAME.yaml. What is not given is asked for on a terminal.

    Sets and languages are checked against the catalog; where a language has no data, what is near is named.
    """
    known, path = Catalog.load(catalog), output or Path(f"{name}.yaml")
    known.model(model)
    if not evaluate:
        evaluate = _asked("Evaluate on (SET/LANGUAGE, several with spaces)", "tiny-qa/de tiny-qa/hi")
    if not train and not as_json and _on_terminal():
        train = _asked("Tune on (SET/LANGUAGE; empty: the base alone)", "")
    tuned = [_place(word, known, "train") for word in train]
    judged = [_place(word, known, "test") for word in evaluate]
    words = title or f"what does tuning {model} on {', '.join(train) or 'nothing'} change?"
    beside = [_relative(one, path) for one in catalog]
    write_recipe(path, recipe_text(name, words, model, tuned, judged, beside))
    if as_json:
        print_json({"name": name, "path": str(path)})
        return
    click.echo(f"written: {path}")
    click.echo(
        f"look at it: xlt-kit plan {shlex.quote(str(path))}\nrun it:     xlt-kit run {shlex.quote(str(path))}"
    )


def _known(catalog: Path) -> Catalog:
    return Catalog.load([catalog] if catalog.exists() else [])


def _understood(
    word: Path, language: str, split: str, known: Catalog, form: str | None
) -> tuple[Understood, str]:
    """A file with its language and split, which may stand behind it."""
    parts = str(word).split(":")
    if len(parts) > 1 and not word.exists():
        language = parts[1] or language
        split = parts[2] if len(parts) > 2 else split
        word = Path(parts[0])
    return understand(word, language, known, form), split


def _lines(found: Understood, split: str) -> Iterator[str]:
    audit, first = found.audit, found.examples[0]
    kind = "questions with choices" if found.choices else "questions"
    yield f"{found.path}: {found.format}, {found.language}, {split}"
    yield f"  {audit.items:,} {kind} on {audit.contexts:,} contexts"
    if not found.choices:
        yield f"  {audit.verbatim:.0%} of the answers stand in their contexts"
    yield (
        f"  words, median (most): context {audit.context_words.median:g} ({audit.context_words.max}), "
        f"question {audit.question_words.median:g}, answer {audit.answer_words.median:g} ({audit.answer_words.max})"
    )
    yield f"  the first, {first.id}:"
    yield f"    context   {_clipped(first.context)}"
    yield f"    question  {_clipped(first.question)}"
    for choice in first.choices:
        yield f"    choice    {'✓ ' if choice in first.answers else '  '}{_clipped(choice)}"
    if not found.choices:
        yield f"    answers   {_clipped(' | '.join(first.answers))}"
    for sentence in found.odd:
        yield f"  ! {sentence}"


def _plain(found: Understood) -> dict[str, object]:
    return {
        "path": str(found.path),
        "format": found.format,
        "language": found.language,
        "choices": found.choices,
        "audit": encode(found.audit),
        "odd": found.odd,
    }


def _clipped(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"


def _place(word: str, known: Catalog, split: str) -> tuple[str, str]:
    """`SET/LANGUAGE`, checked: the set is there, and has the language in that split."""
    name, _, code = word.rpartition("/")
    if not name:
        raise UsageError(f"{word!r} names no set and language", remedy="write SET/LANGUAGE: tiny-qa/de, say")
    entry, language = known.dataset(name), known.language(code).name
    if split not in entry.splits(language):
        near = near_sets(known, language)
        have = ", ".join(entry.splits(language)) or "nothing"
        raise UsageError(
            f"{name} has {have} in {language}, and no {split}",
            remedy=f"in {language} there is {', '.join(near)}"
            if near
            else f"no set here has {language}: xlt-kit new dataset FILE --language {language}",
        )
    return name, language


def _asked(question: str, default: str) -> tuple[str, ...]:
    if not _on_terminal():
        raise UsageError("nothing to evaluate on", remedy="name it: --evaluate SET/LANGUAGE")
    return tuple(click.prompt(question, default=default, show_default=bool(default)).split())


def _on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _relative(catalog: Path, recipe: Path) -> str:
    return os.path.relpath(catalog.absolute(), recipe.absolute().parent)
