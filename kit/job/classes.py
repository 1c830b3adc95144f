"""Classes of tokens: which script, or language, each token of a vocabulary speaks for.

Every token belongs to classes with weights that sum to 1, so the mass of all classes is the whole probability: what
belongs to no language is named, not dropped. `neutral`: punctuation, digits, spaces. `broken`: bytes that are no whole
character; `broken Orya`: those that can only become one of that script. `special`: the tokenizer's own tokens.
`padding`: outputs of the model that no token has. `unmapped`: tokens that a map does not name.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from kit.job.failures import BadInput
from kit.job.pieces import bytes_of, decided_script
from kit.jobdir.cell import BROKEN, NEUTRAL, PADDING, SPECIAL, UNMAPPED, broken
from kit.score.script import scripts

_REPLACEMENT = "\ufffd"  # what decoding makes of bytes that are no whole character
_PLAIN = frozenset(string.punctuation + string.digits + string.whitespace)
_WORD = "word"  # not set apart: langid has it
_TOKENS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Classes:
    """`weights`: (outputs of the model, classes) float32, rows sum to 1; `names` of the classes, in that order."""

    names: tuple[str, ...]
    weights: torch.Tensor


def classes_of(matrix: str, tokenizer: Any, outputs: int, map_file: Path | None = None) -> Classes:
    """The classes of a tokenizer's tokens. `outputs` is the width of the model's logits; `map_file` that of a map.

    Raises:
        BadInput: there is no such matrix, the map is unfit, or langid is not installed.
    """
    if map_file is not None:
        return _by_map(map_file, min(len(tokenizer), outputs), outputs)
    texts = tokenizer.batch_decode([[i] for i in range(len(tokenizer))], clean_up_tokenization_spaces=False)
    special = frozenset(tokenizer.all_special_ids)
    if matrix == "script":
        tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
        pairs = enumerate(zip(texts, tokens, strict=True))
        rows = [SPECIAL if i in special else _by_script(text, token) for i, (text, token) in pairs]
        return _from_rows(rows, outputs)
    if matrix in ("langid", "langid-whole"):
        return _by_langid(texts, special if matrix == "langid-whole" else None, outputs)
    raise BadInput(f"There is no matrix {matrix!r}.", "Use script, langid, langid-whole or a map.")


Row = str | Counter[str]
"""A token's class, or how many of its characters belong to each."""


def _by_script(text: str, token: str) -> Row:
    """Each letter counts as much: a token of two scripts belongs to both."""
    if _REPLACEMENT not in text:
        return scripts(text) or NEUTRAL
    script = decided_script(bytes_of(token) or b"")
    return broken(script) if script else BROKEN


def _from_rows(rows: Sequence[Row], outputs: int, first: Iterable[str] = ()) -> Classes:
    """Classes in the order of `first`, then in that in which they appear; padding last."""
    names = list(dict.fromkeys((*first, *chain.from_iterable(map(_classes_in, rows)))))
    if outputs > len(rows):
        names.append(PADDING)
    place = {name: at for at, name in enumerate(names)}
    shares = [
        (at, place[name], share) for at, row in enumerate(rows[:outputs]) for name, share in _shares(row)
    ]
    weights = torch.zeros(outputs, len(names))
    tokens, classes, values = zip(*shares, strict=True)
    weights[torch.tensor(tokens), torch.tensor(classes)] = torch.tensor(values)
    weights[len(rows) :, -1] = 1.0
    return Classes(tuple(names), weights)


def _classes_in(row: Row) -> Iterable[str]:
    return (row,) if isinstance(row, str) else row


def _shares(row: Row) -> Iterator[tuple[str, float]]:
    if isinstance(row, str):
        yield row, 1.0
        return
    total = row.total()
    for name, count in row.items():
        yield name, count / total


