"""What the texts of a training set tell by themselves."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from kit.audit.overlap import Overlap, normal
from kit.audit.quality import Quality
from kit.audit.tokens import TokenCounts
from kit.data.example import Example

_SCRIPTS = {
    "Arab": {"ARABIC"},
    "Beng": {"BENGALI"},
    "Cyrl": {"CYRILLIC"},
    "Deva": {"DEVANAGARI"},
    "Grek": {"GREEK"},
    "Gujr": {"GUJARATI"},
    "Guru": {"GURMUKHI"},
    "Hang": {"HANGUL"},
    "Hans": {"CJK"},
    "Hebr": {"HEBREW"},
    "Jpan": {"CJK", "HIRAGANA", "KATAKANA"},
    "Knda": {"KANNADA"},
    "Latn": {"LATIN"},
    "Mlym": {"MALAYALAM"},
    "Orya": {"ORIYA"},
    "Taml": {"TAMIL"},
    "Telu": {"TELUGU"},
    "Thai": {"THAI"},
}
"""ISO 15924 codes and the first words of their letters' names in Unicode."""


@dataclass(frozen=True)
class Spread:
    """Median, 95th percentile and maximum of some lengths."""

    median: float
    p95: float
    max: int


@dataclass(frozen=True)
class TrainingAudit:
    """A training set: `verbatim` is the share (0 to 1) of items of which a gold answer stands in the context.

    Lengths are in words (parted by white space); `tokens` is None where no tokenizer is at hand. `same_ids` and
    `same_texts` count items whose id, or whose context and question, came before. `other_script` counts contexts most
    of whose letters are of another script than the language's. `quality` is None without reference translations;
    `length_ratio`, characters of the contexts over those of the originals, for what is no translation of them.
    """

    items: int
    contexts: int
    verbatim: float
    context_words: Spread
    question_words: Spread
    answer_words: Spread
    same_ids: int
    same_texts: int
    other_script: int
    tokens: TokenCounts | None = None
    quality: Quality | None = None
    length_ratio: float | None = None
    overlaps: tuple[Overlap, ...] = field(default=())


def audit_texts(examples: Sequence[Example], script: str) -> TrainingAudit:
    """What can be said from the examples alone; `script` is the language's ISO 15924 code.

    A gold answer stands in its context where, after Unicode normalisation (NFC) of both, it is a substring of it, case
    and all; of several answers one is enough.
    """
    contexts = list(dict.fromkeys(example.context for example in examples))
    return TrainingAudit(
        items=len(examples),
        contexts=len(contexts),
        verbatim=sum(map(_stands_in_context, examples)) / len(examples),
        context_words=spread(len(context.split()) for context in contexts),
        question_words=spread(len(example.question.split()) for example in examples),
        answer_words=spread(len(answer.split()) for example in examples for answer in example.answers[:1]),
        same_ids=len(examples) - len({example.id for example in examples}),
        same_texts=len(examples) - len({(normal(e.context), normal(e.question)) for e in examples}),
        other_script=sum(not _is_in_script(context, script) for context in contexts),
    )


def spread(lengths: Iterable[int]) -> Spread:
    """Median, 95th percentile and maximum; all 0 where there are none."""
    found = np.array(list(lengths) or [0])
    return Spread(float(np.median(found)), float(np.percentile(found, 95)), int(found.max()))


def _stands_in_context(example: Example) -> bool:
    context = unicodedata.normalize("NFC", example.context)
    return any(unicodedata.normalize("NFC", answer) in context for answer in example.answers)


def _is_in_script(text: str, script: str) -> bool:
    """Whether the most frequent script of a text is the expected one; one that is not known here always is."""
    expected = _SCRIPTS.get(script)
    names = Counter(
        unicodedata.name(letter, "?").split()[0].split("-")[0] for letter in text if letter.isalpha()
    )
    return expected is None or not names or names.most_common(1)[0][0] in expected
