"""Reads: the command line.
Writes: text for people, JSON for machines (`--json`), an exit code for scripts; no logic of its own.
"""

from kit.cli.app import main

__all__ = ["main"]
