"""The templates of the tiny corpus, typed: how a name, a fact, a question, an answer read in a language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

RELATIONS = ("lives", "works", "born", "friend")


@dataclass(frozen=True)
class Script:
    """How a romanised name of consonant + vowel syllables is written in one script."""

    code: str
    capital: bool
    letters: Mapping[str, str]

    def name(self, romanised: str) -> str:
        """`romanised` in this script; letters outside the script's table raise KeyError."""
        written = "".join(self.letters[letter] for letter in romanised)
        return written.capitalize() if self.capital else written


@dataclass(frozen=True)
class RelationTemplates:
    """Sentences of one relation in one language, with the fields `{p}` (person) and `{v}` (value).

    `facts` state it in a context, `questions` ask for it, `sentences` answer it at length.
    """

    facts: tuple[str, ...]
    questions: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Language:
    """One language: its script, its share of the pre-training documents, its words and sentences."""

    code: str
    script: Script
    resources: str
    weight: float
    professions: Mapping[str, str]
    connectives: tuple[str, ...]
    relations: Mapping[str, RelationTemplates]

    def value(self, relation: str, value: str) -> str:
        """A fact's value as this language writes it: a year as it is, a profession's word, else a name."""
        if relation == "born":
            return value
        if relation == "works":
            return self.professions[value]
        return self.script.name(value)


@dataclass(frozen=True)
class Templates:
    """The pools that all languages share (romanised names, professions in English), and the languages."""

    persons: tuple[str, ...]
    cities: tuple[str, ...]
    professions: tuple[str, ...]
    years: tuple[str, ...]
    languages: Mapping[str, Language]

    def pool(self, relation: str) -> tuple[str, ...]:
        """All values that a fact of `relation` may have."""
        return {
            "lives": self.cities,
            "works": self.professions,
            "born": self.years,
            "friend": self.persons,
        }[relation]


@cache
def load_templates() -> Templates:
    """The templates that come with the package."""
    text = resources.files("kit.corpus").joinpath("templates.yaml").read_text(encoding="utf-8")
    raw: dict[str, Any] = yaml.safe_load(text)
    scripts = {code: Script(code, e["capital"], e["letters"]) for code, e in raw["scripts"].items()}
    professions = tuple(raw["professions"])
    first, last = raw["years"]
    return Templates(
        persons=tuple(raw["persons"]),
        cities=tuple(raw["cities"]),
        professions=professions,
        years=tuple(str(year) for year in range(first, last + 1)),
        languages={
            code: _language(code, entry, scripts, professions) for code, entry in raw["languages"].items()
        },
    )


def _language(
    code: str, entry: dict[str, Any], scripts: Mapping[str, Script], professions: tuple[str, ...]
) -> Language:
    return Language(
        code=code,
        script=scripts[entry["script"]],
        resources=entry["resources"],
        weight=float(entry["weight"]),
        professions=dict(zip(professions, entry["professions"], strict=True)),
        connectives=tuple(entry["connectives"]),
        relations={
            relation: RelationTemplates(**{kind: tuple(lines) for kind, lines in entry[relation].items()})
            for relation in RELATIONS
        },
    )
