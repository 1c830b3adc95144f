"""Training texts in tokens, counted on the host as the job counts them, with the tokenizer's own file alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.data.example import Example
from kit.errors import DataError, Where
from kit.jobdir import Prompt


@dataclass(frozen=True)
class TokenRule:
    """How training texts are made: the prompt, and the limit behind which they are cut from the right."""

    prompt: Prompt
    limit: int


@dataclass(frozen=True)
class TokenCounts:
    """Lengths of whole training texts, before the cut; how many are cut, and what they lose by it.

    `lengths` are in tokens, in the order of the set. Of `cut` texts all lose the end token; `answers_cut` also lose
    tokens of their answer, `answers_lost` all of them.
    """

    lengths: tuple[int, ...]
    cut: int
    answers_cut: int
    answers_lost: int


class Tokenization:
    """A tokenizer as it lies beside a model: `tokenizer.json`, and the names of its special tokens."""

    def __init__(self, folder: Path) -> None:
        """Read the tokenizer in a model's folder.

        Raises:
            DataError: its files cannot be read.
        """
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(file))
            settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        except Exception as problem:  # the library raises plain exceptions
            raise DataError(
                f"the tokenizer cannot be read: {problem}",
                where=Where(str(file)),
                remedy="fetch the model again",
            ) from problem
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.begin = self._id(settings.get("bos_token"))
        habit = self._tokenizer.encode("").ids[:1]
        self.habit = habit if self.begin is not None and habit == [self.begin] else []

    def ids(self, text: str) -> list[int]:
        """The token ids of a text, no special tokens added."""
        found: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return found

    def start(self, prompt: Prompt) -> int:
        """How many start tokens a prompt puts in front."""
        if prompt.start_token == "none":
            return 0
        return len(self.habit) + (prompt.start_token == "written" and self.begin is not None)

    def _id(self, token: Any) -> int | None:
        name = token.get("content") if isinstance(token, dict) else token
        found: int | None = self._tokenizer.token_to_id(name) if isinstance(name, str) else None
        return found


def count_tokens(examples: Sequence[Example], tokenization: Tokenization, rule: TokenRule) -> TokenCounts:
    """Count the training texts of examples: start token, prompt, joint, first gold answer, end token."""
    lengths: list[int] = []
    answers_cut = answers_lost = 0
    for example in examples:
        head = _rendered(rule.prompt, example)
        whole = tokenization.ids(head + rule.prompt.joint + example.answers[0])
        start = tokenization.start(rule.prompt)
        length = start + len(whole) + 1  # and the end token
        lengths.append(length)
        answers_cut += rule.limit < length - 1
        if rule.limit < length - 1:
            answers_lost += rule.limit <= start + _shared(tokenization.ids(head), whole)
    cut = sum(length > rule.limit for length in lengths)
    return TokenCounts(tuple(lengths), cut, answers_cut, answers_lost)


def _rendered(prompt: Prompt, example: Example) -> str:
    # In one pass, so that braces within the data stay as they are.
    pieces = prompt.template.split("{context}")
    return example.context.join(piece.replace("{question}", example.question) for piece in pieces)


def _shared(left: Sequence[int], right: Sequence[int]) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
