"""Documents and examples of the tiny corpus: the same scenes told in every language, aligned by index."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from kit.corpus.scenes import Fact, Scene, scenes
from kit.corpus.templates import Language, load_templates

DATASET = "tiny"
SEED = 0
# Examples a split, three a document; 103 is the size of the paper's training sets.
SIZES = {"train": 103, "dev": 111, "test": 600}
QUESTIONS_PER_DOCUMENT = 3
CHOICES = 4
_CONNECTIVE_RATE = 0.3


@dataclass(frozen=True)
class Item:
    """One example. `answer`, short, stands word for word in `context`; `sentence` says the same at length."""

    id: str
    context_id: str
    context: str
    question: str
    answer: str
    sentence: str
    relation: str


@dataclass(frozen=True)
class Document:
    """One context in one language with its questions; `scene` is what all languages share."""

    context_id: str
    language: str
    context: str
    items: tuple[Item, ...]
    scene: Scene


def documents(language: str, split: str, n: int, seed: int = SEED) -> Iterator[Document]:
    """The first `n` documents of `split` in `language`: document i tells the same scene in every language.

    Deterministic in (language, split, seed); a longer run begins with the shorter one. Raises KeyError for a
    language or a split that the corpus does not have.
    """
    words = load_templates().languages[language]
    told: set[frozenset[Fact]] = set()
    index = 0
    for scene in scenes(split, seed):
        if index == n:
            return
        if frozenset(scene.facts) in told:
            continue
        told.add(frozenset(scene.facts))
        yield tell(scene, words, f"{DATASET}-{split}-{index:05d}", f"{seed}/{language}/{split}/{index}")
        index += 1


def examples(language: str, split: str, seed: int = SEED) -> list[Item]:
    """The `SIZES[split]` examples of `split` in `language`, in order; item i is parallel in every language.

    Raises KeyError for a language or a split that has none.
    """
    return [item for item, _, _ in _asked(language, split, seed)]


def choices(language: str, split: str, seed: int = SEED) -> list[tuple[Item, tuple[str, ...], int]]:
    """The examples of `split` with `CHOICES` answers to choose from each, and the place of the right one.

    The wrong ones are values of the same relation: those that the document tells of others, then some of the pool. The
    same in every language, in the same order. Raises as `examples`.
    """
    words = load_templates().languages[language]
    found = []
    for item, scene, asked in _asked(language, split, seed):
        rng = random.Random(f"choices/{seed}/{split}/{item.id}")
        told = [f.value for f in scene.facts if f.relation == asked.relation and f.value != asked.value]
        pool = [
            v for v in load_templates().pool(asked.relation) if v not in (asked.value, asked.person, *told)
        ]
        values = [asked.value, *(told + rng.sample(pool, CHOICES))[: CHOICES - 1]]
        rng.shuffle(values)
        texts = tuple(words.value(asked.relation, value) for value in values)
        found.append((item, texts, values.index(asked.value)))
    return found


def _asked(language: str, split: str, seed: int) -> Iterator[tuple[Item, Scene, Fact]]:
    """The examples of `split` with the scene that each is about, and the fact that it asks for."""
    if split not in SIZES:
        raise KeyError(f"{split!r} is no split with examples; there are {', '.join(SIZES)}")
    size = SIZES[split]
    contexts = -(-size // QUESTIONS_PER_DOCUMENT)
    items = (
        (item, document.scene, document.scene.facts[at])
        for document in documents(language, split, contexts, seed)
        for item, at in zip(document.items, document.scene.asked, strict=True)
    )
    return islice(items, size)


def tell(scene: Scene, words: Language, context_id: str, surface_seed: str) -> Document:
    """`scene` in the language of `words`; `surface_seed` alone decides which of its templates are used."""
    rng = random.Random(f"surface/{surface_seed}")
    context = " ".join(_state(fact, words, rng, first=place == 0) for place, fact in enumerate(scene.facts))
    items = tuple(
        _ask(scene.facts[index], words, rng, context, f"{context_id}-{number}")
        for number, index in enumerate(scene.asked)
    )
    return Document(context_id, words.code, context, items, scene)


def _state(fact: Fact, words: Language, rng: random.Random, *, first: bool) -> str:
    template = rng.choice(words.relations[fact.relation].facts)
    # A connective needs a sentence that begins with a name: nothing else keeps its capital after a comma.
    joined = rng.random() < _CONNECTIVE_RATE and not first and template.startswith("{p}")
    return (rng.choice(words.connectives) if joined else "") + _fill(template, fact, words)


def _ask(fact: Fact, words: Language, rng: random.Random, context: str, item_id: str) -> Item:
    templates = words.relations[fact.relation]
    return Item(
        id=item_id,
        context_id=item_id.rpartition("-")[0],
        context=context,
        question=_fill(rng.choice(templates.questions), fact, words),
        answer=words.value(fact.relation, fact.value),
        sentence=_fill(rng.choice(templates.sentences), fact, words),
        relation=fact.relation,
    )


def _fill(template: str, fact: Fact, words: Language) -> str:
    return template.format(p=words.script.name(fact.person), v=words.value(fact.relation, fact.value))
