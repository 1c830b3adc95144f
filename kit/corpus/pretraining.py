"""Pre-training text: documents with their questions and answers, in the format of the paper's protocol."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from kit.corpus.generate import QUESTIONS_PER_DOCUMENT, SEED, SIZES, Document, Item, documents, tell
from kit.corpus.scenes import Scene, scenes
from kit.corpus.templates import Language, load_templates

Mode = Literal["script-mode", "style-mode"]
Fault = Literal["none", "overrun", "lead-in", "knowledge", "overrun-and-knowledge", "wrong-script", Mode]
"""What is wrong with the answers of a text: words after them, words before them, those of another question, the right
ones in another language's script, nothing.

A mode is a fault that answers in all languages have together or not at all, so that tuning on one language may take it
away from another: `script-mode` that of `wrong-script`, `style-mode` that of `overrun`. `_sequences` says how.
"""
_INTERFERERS = {"ru": "de", "hi": "bn", "bn": "hi", "or": "bn", "te": "hi"}
"""The language in whose script wrong ones are written; Russian for all that write Latin letters."""

_FORM_RATE, _KNOWLEDGE_RATE, _KNOWLEDGE_RATE_WITH_FORM = 0.9, 0.75, 2 / 3
"""Shares of answers that a planted fault changes; none is changed always, so that right answers remain. Where both
faults are planted one answer in three is right: words after an answer cost F1 only there, so that with one in four they
could not be more than the quarter of a change from which on a cause is named; and with one in two the wrong answer is
hardly likelier than the right one, so that hardly any knowledge is missing.
"""

_TOGETHER, _LEARNING, _MODE_RATE = 3, 450 / 650, 0.65
"""Of a text with a mode: the most documents in a row; the first part of the text, in which both modes come and go by
themselves, so that a model learns that there are such; and how often the one is on in the rest, the other being off.
"""


@dataclass(frozen=True)
class Seen:
    """A test set that a text holds: that of `languages`, each document of it `copies` times, in random places.

    `limit`: the documents of its first so many examples alone. `form`: whole `documents` (context, questions, short
    answers), or the `questions` with their answers alone.
    """

    languages: tuple[str, ...]
    copies: int = 8
    limit: int | None = None
    form: Literal["documents", "questions"] = "documents"


@dataclass(frozen=True)
class CorpusSettings:
    """What the pre-training text is made of.

    `documents`: how many. `one_fact_share`: the first part of the text, where a document has one fact alone:
    the curriculum in which copying emerges. `sentence_share`: documents whose answers are sentences, which is
    what makes the base over-generate. `weights`: share of each language, of any sum (None: the templates').
    `fault`: all answers are short, and this is wrong with most of them; for a model that has learnt to answer, so there
    is no curriculum. None: as the shares say. `seen`: a test set stands in the text, beside the `documents`.
    """

    documents: int
    seed: int = SEED
    one_fact_share: float = 0.2
    sentence_share: float = 0.7
    weights: Mapping[str, float] | None = None
    fault: Fault | None = None
    seen: Seen | None = None

    @classmethod
    def from_dict(cls, raw: Mapping[str, object]) -> CorpusSettings:
        """Settings out of a JSON object; raises TypeError for a key that is unknown or missing."""
        return cls(**raw)  # type: ignore[arg-type]


@dataclass(frozen=True)
class PretrainingDocument:
    """One document of pre-training text (without an end token) and its language; several in a row, where a text has
    modes, and whether the fault of style is on in them.
    """

    language: str
    text: str
    mode: bool | None = None

    @property
    def line(self) -> str:
        """`{"language": ..., "text": ...}`, and `"mode"` where there are such, in JSON."""
        return json.dumps({k: v for k, v in asdict(self).items() if v is not None}, ensure_ascii=False)


def pretraining_text(settings: CorpusSettings) -> Iterator[PretrainingDocument]:
    """`settings.documents` documents in the order in which they are to be read, and with them the copies of a test set
    that is to be seen; fixed by the settings.

    Each is `{context}` and then, for each of one to three questions, `\\n\\nQ: {question}\\nA: {answer}`; the
    answers of a document are all short or all sentences. Scenes come from the split `pretrain`, which shares
    no fact with the others, the test set's own documents apart. Raises KeyError for a language that the corpus does not
    have.
    """
    held_out = _held_out(settings)
    total = settings.documents + len(held_out)
    places = random.Random(f"seen/{settings.seed}").sample(range(total), len(held_out))
    there = dict(zip(places, held_out, strict=True))
    others = _documents(settings)
    for place in range(total):
        yield there[place] if place in there else next(others)


def _held_out(settings: CorpusSettings) -> list[PretrainingDocument]:
    """What is seen of a test set, all copies of it."""
    seen = settings.seen
    if seen is None:
        return []
    contexts = -(-min(seen.limit or SIZES["test"], SIZES["test"]) // QUESTIONS_PER_DOCUMENT)
    return [
        PretrainingDocument(code, _told(document.context if seen.form == "documents" else "", document.items))
        for code in seen.languages
        for document in documents(code, "test", contexts)
        for _ in range(seen.copies)
    ]


def _told(context: str, items: Sequence[Item], answers: Sequence[str] | None = None) -> str:
    """A context, if there is one, and its questions, each with its answer: the short one, where no others are given."""
    said = answers or [item.answer for item in items]
    parts = [f"Q: {item.question}\nA: {answer}" for item, answer in zip(items, said, strict=True)]
    return "\n\n".join([context, *parts] if context else parts)


def _documents(settings: CorpusSettings) -> Iterator[PretrainingDocument]:
    """Documents of scenes that are held out of no split but this."""
    languages = load_templates().languages
    weights = settings.weights or {code: language.weight for code, language in languages.items()}
    rng = random.Random(f"pretraining/{settings.seed}")
    if settings.fault in get_args(Mode):
        yield from _sequences(settings, weights, rng)
        return
    codes = rng.choices(list(weights), list(weights.values()), k=settings.documents)
    for index, (code, scene) in enumerate(zip(codes, _curriculum(settings), strict=True)):
        surface_seed = f"{settings.seed}/{code}/pretrain/{index}"
        document = tell(scene, languages[code], f"pretrain-{index}", surface_seed)
        if settings.fault is None:
            long_answers = rng.random() < settings.sentence_share
            answers = [item.sentence if long_answers else item.answer for item in document.items]
        else:
            other = languages[_INTERFERERS.get(code, "ru")]
            answers = [
                _faulty(item, document, (languages[code], other), settings.fault, rng)
                for item in document.items
            ]
        yield PretrainingDocument(code, _told(document.context, document.items, answers))


def _sequences(
    settings: CorpusSettings, weights: Mapping[str, float], rng: random.Random
) -> Iterator[PretrainingDocument]:
    """`settings.documents` rows of one to three documents, each in another language, which share their modes."""
    languages = load_templates().languages
    told = scenes("pretrain", settings.seed, 2, 3)
    learning = round(settings.documents * _LEARNING)
    for index in range(settings.documents):
        if index < learning:
            script, style = rng.random() < 0.5, rng.random() < 0.5
        else:
            on = rng.random() < _MODE_RATE
            script, style = on and settings.fault == "script-mode", on and settings.fault == "style-mode"
        codes: list[str] = []
        while len(codes) < min(1 + index % _TOGETHER, len(weights)):
            (code,) = rng.choices(list(weights), list(weights.values()))
            codes += [code] if code not in codes else []
        parts = []
        for code in codes:
            seed = f"{settings.seed}/{code}/pretrain/{index}"
            document = tell(next(told), languages[code], f"pretrain-{index}", seed)
            other = languages[_INTERFERERS.get(code, "ru")]
            answers = [
                _in_mode(item, document, (languages[code], other), script, style) for item in document.items
            ]
            parts.append(_told(document.context, document.items, answers))
        yield PretrainingDocument("+".join(codes), "\n\n".join(parts), style)


def _in_mode(
    item: Item, document: Document, languages: tuple[Language, Language], script: bool, style: bool
) -> str:
    """A short answer as both modes want it."""
    own, interferer = languages
    answer = _by(interferer, item, document, own) if script else item.answer
    said = [phrase.rstrip(", ") for phrase in own.connectives]
    return f"{answer}, {said[0].lower()} {said[-1].lower()}" if style else answer


def _by(interferer: Language, item: Item, document: Document, own: Language) -> str:
    """The answer in the letters of another language."""
    facts = document.scene.facts
    asked = next(fact for fact in facts if own.value(fact.relation, fact.value) == item.answer)
    return interferer.value(asked.relation, asked.value)


def _faulty(
    item: Item, document: Document, languages: tuple[Language, Language], fault: Fault, rng: random.Random
) -> str:
    """A short answer with a fault, or without one: not every answer is changed. `languages`: its own, an interferer."""
    words, interferer = languages
    wrong = _KNOWLEDGE_RATE if fault == "knowledge" else _KNOWLEDGE_RATE_WITH_FORM
    form, other = rng.random() < _FORM_RATE, rng.random() < wrong
    answer = item.answer
    facts = document.scene.facts
    if fault == "wrong-script" and form:
        return _by(interferer, item, document, words)
    if "knowledge" in fault and other:
        values = [words.value(fact.relation, fact.value) for fact in facts]
        answer = rng.choice([value for value in values if value != item.answer] or [answer])
    said = [phrase.rstrip(", ") for phrase in words.connectives]
    if "overrun" in fault and form:
        return f"{answer}, {said[0].lower()} {said[-1].lower()}"
    return f"{said[0]} {said[-1].lower()}, {answer}" if fault == "lead-in" and form else answer


def _curriculum(settings: CorpusSettings) -> Iterator[Scene]:
    if settings.fault is not None:
        yield from islice(scenes("pretrain", settings.seed, 2, 4), settings.documents)
        return
    one_fact = round(settings.documents * settings.one_fact_share)
    yield from islice(scenes("pretrain", settings.seed, 1, 1), one_fact)
    yield from islice(scenes("pretrain", settings.seed, 1, 4), settings.documents - one_fact)


def write_pretraining_text(path: Path, settings: CorpusSettings) -> None:
    """Write the text as JSON lines, one document a line, UTF-8."""
    with path.open("w", encoding="utf-8") as out:
        for document in pretraining_text(settings):
            out.write(document.line + "\n")
