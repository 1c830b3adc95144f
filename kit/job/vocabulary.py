"""What the tokens of a vocabulary mean for stopping: which of them end a text, and which begin a new line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.job.failures import BadInput


@dataclass(frozen=True)
class Vocabulary:
    """Ids with a meaning. `end`: end of text. `with_newline`: a line break anywhere in the token.

    `new_line`: tokens whose text is spaces (if any), then a line break: choosing one of them ends the line.
    `size` counts the tokenizer's ids; a model's output may be padded beyond it.
    """

    size: int
    end: tuple[int, ...]
    with_newline: frozenset[int]
    new_line: tuple[int, ...]


def read_vocabulary(tokenizer: Any, model: Any) -> Vocabulary:
    """Look at every token once.

    The end ids are the tokenizer's end token, first, and those of the model's own generation settings.

    Raises:
        BadInput: there is no end token, or no token begins a new line.
    """
    configured = getattr(model.generation_config, "eos_token_id", None)
    listed = configured if isinstance(configured, (list, tuple)) else [configured]
    end = tuple(dict.fromkeys(i for i in (tokenizer.eos_token_id, *listed) if i is not None))
    if not end:
        raise BadInput("Neither the tokenizer nor the model names an end token.")
    size = len(tokenizer)
    texts = tokenizer.batch_decode(
        [[i] for i in range(size)], skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    new_line = tuple(i for i, text in enumerate(texts) if text.lstrip(" ").startswith("\n"))
    if not new_line:
        raise BadInput(
            "No token of this tokenizer begins a new line, so neither prompts nor stops can be read."
        )
    return Vocabulary(size, end, frozenset(i for i, text in enumerate(texts) if "\n" in text), new_line)


def decode_text(tokenizer: Any, ids: list[int]) -> str:
    """The text of new tokens: special tokens skipped, nothing tidied."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))


def line_is_complete(text: str) -> bool:
    """True once a line break follows the first visible character: the answer's first line stands.

    `strip` comes before the cut at the line break in the paper's protocol (trap 8), so leading breaks do not
    count.
    """
    return "\n" in text.lstrip()
