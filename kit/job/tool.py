"""Small programs of the job world: a file says what is asked, one JSON object on standard output is the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.job.failures import BadInput


def answer(words: list[str], make: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Print what `make` gives for the file that the first word names, or the problem and its remedy; the exit code."""
    try:
        print(json.dumps(make(json.loads(Path(words[0]).read_text("utf-8")))))
    except BadInput as problem:
        print(json.dumps({"problem": problem.message, "remedy": problem.remedy}))
        return 1
    return 0
