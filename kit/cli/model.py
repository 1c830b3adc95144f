"""`xlt-kit model check`: a model looked at before anything is tuned on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click

from kit.api.checking import Checked, check_model, entries_of
from kit.api.measuring import Dtype
from kit.api.workspace import Workspace
from kit.catalog.added import add_entry
from kit.cli.common import language_option, print_json, workspace_options
from kit.errors import EnvironmentError_

SIGNS = {"fine": "✓", "warning": "!", "problem": "✗"}


@click.group()
def model() -> None:
    """Check a model before it is used."""


@model.command("check")
@click.argument("model_id", metavar="ID")
@language_option("languages", multiple=True, help="Of the embedded questions; all nine, if left out.")
@click.option("--revision", help="Commit of the hub's repository.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(get_args(Dtype)), default="float32", show_default=True)
@click.option(
    "--catalog",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write its entry, and its family's, into this catalog file of your own.",
)
@click.option("--name", help="Its name there; the last part of ID, if left out.")
@workspace_options
def check(
    workspace: Workspace,
    model_id: str,
    languages: tuple[str, ...],
    revision: str | None,
    device: str,
    dtype: Dtype,
    catalog: Path | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Look at ID (a folder, `owner/name` on the hub, a name of the catalog): is the kit's way with models right for it?

    Layers, norm and head (the lens's last layer equals the logits), what LoRA can adapt, end and pad token, chat
    template, that padding and shared prefixes change no answer, and how it writes each language. Ends with 10 where
    something speaks against it.
    """
    found = check_model(workspace, model_id, languages, revision, device, dtype)
    if as_json:
        print_json(
            {"model": model_id, "id": found.location.id, "facts": found.facts, "findings": found.findings}
        )
    else:
        click.echo("\n".join(_lines(found)))
    if found.problems:
        first = found.problems[0]
        raise EnvironmentError_(f"{first['what']}: {first['says']}", remedy=first["remedy"])
    if catalog is not None:
        chosen = name or re.sub(r"[^A-Za-z0-9._+-]", "-", Path(model_id).name)
        family, entry = entries_of(found, chosen, catalog)
        added = add_entry(catalog, "families", chosen, family) + add_entry(catalog, "models", chosen, entry)
        if not as_json:
            click.echo(f"\nwritten into {catalog}:\n{added}use it: models: [{chosen}], catalog: [{catalog}]")


def _lines(found: Checked) -> Iterator[str]:
    facts = found.facts
    yield f"{found.asked}: {facts['class']} ({facts['architecture']}), {found.location.id}"
    yield (
        f"  {facts['parameters']:,} parameters, {facts['layers']} layers of {facts['hidden']}, "
        f"{facts['vocabulary']:,} entries, context {facts['context'] or 'not said'}"
    )
    every, attention = (", ".join(facts["targets"][name]) for name in ("scripts", "qkv"))
    yield f"  LoRA can adapt {every}; attention alone: {attention}"
    memory = " and ".join(f"{size:.1f} GB in {dtype}" for dtype, size in facts["memory_gb"].items())
    yield f"  weights and eight questions of 1,000 tokens take {memory}"
    pace = facts.get("seconds_a_question")
    if pace:
        yield f"  {pace['batches']:.3f} s a question in batches, {pace['alone']:.3f} s alone (8 new tokens)"
    for finding in found.findings:
        yield f"{SIGNS[finding['state']]} {finding['what']}: {finding['says']}"
        if finding["remedy"]:
            yield f"    → {finding['remedy']}"
