"""How many answers of the fast mode are those of one prompt at a time, in each data type.

`python -m tests.bench.agreement [QUESTIONS]`, by default 100 a language: the shipped base on XQuAD-IN, greedy, until
the newline. In float32 all must be; 16 bits round sums in another order to another number now and then.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kit.api import Trial, Workspace, measure
from kit.api.measuring import Dtype
from tests.bench.record import keep

_LANGUAGES = ("hi", "or", "bn", "te", "en")


def main() -> None:
    """Measure and keep."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    workspace = Workspace.from_environment(None, Path(os.environ["XLT_KIT_MIRROR"]), True)
    rows = []
    dtypes: tuple[Dtype, ...] = ("float32", "bfloat16")
    for dtype in dtypes:
        found = []
        for language in _LANGUAGES:
            trial = Trial("tiny-bloom", "xquad-in", language, dtype=dtype, questions=count, alone=count)
            found.append(measure(workspace, trial)["same_answers"])
        assert dtype != "float32" or sum(found) == count * len(_LANGUAGES), f"float32 differs: {found}"
        by_language = ", ".join(f"{name} {same}" for name, same in zip(_LANGUAGES, found, strict=True))
        rows.append((dtype, f"{sum(found)} of {count * len(_LANGUAGES)}", by_language))
    words = f"The shipped base, the first {count} questions of XQuAD-IN in each language, on a CPU."
    keep(
        "agreement",
        "Answers of the fast mode that are those of one prompt at a time",
        ("type", "same", "of them"),
        rows,
        words,
    )


if __name__ == "__main__":
    main()
