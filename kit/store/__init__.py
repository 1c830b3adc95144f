"""Reads: keys, finished folders of jobs.
Writes: one folder a key under the store's root, whole or not at all; never changes what is there.
"""

from kit.store.care import Damage, Needed, Piece, collect, pieces, remove, size_of, verify
from kit.store.store import Store, default_home, made_with

__all__ = [
    "Damage",
    "Needed",
    "Piece",
    "Store",
    "collect",
    "default_home",
    "made_with",
    "pieces",
    "remove",
    "size_of",
    "verify",
]
