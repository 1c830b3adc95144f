"""SQuAD v2's exact match and F1, equal to the official script (rajpurkar/squad, `evaluate-v2.0.py`).

Lower case, ASCII punctuation deleted, English articles deleted, white space collapsed: the metric of the
paper's protocol for every language (trap 7 says what it does to Indic text). The protocol's cut to the first
line is not part of it: see `kit.score.answer`.
"""

import re
import string
from collections.abc import Sequence
from functools import lru_cache

from kit.score.overlap import as_golds, best_f1

_PUNCTUATION = re.compile(f"[{re.escape(string.punctuation)}]")
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def _plain(text: str) -> str:
    text = _PUNCTUATION.sub("", text.lower())
    if "a" in text or "the" in text:  # spares other scripts the search for word boundaries
        text = _ARTICLES.sub(" ", text)
    return text


def normalize(text: str) -> str:
    """Return SQuAD's normal form: lower case, no ASCII punctuation, no a/an/the, single spaces."""
    return " ".join(_plain(text).split())


def tokens_of_lines(lines: Sequence[str]) -> list[list[str]]:
    """The words of the normal form of each text; none may hold a newline. No rule looks across one."""
    return [line.split() for line in _plain("\n".join(lines)).split("\n")]


@lru_cache(maxsize=1 << 15)
def gold_tokens(golds: tuple[str, ...]) -> list[list[str]]:
    """Tokens of the golds; as in the script, those without a token only if all are so."""
    words = [_plain(gold).split() for gold in golds]
    return [gold for gold in words if gold] or [[]]


def score(tokens: list[str], targets: Sequence[list[str]]) -> tuple[float, float]:
    """Return (exact match, F1) of an answer's tokens against the best of its `gold_tokens`, each 0 to 1.

    Normal forms are equal where their tokens are: these stand in them with single spaces between.
    """
    if tokens in targets:
        return 1.0, 1.0
    if not tokens or not targets[0]:  # a side without tokens: F1 is 1 only where the other has none either
        return 0.0, 0.0
    return 0.0, best_f1(tokens, targets)


def exact_match(prediction: str, gold: str | Sequence[str]) -> float:
    """1.0 where the normal forms are equal, else 0.0; of several golds the best counts.

    Raises ValueError for an empty sequence of golds.
    """
    return score(_plain(prediction).split(), gold_tokens(as_golds(gold)))[0]


def f1(prediction: str, gold: str | Sequence[str]) -> float:
    """SQuAD v2's token F1, 0 to 1; of several golds the best counts.

    Where either side normalises to no token at all, 1.0 if both do and 0.0 otherwise. In a list, golds that
    normalise to nothing are passed over unless all do, as in the script. Raises ValueError for an empty
    sequence of golds.
    """
    return score(_plain(prediction).split(), gold_tokens(as_golds(gold)))[1]
