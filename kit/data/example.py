"""The one shape of a question-answering item, and its rendered form on disk (a slice)."""

from __future__ import annotations

import hashlib
import json
import string
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LETTERS = string.ascii_uppercase
"""What choices are called where a prompt lists them; so there are at most so many."""


@dataclass(frozen=True)
class Example:
    """One question on one context. `answers` are the gold ones, in file order; `context_id` its cluster.

    `choices`: what there is to choose from, in file order, of which `right` (from 0) is the one answer; none where the
    question is open.
    """

    id: str
    context_id: str
    context: str
    question: str
    answers: tuple[str, ...]
    language: str
    choices: tuple[str, ...] = ()
    right: int | None = None


def foils(examples: Sequence[Example]) -> dict[str, tuple[str, ...]]:
    """By id of an example: the gold answers of the other questions on its context, in the order of the slice."""
    on_context: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        on_context[example.context_id].append(example)
    return {
        example.id: tuple(
            answer
            for other in on_context[example.context_id]
            if other.id != example.id
            for answer in other.answers
        )
        for example in examples
    }


def render_slice(examples: Sequence[Example]) -> bytes:
    """Examples as JSON lines, in order: what a job reads, and what a data id is the digest of.

    The language is left out: it decides how an answer is scored, not what the model sees. So are choices where there
    are none: sets without them keep their ids.
    """
    return b"".join(
        json.dumps(_row(e), ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for e in examples
    )


def _row(e: Example) -> dict[str, object]:
    row: dict[str, object] = {
        "id": e.id,
        "context_id": e.context_id,
        "context": e.context,
        "question": e.question,
        "answers": e.answers,
    }
    return {**row, "choices": e.choices, "right": e.right} if e.choices else row


def slice_id(rendered: bytes) -> str:
    """The content id of a rendered slice."""
    return f"data-{hashlib.sha256(rendered).hexdigest()[:20]}"


def read_slice(path: Path, language: str = "") -> list[Example]:
    """The examples of a rendered slice; those on one context share its text, as slices are kept in memory.

    Raises:
        OSError, ValueError, KeyError: absent, or not a slice.
    """
    with path.open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    contexts: dict[str, str] = {}
    return [
        Example(
            r["id"],
            r["context_id"],
            contexts.setdefault(r["context"], r["context"]),
            r["question"],
            tuple(r["answers"]),
            language,
            tuple(r.get("choices", ())),
            r.get("right"),
        )
        for r in rows
    ]
