"""`xlt-kit data audit`: what training sets are like before a model is tuned on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from kit.api import Workspace
from kit.api.auditing import Audit, Audited, Request, audit_training_sets
from kit.audit import TrainingAudit
from kit.cli.common import language_option, print_json, workspace_options

_FILE = click.Path(dir_okay=False, path_type=Path)
_FEW_VERBATIM = 0.6  # the human sets of the paper's data hold more of their answers than this


@click.command("audit")
@click.option("--dataset", "datasets", multiple=True, help="Of this data set only; repeatable.")
@language_option("languages", multiple=True, help="In this language only; repeatable.")
@click.option("--recipe", type=_FILE, help="The training sets of a recipe, with its prompt, limit and model.")
@click.option("--catalog", "files", multiple=True, type=_FILE, help="A catalog file of yours.")
@click.option("--model", help="Count tokens with this model's tokenizer.  [default: the embedded model's]")
@workspace_options
def audit(
    workspace: Workspace,
    datasets: tuple[str, ...],
    languages: tuple[str, ...],
    recipe: Path | None,
    files: tuple[Path, ...],
    model: str | None,
    as_json: bool,
) -> None:
    """Say what training sets are like: answers found in their context, lengths, cuts, duplicates, overlap with
    evaluation sets, who has seen them, translation quality. docs/data.md defines each column."""
    found = audit_training_sets(workspace, Request(datasets, languages, recipe, files, model))
    if as_json:
        print_json(_as_json(found))
    else:
        _print(found)
    faults = [row.fault for row in found.rows if row.fault and not row.absent]
    if faults:
        raise faults[0]


def _print(found: Audit) -> None:
    rows = [(row, row.audit) for row in found.rows if row.audit]
    if rows:
        _block(rows, _TEXTS)
        click.echo()
        _block(rows, _CHECKS)
    click.echo(
        f"\nverbatim: a gold answer stands in its context. words: medians. tokens: of training texts, {found.model}'s "
        f"tokenizer; cut: over {found.limit} tokens."
    )
    for sentence in _sentences(found):
        click.echo(f"- {sentence}")


def _block(
    rows: Sequence[tuple[Audited, TrainingAudit]],
    columns: Sequence[tuple[str, Callable[[Audited, TrainingAudit], str]]],
) -> None:
    cells = [[_name(row), *(show(row, audit) for _, show in columns)] for row, audit in rows]
    lines = [["training set", *(title for title, _ in columns)], *cells]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        rest = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        click.echo("  ".join([line[0].ljust(widths[0]), *rest]).rstrip())


_TEXTS: tuple[tuple[str, Callable[[Audited, TrainingAudit], str]], ...] = (
    ("items", lambda row, a: str(a.items)),
    ("ctxs", lambda row, a: str(a.contexts)),
    ("verbatim", lambda row, a: f"{a.verbatim:.0%}"),
    ("ctx w", lambda row, a: f"{a.context_words.median:.0f}"),
    ("q w", lambda row, a: f"{a.question_words.median:.0f}"),
    ("ans w", lambda row, a: f"{a.answer_words.median:.0f}"),
    ("tokens", lambda row, a: str(max(a.tokens.lengths)) if a.tokens else "–"),
    ("cut", lambda row, a: str(a.tokens.cut) if a.tokens else "–"),
    ("ans cut", lambda row, a: str(a.tokens.answers_cut) if a.tokens else "–"),
)
_CHECKS: tuple[tuple[str, Callable[[Audited, TrainingAudit], str]], ...] = (
    ("twice", lambda row, a: str(a.same_texts)),
    ("script?", lambda row, a: str(a.other_script)),
    ("in tests", lambda row, a: str(a.overlaps[0].items if a.overlaps else 0)),
    ("BLEU", lambda row, a: f"{a.quality.bleu:.1f}" if a.quality else "–"),
    ("chrF", lambda row, a: f"{a.quality.chrf:.1f}" if a.quality else "–"),
    ("length", lambda row, a: f"{a.length_ratio:.2f}" if a.length_ratio is not None else "–"),
    ("seen by", lambda row, a: ", ".join(f"{name} ({how})" for name, how in row.seen_by.items()) or "–"),
)


def _name(row: Audited) -> str:
    source = row.source
    split = "" if source.split in ("train", "file") else f" {source.split}"
    return f"{source.dataset}/{source.language}{split}"


def _sentences(found: Audit) -> Iterator[str]:
    """What a reader of the table should not overlook."""
    if found.no_tokens:
        yield found.no_tokens
    if few := [_name(row) for row in found.rows if row.audit and row.audit.verbatim < _FEW_VERBATIM]:
        yield f"fewer than {_FEW_VERBATIM:.0%} of the answers stand in their context: {', '.join(few)}"
    for row in found.rows:
        name, seen = _name(row), row.audit
        if seen is None:
            continue
        if seen.tokens and seen.tokens.cut:
            lost = (
                f"{seen.tokens.answers_cut} lose tokens of their answer, {seen.tokens.answers_lost} all of it"
            )
            yield f"{name}: of {seen.items} texts {seen.tokens.cut} are cut and lose their end token; {lost}"
        if seen.same_ids or seen.same_texts:
            yield f"{name}: ids that came before: {seen.same_ids}; questions that came before: {seen.same_texts}"
        if seen.other_script:
            yield f"{name}: contexts mostly in another script than the language's: {seen.other_script}"
        for one in seen.overlaps:
            if one.contexts:
                place = f"{one.dataset}/{one.language} {one.split}"
                yield f"{name}: {one.contexts} items have their context, {one.items} also their question in {place}"
    for row in found.rows:
        if row.fault and not row.absent:
            yield f"{_name(row)}: {row.fault}"
    if absent := [_name(row) for row in found.rows if row.absent]:
        yield f"not on this machine: {', '.join(absent)}"


def _as_json(found: Audit) -> dict[str, Any]:
    return {
        "model": found.model,
        "sequence_limit": found.limit,
        "no_tokens": found.no_tokens,
        "sets": [
            {
                "dataset": row.source.dataset,
                "language": row.source.language,
                "split": row.source.split,
                "seen_by": row.seen_by,
                "fault": row.fault.as_json() if row.fault else None,
                "audit": asdict(row.audit) if row.audit else None,
            }
            for row in found.rows
        ],
    }
