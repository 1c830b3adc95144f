"""MLQA's exact match and F1, equal to the official script (facebookresearch/MLQA, `mlqa_evaluation_v1.py`).

Lower case, Unicode punctuation (category P) and ASCII punctuation deleted, articles of the language deleted,
words at white space (Chinese: each ideograph of U+4E00–9FA5 a token of its own). What may surprise is the
script's, not ours: its Arabic pattern has an alternative that can never match and so deletes *every* ال,
inside words too; F1 is 0, not 1, where both sides normalise to nothing; ASCII symbols such as `$` go while
`€` stays. Category P is that of the running Python's `unicodedata`, as in the script.
"""

import re
import string
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from kit.score.languages import code
from kit.score.overlap import CharMap, as_golds, best_f1

MLQA_LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")


def _delete_punctuation(char: str) -> str | None:
    return None if char in string.punctuation or unicodedata.category(char)[0] == "P" else char


_PUNCTUATION = CharMap(_delete_punctuation)
_IDEOGRAPH = re.compile("([\u4e00-\u9fa5])")
_ARTICLES = {
    "de": re.compile(r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "en": re.compile(r"\b(a|an|the)\b"),
    "es": re.compile(r"\b(un|una|unos|unas|el|la|los|las)\b"),
    "vi": re.compile(r"\b(của|là|cái|chiếc|những)\b"),
}


def covers(language: str) -> bool:
    """Say whether the language (any code that `languages.code` reads) is one of MLQA's seven."""
    return code(language) in MLQA_LANGUAGES


def normalize(text: str, language: str) -> str:
    """Return MLQA's normal form of a text in one of the seven languages.

    Raises ValueError, naming the seven, for any other language.
    """
    short = code(language)
    if short not in MLQA_LANGUAGES:
        raise ValueError(f"MLQA's metric knows {', '.join(MLQA_LANGUAGES)}, not {language!r}")
    text = text.lower().translate(_PUNCTUATION)
    if short in _ARTICLES:
        text = _ARTICLES[short].sub(" ", text)
    elif short == "ar":
        text = text.replace("ال", " ")
    elif short == "zh":
        text = _IDEOGRAPH.sub(r" \1 ", text)
    return " ".join(text.split())


_normalize_gold = lru_cache(maxsize=1 << 15)(normalize)


@lru_cache(maxsize=1 << 15)
def _targets(golds: tuple[str, ...], language: str) -> tuple[list[str], list[list[str]]]:
    """Normal forms of the golds, and their tokens."""
    forms = [_normalize_gold(gold, language) for gold in golds]
    return forms, [form.split() for form in forms]


def score(prediction: str, golds: tuple[str, ...], language: str) -> tuple[float, float]:
    """Return (exact match, F1) against the best gold, each 0 to 1; raises ValueError as `normalize` does."""
    form = normalize(prediction, language)
    forms, targets = _targets(golds, language)
    return float(form in forms), best_f1(form.split(), targets)


def mlqa_exact_match(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """1.0 where MLQA's normal forms are equal, else 0.0; of several golds the best counts.

    Raises ValueError for a language outside the seven and for an empty sequence of golds.
    """
    return score(prediction, as_golds(gold), language)[0]


def mlqa_f1(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """MLQA's token F1, 0 to 1 (0 where both sides normalise to nothing); of several golds the best counts.

    Raises ValueError for a language outside the seven and for an empty sequence of golds.
    """
    return score(prediction, as_golds(gold), language)[1]
