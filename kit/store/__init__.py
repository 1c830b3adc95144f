"""Reads: keys, finished folders of jobs.
Writes: one folder a key under the store's root, whole or not at all; never changes what is there.
"""

from kit.store.store import Store, default_home

__all__ = ["Store", "default_home"]
