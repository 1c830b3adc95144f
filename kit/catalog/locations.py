"""Where data and weights are looked for on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Locations:
    """A place each for what is published and what was fetched, and whether more may be fetched.

    `mirror` is a tree of published files (`<host>/<owner>/<repository>/<commit>/<path>`), read before
    all else. `cache` keeps what was fetched, sums recorded at first fetches, and digests of large files.
    `offline` keeps the kit from the network.
    """

    mirror: Path | None
    cache: Path
    offline: bool = False
