"""From an example to token ids: the prompt, its continuations, and the text that a model is tuned on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kit.data.example import LETTERS, Example
from kit.job.chat import Dialogue, dialogue
from kit.job.failures import BadInput
from kit.job.vocabulary import Vocabulary
from kit.jobdir import Prompt

_FIELD = re.compile(r"\{(context|question|choices)\}")
_SHOT_FIELD = re.compile(r"\{(context|question|choices|answer)\}")


@dataclass(frozen=True)
class TrainingText:
    """Token ids of one training example, as it goes into the model.

    `answer_start` is the position of the first id of joint and answer (the length of `ids` where they were
    cut off). `cut`: tokens were lost to the limit. `answer_cut`: some of them belonged to the answer.
    `support_cut`: the context held the answer word for word, and what is left of it does not.
    """

    id: str
    ids: tuple[int, ...]
    answer_start: int
    cut: bool = False
    answer_cut: bool = False
    support_cut: bool = False


def render(prompt: Prompt, example: Example) -> str:
    """The prompt's text: all fields filled in one pass, so that braces within the data stay as they are.

    Raises:
        BadInput: it lists choices, and the example has none.
    """
    texts = _texts(prompt, example)
    return _FIELD.sub(lambda match: texts[match[1]], prompt.template)


def _texts(prompt: Prompt, example: Example) -> dict[str, str]:
    texts = {"context": example.context, "question": example.question}
    if prompt.lists:
        if not example.choices:
            raise no_choices(example)
        pairs = zip(LETTERS, example.choices, strict=False)
        texts["choices"] = "\n".join(f"{letter}: {text}" for letter, text in pairs)
    return texts


def offered(prompt: Prompt, example: Example) -> tuple[str, ...]:
    """What may follow the prompt: the choices, or where it lists them, their letters; at least two.

    Raises:
        BadInput: the example has no choices.
    """
    if not example.choices:
        raise no_choices(example)
    return tuple(LETTERS[: len(example.choices)]) if prompt.lists else example.choices


def no_choices(example: Example) -> BadInput:
    """What is wrong with an open question where choices are asked for."""
    return BadInput(f"Example {example.id!r} has no choices.", "Ask for choices of sets that have them.")


def render_shot(prompt: Prompt, example: Example) -> str:
    """The text of a solved example, with its first gold answer, or the letter of that where choices are listed.

    Raises:
        BadInput: it has no answer, or no choices where the prompt lists them.
    """
    if not example.answers:
        raise BadInput(f"The shot {example.id!r} has no answer.", "Take shots that have one.")
    texts, answer = _texts(prompt, example), example.answers[0]
    texts["answer"] = LETTERS[example.choices.index(answer)] if prompt.lists else answer
    return _SHOT_FIELD.sub(lambda match: texts[match[1]], prompt.shot)


class Encoder:
    """Token ids of prompts, continuations and training texts under one tokenizer and one `Prompt`.

    `shots` are the solved examples that stand before every item. A text is tokenised as a whole, shots and all, as
    one string would be; within a chat template, if the prompt asks for that (`kit.job.chat`), which then writes all
    special tokens.

    Texts are tokenised without the tokenizer's special tokens; the start token is put in front by id: by the
    tokenizer's own habit (`tokenizer`), once more on top of it (`written`, which for BLOOM's tokenizer is
    what a written-out `<s>` becomes), or never (`none`).

    Raises:
        BadInput: the prompt asks for a start token, or a chat template, and the tokenizer has none.
    """

    def __init__(self, tokenizer: Any, prompt: Prompt, shots: Sequence[Example] = ()) -> None:
        self.tokenizer = tokenizer
        self.prompt = prompt
        self.shots = shots
        self._before = "".join(render_shot(prompt, shot) for shot in shots)
        self.chat = _dialogue(tokenizer, prompt)
        self.joint = self.chat.joint if self.chat else prompt.joint
        self.start = _start_ids(tokenizer, prompt.start_token)
        self.opening: list[int] = [] if self.chat else self.start
        """Ids before those of a prompt's text."""

    @property
    def end(self) -> int | None:
        """The id that ends an answer."""
        own: int | None = self.tokenizer.eos_token_id
        return self.chat.end if self.chat and self.chat.end is not None else own

    def ends(self, vocabulary: Vocabulary) -> Vocabulary:
        """The vocabulary, with what ends an answer first among what ends a text."""
        if not self.chat or self.end is None:
            return vocabulary
        return replace(vocabulary, end=tuple(dict.fromkeys((self.end, *vocabulary.end))))

    def ids(self, text: str) -> list[int]:
        """Ids of a text on its own, no start token."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def text(self, example: Example) -> str:
        """Shots and prompt; within a chat template, all of what stands before the answer."""
        text = self._before + render(self.prompt, example)
        return self.chat.prompt(text) if self.chat else text

    def prompt_ids(self, example: Example) -> list[int]:
        """Ids of start token, shots and prompt: what a model is given to continue."""
        return self.opening + self.ids(self.text(example))

    def continuation_ids(self, example: Example, answer: str) -> list[int]:
        """Ids of joint and answer as they follow `prompt_ids`.

        Where prompt and whole text share the prompt's ids (a clean boundary), they are the rest of the whole
        text's ids, so that scoring sees what tuning saw. Where a token spans the boundary, no such rest
        exists: joint and answer are tokenised on their own, since a model can only continue the prompt as it
        was given.
        """
        text = self.text(example)
        head, whole = self.ids(text), self.ids(text + self.joint + answer)
        if whole[: len(head)] == head:
            return whole[len(head) :]
        return self.ids(self.joint + answer)

    def training_text(
        self, example: Example, limit: int, truncation: Literal["right", "context"], end: int
    ) -> TrainingText:
        """Ids of start token, prompt, joint, first gold answer and end token, at most `limit` of them.

        Raises:
            BadInput: the example has no answer.
        """
        if not example.answers:
            raise BadInput(
                f"Example {example.id!r} has no answer to tune on.", "Leave unanswerable examples out."
            )
        full = self._assemble(example, end)
        if len(full.ids) <= limit:
            return full
        if truncation == "context":
            shorter = self._shorten(example, limit, end)
            if shorter is not None:
                lost = example.answers[0] in example.context and example.answers[0] not in shorter.context
                return replace(self._assemble(shorter, end), cut=True, support_cut=lost)
        return replace(
            full,
            ids=full.ids[:limit],
            answer_start=min(full.answer_start, limit),
            cut=True,
            answer_cut=limit < len(full.ids) - 1,  # the very last id is the end token
        )

    def _assemble(self, example: Example, end: int) -> TrainingText:
        text = self.text(example)
        head, whole = self.ids(text), self.ids(text + self.joint + example.answers[0])
        start = len(self.opening) + _shared(head, whole)
        return TrainingText(example.id, (*self.opening, *whole, end), start)

    def _shorten(self, example: Example, limit: int, end: int) -> Example | None:
        """The example with as much of its context's beginning as fits (bisection); None where none does."""

        def fits(length: int) -> bool:
            return len(self._assemble(replace(example, context=example.context[:length]), end).ids) <= limit

        if not fits(0):
            return None
        low, high = 0, len(example.context)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if fits(middle) else (low, middle)
        return replace(example, context=example.context[:low])


def _dialogue(tokenizer: Any, prompt: Prompt) -> Dialogue | None:
    if prompt.chat == "plain":
        return None
    found = dialogue(tokenizer)
    if found is None and prompt.chat == "template":
        raise BadInput(
            "The prompt asks for a chat template, and this model has none.",
            "Use the prompt without `chat`, or `chat: own`, which takes one where there is one.",
        )
    return found


def _start_ids(tokenizer: Any, start_token: str) -> list[int]:
    bos = tokenizer.bos_token_id
    if start_token == "none":
        return []
    habit = list(tokenizer("")["input_ids"])[:1]
    habit = habit if bos is not None and habit == [bos] else []
    if start_token == "tokenizer":
        return habit
    if bos is None:
        raise BadInput(
            "The prompt writes a start token, and this tokenizer has none.", "Use start_token: none."
        )
    return [bos, *habit]


def _shared(left: Sequence[int], right: Sequence[int]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length
