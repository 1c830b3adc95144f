"""What the terminal UI remembers between its starts, in the home: theme, folder, the last choices of a table."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from kit.jobdir import atomic_write, read_json


class Remembered:
    """A small mapping in `ui.json`. Never a reason to fail: what cannot be read or written is forgotten."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            value = read_json(path)
            self._values = value if isinstance(value, dict) else {}

    def get(self, name: str, usual: str) -> str:
        """A remembered word, or the usual one."""
        value = self._values.get(name, usual)
        return value if isinstance(value, str) else usual

    def put(self, name: str, value: str) -> None:
        """Remember a word."""
        if self._values.get(name) == value:
            return
        self._values[name] = value
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(self._path, json.dumps(self._values, indent=1))
