"""How much is tried: FUZZ times the examples of an ordinary run (`make fuzz` sets it)."""

from __future__ import annotations

import os

FACTOR = float(os.environ.get("FUZZ", "2"))


def examples(ordinary: int) -> int:
    """The number of examples of a property test whose ordinary number this is."""
    return max(10, round(ordinary * FACTOR))
