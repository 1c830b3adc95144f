"""A prompt as the turn of a user, in the form that a chat-tuned model was tuned on: its own chat template.

The template is that of the tokenizer's folder, so the digest of the base covers it. Thinking is switched off where the
template has a switch for it, and the date that some templates write is always the same one, so that a cell means the
same on any day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from kit.job.failures import BadInput
from kit.jobdir import Prompt

_DATE = "26 Jul 2024"  # what Llama 3.1's template writes where nobody gives it a date
_USER, _ANSWER = "USER-TURN", "ANSWER-TURN"


@dataclass(frozen=True)
class Dialogue:
    """How a tokenizer's template writes one turn of a user and the answer to it.

    `joint` stands between the prompt and the answer's first word, `end` is the id of what ends the answer's turn (None:
    the template writes nothing after it). `thinking`: the template can make a model think, which is switched off.
    """

    tokenizer: Any
    joint: str
    end: int | None
    thinking: bool

    def prompt(self, text: str) -> str:
        """The conversation up to where the answer begins, as text, the template's own tokens written out."""
        return _written(self.tokenizer, [{"role": "user", "content": text}], True)


def dialogue(tokenizer: Any) -> Dialogue | None:
    """The dialogue of a tokenizer; None where it has no chat template.

    Raises:
        BadInput: the template does not write a user's words, or the answer to them, or begins that with thoughts.
    """
    if not getattr(tokenizer, "chat_template", None):
        return None
    turns = [{"role": "user", "content": _USER}, {"role": "assistant", "content": _ANSWER}]
    asked, answered = _written(tokenizer, turns[:1], True), _written(tokenizer, turns, False)
    if _USER not in asked or _ANSWER not in answered:
        raise BadInput("The chat template leaves out what is said to it.", "Use the prompt without `chat`.")
    if asked.count("<think>") > asked.count("</think>"):
        raise BadInput(
            "The chat template begins every answer with thoughts, which cannot be switched off.",
            "Use the prompt without `chat`.",
        )
    before, _, after = answered.rpartition(_ANSWER)
    # Where the answered conversation begins otherwise than the asked one, nothing is known of what stands between.
    joint = before[len(asked) :] if before.startswith(asked) else ""
    special = {*tokenizer.all_special_ids, *getattr(tokenizer, "added_tokens_decoder", {})}
    ids = tokenizer(after, add_special_tokens=False)["input_ids"]
    end = next((one for one in ids if one in special), None)
    return Dialogue(tokenizer, joint, end, "enable_thinking" in str(tokenizer.chat_template))


def notes(tokenizer: Any, prompts: Iterable[Prompt]) -> Iterator[str]:
    """What is to be said aloud of the prompts that a model is given: a line for each kind of them, if any.

    Raises:
        BadInput: as `dialogue`.
    """
    template = getattr(tokenizer, "chat_template", None)
    kinds = {prompt.chat for prompt in prompts}
    if not template:
        if "own" in kinds:
            yield "the model has no chat template: its prompts are plain"
        return
    if "plain" in kinds:
        yield "the model has a chat template, and is given plain prompts (`chat` in a prompt uses it)"
    found = dialogue(tokenizer) if kinds - {"plain"} else None
    if found:
        end = repr(tokenizer.convert_ids_to_tokens(found.end)) if found.end is not None else "the end token"
        thinking = ", thinking switched off" if found.thinking else ""
        yield f"prompts are turns of the model's chat template{thinking}; answers end with {end}"


def _written(tokenizer: Any, turns: list[dict[str, str]], answer_follows: bool) -> str:
    try:
        return str(
            tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                add_generation_prompt=answer_follows,
                enable_thinking=False,
                date_string=_DATE,
            )
        )
    except Exception as error:  # whatever a template raises, it is the template that does not fit
        if isinstance(error, MemoryError):
            raise
        said = " ".join(str(error).split())[:200]
        raise BadInput(
            f"The chat template cannot be used: {said}", "Use the prompt without `chat`."
        ) from error
