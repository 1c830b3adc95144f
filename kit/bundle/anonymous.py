"""For double-blind review: host, user, ids and paths taken out of what a run tells of where it was made."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kit.jobdir import atomic_write, read_json

_NOBODY = {"root", "user", "ubuntu", "admin", "debian", "localhost", "home", "runner", "nobody"}
"""Names that tell nobody from another, and stand in many words."""
_PATH = re.compile(r"(?<![\w./~-])(?:~?/)(?:[^\s/\"'\\:;,|]+/)+([^\s/\"'\\:;,|]*)")
_LONG_ID = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b")
_HIDDEN = "…"
_WHERE = {"platform", "system", "git", "pid", "engine", "mirror", "container", "host_name"}
"""Fields that speak of a machine, a person or a checkout and of no number."""
_CONTENT = {
    "id",
    "digest",
    "key",
    "keys",
    "adapter_digests",
    "produced",
    "sha256",
    "inputs",
    "tunings",
    "models",
    "data",
    "base",
}
"""Fields whose long hexadecimal names are of contents, not of machines."""
_SHORTEST = 3


def identifying() -> frozenset[str]:
    """What names this machine and its user: host, login, home, and the name and address of their git."""
    found = {socket.gethostname(), socket.gethostname().partition(".")[0], str(Path.home())}
    for ask in (getpass.getuser, lambda: os.environ.get("USER", ""), lambda: os.environ.get("LOGNAME", "")):
        try:
            found.add(ask())
        except (OSError, KeyError):
            continue
    found |= {_git(name) for name in ("user.name", "user.email")}
    return frozenset(word for word in found if len(word) >= _SHORTEST and word.lower() not in _NOBODY)


def scrub_json(path: Path, words: Iterable[str]) -> None:
    """Rewrite a JSON file without what identifies."""
    value = _scrubbed(read_json(path), tuple(words), content=False)
    atomic_write(path, json.dumps(value, ensure_ascii=False, indent=1))


def scrub_text(path: Path, words: Iterable[str]) -> None:
    """Rewrite a text file without what identifies."""
    atomic_write(path, clean(path.read_text(encoding="utf-8"), words))


def clean(text: str, words: Iterable[str], ids: bool = True) -> str:
    """A text without the folders of paths (their last part stays), the given words and, where asked, long ids."""
    found = _PATH.sub(lambda match: f"{_HIDDEN}/{match[1]}" if match[1] else _HIDDEN, text)
    for word in sorted(words, key=len, reverse=True):
        found = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", _HIDDEN, found, flags=re.IGNORECASE)
    return _LONG_ID.sub(_HIDDEN, found) if ids else found


def left_over(root: Path, words: Iterable[str]) -> Iterator[str]:
    """The files of a tree in which one of the words still stands."""
    patterns = [re.compile(rf"(?<!\w){re.escape(word)}(?!\w)".encode(), re.IGNORECASE) for word in words]
    for path in sorted(root.rglob("*")):
        if path.is_file() and any(pattern.search(path.read_bytes()) for pattern in patterns):
            yield path.relative_to(root).as_posix()


def _scrubbed(value: Any, words: tuple[str, ...], content: bool) -> Any:
    if isinstance(value, dict):
        return {
            clean(name, words, ids=False): _scrubbed(inner, words, content or name in _CONTENT)
            for name, inner in value.items()
            if name not in _WHERE
        }
    if isinstance(value, list):
        return [_scrubbed(inner, words, content) for inner in value]
    return clean(value, words, ids=not content) if isinstance(value, str) else value


def _git(name: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "config", "--get", name], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()
