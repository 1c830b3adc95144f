"""In which script answers are, and what a language is written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from kit.catalog import Catalog
from kit.errors import CatalogError
from kit.results.types import Floats
from kit.score import cut
from kit.score.script import scripts, written_with

SCRIPT_COLUMN = "script_own"


@lru_cache(maxsize=256)
def scripts_of(language: str) -> tuple[str, ...]:
    """The scripts of a language's letters, by ISO 15924; none where the language is unknown."""
    try:
        return written_with(Catalog.load().language(language).script)
    except CatalogError:
        return ()


def script_columns(raws: Sequence[str], language: str) -> Mapping[str, Floats]:
    """The column `script_own`, (items,): share of an answer's letters that are the language's own; NaN where it has no
    letter of any script, or where it is not known how the language is written.
    """
    own = scripts_of(language)
    shares = np.full(len(raws), np.nan)
    for at, raw in enumerate(raws if own else ()):
        if found := scripts(cut(raw)):
            shares[at] = sum(found[name] for name in own) / found.total()
    return {SCRIPT_COLUMN: shares}
