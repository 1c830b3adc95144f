"""The scripts of a text, character by character, as Unicode's `Script` property has them (Standard Annex 24)."""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache

import regex

OTHER = "Zzzz"
"""ISO 15924's code for a script that is none of `SCRIPTS`."""
# fmt: off
SCRIPTS = (
    "Latn", "Cyrl", "Grek", "Armn", "Geor", "Hebr", "Arab", "Syrc", "Thaa", "Deva", "Beng", "Guru", "Gujr", "Orya",
    "Taml", "Telu", "Knda", "Mlym", "Sinh", "Thai", "Laoo", "Tibt", "Mymr", "Khmr", "Mong", "Hani", "Hira", "Kana",
    "Bopo", "Hang", "Ethi", "Cher", "Cans", "Nkoo", "Tfng", "Vaii", "Olck", "Mtei", "Cakm", "Java", "Bali", "Sund",
    "Tglg", "Yiii", "Adlm", "Copt", "Runr", "Ogam", "Goth",
)
# fmt: on
"""ISO 15924 codes that are told apart; all others count as `OTHER`."""

# Characters of no script of their own: punctuation, digits, symbols (Common), and marks on others' letters (Inherited).
_NEUTRAL = "Zyyy"
# What a language's script is written with, where that is more than itself.
_WRITTEN_WITH = {
    "Hans": ("Hani",),
    "Hant": ("Hani",),
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
}


@cache
def _kinds() -> regex.Pattern[str]:
    """A group for each script: made when it is first asked for, as few commands need it."""
    groups = [rf"(?P<{name}>\p{{Script={name}}})" for name in SCRIPTS]
    neutral = rf"(?P<{_NEUTRAL}>[\p{{Script=Zyyy}}\p{{Script=Zinh}}\p{{Script=Zzzz}}])"
    return regex.compile("|".join((*groups, neutral, f"(?P<{OTHER}>.)")), regex.DOTALL)


@lru_cache(maxsize=65_536)
def script_of(character: str) -> str | None:
    """The ISO 15924 code of one character's script; None of one that belongs to no script or to all."""
    found = _kinds().fullmatch(character)
    return None if found is None or found.lastgroup == _NEUTRAL else found.lastgroup


def scripts(text: str) -> Counter[str]:
    """How many characters of a text are of each script; those of none are not counted."""
    return Counter(script for script in map(script_of, text) if script is not None)


def written_with(script: str) -> tuple[str, ...]:
    """The scripts of the characters that a language's script (`Jpan`, say) consists of."""
    return _WRITTEN_WITH.get(script, (script,))
