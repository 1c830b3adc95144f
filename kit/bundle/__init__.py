"""A run, or several, as one archive that others can check. Reads a folder laid out as a home; writes a zip file.

What lies where: `kit.bundle.facts`. How tables are made for it and made again: `kit.api.bundling`, `kit.api.verifying`.
"""

from kit.bundle.archive import opened, pack
from kit.bundle.facts import FACTS, BundleFacts, read_facts, write_facts
from kit.bundle.sums import SUMS, Sums, check_sums, read_sums, sums_of, write_sums

__all__ = [
    "FACTS",
    "SUMS",
    "BundleFacts",
    "Sums",
    "check_sums",
    "opened",
    "pack",
    "read_facts",
    "read_sums",
    "sums_of",
    "write_facts",
    "write_sums",
]
