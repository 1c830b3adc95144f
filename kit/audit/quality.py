"""Translation quality of a training set's contexts, against another translator's."""

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
