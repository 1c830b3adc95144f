"""`xlt-kit data`: what data sets there are, and what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kit.api import Workspace
from kit.catalog import Catalog, DatasetEntry, load_examples, load_pairs
from kit.cli.audit import audit
from kit.cli.common import language_option, print_json, workspace_options
from kit.data.example import Example
from kit.errors import CatalogError

_CATALOG = click.option(
    "--catalog",
    "files",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="A catalog file of yours.",
)


@click.group()
def data() -> None:
    """List data sets; show their examples and counts; audit training sets."""


data.add_command(audit)


@data.command("list")
@_CATALOG
@workspace_options
def list_sets(workspace: Workspace, files: tuple[Path, ...], as_json: bool) -> None:
    """List the data sets of the catalog, with licence and languages."""
    catalog = Catalog.load(files)
    if as_json:
        print_json({name: _facts(entry) for name, entry in catalog.datasets.items()})
        return
    for name, entry in catalog.datasets.items():
        click.echo(f"{name:18} {entry.title}")
        click.echo(f"{'':18} {' '.join(entry.languages())}  ·  {entry.licence}")


@data.command("show")
@click.argument("name")
@language_option(help="Of this language only; the first one's examples are shown otherwise.")
@click.option("--split", help="Of this split only.")
@click.option("-n", "count", default=2, show_default=True, help="Examples to print.")
@_CATALOG
@workspace_options
def show_set(
    workspace: Workspace,
    name: str,
    language: str | None,
    split: str | None,
    count: int,
    files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Show where data set NAME comes from, how many items each part has, and its first examples."""
    catalog = Catalog.load(files)
    entry = catalog.dataset(name)
    languages = [catalog.language(language).name] if language else list(entry.languages())
    parts = [(code, part) for code in languages for part in entry.splits(code) if split in (None, part)]
    if not parts:
        raise CatalogError(
            f"the data set {name!r} has no such part",
            remedy=f"languages: {' '.join(entry.languages())}; splits: {' '.join(entry.splits(entry.languages()[0]))}",
        )
    if not entry.questions:
        _show_pairs(workspace, catalog, entry, parts, count)
        return
    counts: list[dict[str, Any]] = []
    first: list[Example] = []
    for code, part in parts:
        examples = load_examples(catalog, name, code, part, workspace.locations)
        first = first or examples[:count]
        contexts = len({example.context_id for example in examples})
        counts.append({"language": code, "split": part, "items": len(examples), "contexts": contexts})
    if as_json:
        print_json({**_facts(entry), "parts": counts, "examples": [_plain(example) for example in first]})
        return
    _print(entry, counts, first)


def _facts(entry: DatasetEntry) -> dict[str, Any]:
    return {
        "title": entry.title,
        "format": entry.format,
        "source": entry.source,
        "licence": entry.licence,
        "canary": entry.canary,
        "note": entry.note,
        "languages": list(entry.languages()),
    }


def _plain(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "context_id": example.context_id,
        "context": example.context,
        "question": example.question,
        "answers": list(example.answers),
        **({"choices": list(example.choices), "right": example.right} if example.choices else {}),
    }


def _print(entry: DatasetEntry, counts: list[dict[str, Any]], examples: list[Example]) -> None:
    click.echo(f"{entry.name}: {entry.title}")
    click.echo(f"source: {entry.source or 'the kit itself'}\nlicence: {entry.licence}")
    if entry.canary:
        click.echo(f"canary: {entry.canary} (never train a model that you publish on this set)")
    if entry.note:
        click.echo(entry.note.strip())
    click.echo()
    for part in counts:
        click.echo(
            f"  {part['language']:4} {part['split']:6} {part['items']:6} items on {part['contexts']} contexts"
        )
    for example in examples:
        # Text of any script stands alone on its line: nothing to its right that a wide sign could push away.
        click.echo(f"\n[{example.id}] context {example.context_id}\n{example.context}")
        click.echo(f"Q: {example.question}")
        for at, choice in enumerate(example.choices):
            click.echo(f"{'✓' if at == example.right else '·'} {choice}")
        for answer in example.answers if not example.choices else ():
            click.echo(f"A: {answer}")


def _show_pairs(
    workspace: Workspace, catalog: Catalog, entry: DatasetEntry, parts: list[tuple[str, str]], count: int
) -> None:
    if not entry.pairs:
        raise CatalogError(
            f"the data set {entry.name!r} holds {entry.format}, which this command does not show"
        )
    for code, part in parts:
        pairs = load_pairs(catalog, entry.name, code, part, workspace.locations)
        click.echo(f"{entry.name} {code} {part}: {len(pairs)} pairs")
        for pair in pairs[:count]:
            click.echo(f"\n{pair.source}\n{pair.target}")