def _by_map(path: Path, size: int, outputs: int) -> Classes:
    """The hard map of a JSON file, token id → language, as the paper's authors published one.

    Languages stand in the order in which the file first names them: that is the axis of the published arrays.
    """
    try:
        named = {int(token): str(language) for token, language in json.loads(path.read_bytes()).items()}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise BadInput(
            f"{path}: not a map of token ids to languages: {error}", 'Write {"token id": "language", …}.'
        ) from error
    if not any(token in named for token in range(size)):
        raise BadInput(f"{path}: none of its tokens is one of this model's.", "Use the map of its tokenizer.")
    return _from_rows([named.get(token, UNMAPPED) for token in range(size)], outputs, named.values())


def _by_langid(texts: Sequence[str], special: frozenset[int] | None, outputs: int) -> Classes:
    """langid's scores over its languages, through a softmax; tokens of ASCII punctuation and digits are neutral.

    `special` None is the paper's form, in which special tokens and broken bytes go to langid like words. All that has
    no feature of langid's gets its prior, and broken bytes look Chinese to it (trap 12).
    """
    names, likely = _langid_scores([text.strip() for text in texts])
    rows = [_set_apart(at, text, special) for at, text in enumerate(texts)]
    apart = _from_rows([row or _WORD for row in rows], outputs, (NEUTRAL, BROKEN, SPECIAL, _WORD))
    words = apart.names.index(_WORD)
    weights = torch.zeros(outputs, len(names))
    weights[: len(texts)] = likely[:outputs] * apart.weights[: len(texts), words : words + 1]
    kept = [at for at in range(len(apart.names)) if at != words]
    return Classes(
        (*names, *(apart.names[at] for at in kept)), torch.cat([weights, apart.weights[:, kept]], dim=1)
    )


def _set_apart(token: int, text: str, special: frozenset[int] | None) -> str | None:
    """The class of a token that does not go to langid; None of one that does."""
    if special is not None and token in special:
        return SPECIAL
    if special is not None and _REPLACEMENT in text:
        return BROKEN
    return NEUTRAL if _PLAIN.issuperset(text) else None


def _langid_scores(texts: Sequence[str]) -> tuple[tuple[str, ...], torch.Tensor]:
    """langid's languages, and (texts, languages) float32 of their probabilities: naive Bayes on byte features.

    As `langid.langid.LanguageIdentifier.rank` with normalised probabilities, for all texts at once.
    """
    if find_spec("langid") is None:
        raise BadInput(
            "The matrix langid needs the package langid, which is not installed where the job runs.",
            "Install it: pip install 'xlt-kit[langid]'; or use matrix script.",
        )
    from langid import langid  # here alone: few jobs ask for it, and it is no part of the images

    found = langid.LanguageIdentifier.from_modelstring(langid.model)
    table, prior = torch.tensor(found.nb_ptc), torch.tensor(found.nb_pc)
    parts = []
    for start in range(0, len(texts), _TOKENS_AT_ONCE):
        bags = [_features(text, found) for text in texts[start : start + _TOKENS_AT_ONCE]]
        ends = torch.tensor([0, *(len(bag) for bag in bags)]).cumsum(0)
        flat = [pair for bag in bags for pair in bag.items()]
        indices = torch.tensor([feature for feature, _ in flat], dtype=torch.long)
        counts = torch.tensor([count for _, count in flat], dtype=table.dtype)
        sums = torch.nn.functional.embedding_bag(
            indices, table, ends[:-1], mode="sum", per_sample_weights=counts
        )
        parts.append(torch.softmax(sums + prior, dim=-1).float())
    return tuple(str(name) for name in found.nb_classes), torch.cat(parts)


def _features(text: str, found: Any) -> Counter[int]:
    """How often each of langid's features is in a text: its automaton over bytes, the states counted first."""
    state = 0
    visits: Counter[int] = Counter()
    for byte in text.encode():
        state = found.tk_nextmove[(state << 8) + byte]
        visits[state] += 1
    bag: Counter[int] = Counter()
    for state, count in visits.items():
        for feature in found.tk_output.get(state, ()):
            bag[feature] += count
    return bag
