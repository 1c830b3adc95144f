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


def _plain(text: str, language: str) -> str:
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
    return text


def normalize(text: str, language: str) -> str:
    """Return MLQA's normal form of a text in one of the seven languages.

    Raises ValueError, naming the seven, for any other language.
    """
    return " ".join(_plain(text, language).split())


def tokens_of_lines(lines: Sequence[str], language: str) -> list[list[str]]:
    """The words of the normal form of each text; none may hold a newline. Raises ValueError as `normalize`."""
    return [line.split() for line in _plain("\n".join(lines), language).split("\n")]


@lru_cache(maxsize=1 << 15)
def gold_tokens(golds: tuple[str, ...], language: str) -> list[list[str]]:
    """The words of the normal form of each gold. Raises ValueError as `normalize`."""
    return [_plain(gold, language).split() for gold in golds]


def score(tokens: list[str], targets: Sequence[list[str]]) -> tuple[float, float]:
    """Return (exact match, F1) of an answer's tokens against the best of its `gold_tokens`."""
    if tokens in targets:
        return 1.0, float(bool(tokens))
    return 0.0, best_f1(tokens, targets)


def mlqa_exact_match(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """1.0 where MLQA's normal forms are equal, else 0.0; of several golds the best counts.

    Raises ValueError for a language outside the seven and for an empty sequence of golds.
    """
    return score(_plain(prediction, language).split(), gold_tokens(as_golds(gold), language))[0]


def mlqa_f1(prediction: str, gold: str | Sequence[str], language: str) -> float:
    """MLQA's token F1, 0 to 1 (0 where both sides normalise to nothing); of several golds the best counts.

    Raises ValueError for a language outside the seven and for an empty sequence of golds.
    """
    return score(_plain(prediction, language).split(), gold_tokens(as_golds(gold), language))[1]
