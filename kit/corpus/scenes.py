"""Scenes: what a document says, before any language says it; and which scenes a split may draw.

A fact (person, relation, value) belongs to exactly one split, by its own hash. So splits are disjoint by
construction, as facts and therefore as scenes: no fact of the test set was ever stated in pre-training.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from kit.corpus.templates import RELATIONS, load_templates

# Of twenty buckets of facts, how many each split owns.
SPLITS: Mapping[str, int] = {"train": 2, "dev": 1, "test": 3, "pretrain": 14}
_BUCKETS = sum(SPLITS.values())
TWO_PERSONS = 0.3


@dataclass(frozen=True)
class Fact:
    """One statement, in romanised names: `person` stands in `relation` to `value`."""

    person: str
    relation: str
    value: str


@dataclass(frozen=True)
class Scene:
    """The facts of one document in the order told; the indices of those asked about, in the order asked."""

    facts: tuple[Fact, ...]
    asked: tuple[int, ...]


def split_of(fact: Fact) -> str:
    """The only split in which `fact` occurs; a function of the fact alone, whatever the seed."""
    name = f"{fact.person}|{fact.relation}|{fact.value}".encode()
    bucket = int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") % _BUCKETS
    for split, share in SPLITS.items():
        if bucket < share:
            return split
        bucket -= share
    raise AssertionError("the shares of the splits do not add up")


def scenes(split: str, seed: int, min_facts: int = 3, max_facts: int = 4) -> Iterator[Scene]:
    """Scenes of `split` without end, each of `min_facts` to `max_facts` facts, at most three of them asked.

    The stream depends on nothing but its arguments. Raises KeyError for an unknown split.
    """
    table = _allowed(split)
    rng = random.Random(f"scenes/{seed}/{split}/{min_facts}/{max_facts}")
    while True:
        scene = _draw(table, rng, rng.randint(min_facts, max_facts))
        if scene is not None:
            yield scene


@cache
def _allowed(split: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    if split not in SPLITS:
        raise KeyError(split)
    templates = load_templates()
    return {
        (person, relation): tuple(
            value
            for value in templates.pool(relation)
            if value != person and split_of(Fact(person, relation, value)) == split
        )
        for person in templates.persons
        for relation in RELATIONS
    }


def _draw(table: Mapping[tuple[str, str], tuple[str, ...]], rng: random.Random, size: int) -> Scene | None:
    """One scene of `size` facts, or None where the split has no value for a person that was drawn."""
    two = size > 1 and rng.random() < TWO_PERSONS
    persons = rng.sample(load_templates().persons, 2 if two else 1)
    pairs = rng.sample([(person, relation) for person in persons for relation in RELATIONS], size)
    if any(not table[pair] for pair in pairs):
        return None
    facts = tuple(Fact(person, relation, rng.choice(table[person, relation])) for person, relation in pairs)
    return Scene(facts, tuple(rng.sample(range(size), min(3, size))))
