"""Translations of contexts: their quality against another translator's, and their length against the originals'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """Means over the unique contexts, 0 to 100; `contexts` counts them."""

    bleu: float
    chrf: float
    contexts: int


def translation_quality(
    translations: Sequence[str], references: Sequence[str], originals: Sequence[str]
) -> Quality:
    """Mean sentence BLEU (sacrebleu, effective order) over unique contexts, as in the paper's protocol; and chrF.

    Args:
        translations: the contexts of the set's items, in the order of the original items.
        references: the third translator's, line by line the same items.
        originals: the original contexts, of which repeated ones count once.

    Raises:
        ValueError: the three are not of one length.
    """
    from sacrebleu import sentence_bleu, sentence_chrf

    if not len(translations) == len(references) == len(originals):
        raise ValueError(
            f"{len(translations)} translations, {len(references)} references and {len(originals)} originals"
        )
    firsts = {original: index for index, original in reversed(list(enumerate(originals)))}
    pairs = [(translations[i], references[i]) for i in sorted(firsts.values())]
    bleu = [sentence_bleu(one, [other], use_effective_order=True).score for one, other in pairs]
    chrf = [sentence_chrf(one, [other]).score for one, other in pairs]
    return Quality(sum(bleu) / len(pairs), sum(chrf) / len(pairs), len(pairs))


def length_ratio(translations: Sequence[str], originals: Sequence[str]) -> float:
    """Characters of the translated contexts over those of the originals, item by item the same; each context once.

    Both systems of the paper drop text (trap 16): within a language a lower ratio means that more is lost. Between
    languages it differs by their scripts and words as well.

    Raises:
        ValueError: the two are not of one length, or there is nothing to compare with.
    """
    if len(translations) != len(originals) or not any(originals):
        raise ValueError(f"{len(translations)} translations of {len(originals)} originals")
    firsts = dict(reversed(list(zip(originals, translations, strict=True))))
    return sum(map(len, firsts.values())) / sum(map(len, firsts))
