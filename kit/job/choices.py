"""Choices: what an item offers after its prompt, and how that is kept once it is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.data.example import Example
from kit.job.prompt import Encoder, offered
from kit.job.scoring import Row, Scored


class Offers:
    """The choices of a slice's examples under one prompt; those of one text are scored once, so that they tie.

    `rows` are what is to be scored.

    Raises:
        BadInput: an example has no choices.
    """

    def __init__(self, encoder: Encoder, examples: Sequence[Example]) -> None:
        self._examples = examples
        self._texts = [offered(encoder.prompt, example) for example in examples]
        self._prompts = [encoder.prompt_ids(example) for example in examples]
        self._asked = [(i, text) for i, texts in enumerate(self._texts) for text in dict.fromkeys(texts)]
        self.rows: list[Row] = [
            (self._prompts[i], encoder.continuation_ids(examples[i], text)) for i, text in self._asked
        ]

    def items(self, scored: Sequence[Scored]) -> list[dict[str, Any]]:
        """What is stored, one an example, of the scored rows. All that accuracy asks for goes with it, so that it
        outlives the data.
        """
        found = dict(zip(self._asked, scored, strict=True))
        return [
            {
                "id": example.id,
                "context_id": example.context_id,
                "prompt_tokens": len(self._prompts[i]),
                "continuations": [continuation(text, found[i, text]) for text in self._texts[i]],
                "right": example.right,
            }
            for i, example in enumerate(self._examples)
        ]


def continuation(text: str, one: Scored) -> dict[str, Any]:
    """What is stored of a scored text."""
    return {"text": text, "tokens": list(one.tokens), "end": one.end, "newline": one.newline}
