"""Items that are read in one go are those that are read line by line, and what is damaged is found all the same."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.errors import DataError
from kit.results.items import GeneratedItem, _generated, _lines, read_generated

ROWS = st.lists(
    st.tuples(st.text(max_size=8), st.integers(0, 9), st.sampled_from(["end", "newline", "limit"])),
    max_size=4,
)
DAMAGE = st.sampled_from(
    ['"', "{", "}", "\n", "},{", "\r", " ", ",", "\n\n", '}\n{"id"', "true", "1", "\u2028"]
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40), DAMAGE), max_size=3), st.booleans())
@example([("a", 1, "end")], [], True)
@example([("a", 1, "end"), ("b", 1, "end")], [(60, 0, "}\n{")], True)
def test_read_at_once_as_line_by_line(
    rows: list[tuple[str, int, str]], damage: list[tuple[int, int, str]], ended: bool
) -> None:
    text = "".join(
        json.dumps(
            {"id": f"q{at}", "raw": raw, "tokens": n, "stop": stop, "prompt_tokens": 9}, ensure_ascii=False
        )
        + "\n"
        for at, (raw, n, stop) in enumerate(rows)
    )
    for at, width, piece in damage:
        text = text[:at] + piece + text[at + width :]
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "items.jsonl").write_text(text if ended else text[:-1], encoding="utf-8", newline="\n")
        folder = Path(root)
        plain = _outcome(lambda: _lines(folder / "items.jsonl", _generated))
        n, ids = (len(plain), {item.id for item in plain}) if isinstance(plain, list) else (0, set())
        found = _outcome(lambda: read_generated(folder, n))
        assert found == plain or len(ids) < n


def _outcome(read: Callable[[], list[GeneratedItem]]) -> list[GeneratedItem] | str:
    """The items, or what is wrong with the first that cannot be read."""
    try:
        return read()
    except DataError as problem:
        return f"{problem} {problem.where}"


def test_values_of_other_types_are_refused_with_their_line(tmp_path: Path) -> None:
    good = {"id": "a", "raw": "x {y}", "tokens": 1, "stop": "end", "prompt_tokens": 9}
    for name, value in (("tokens", True), ("tokens", 1.0), ("raw", None), ("stop", ["end"]), ("id", 3)):
        rows = [good, {**good, "id": "b", "raw": "y", name: value}]
        (tmp_path / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        with pytest.raises(DataError) as caught:
            read_generated(tmp_path, 2)
        assert caught.value.where is not None and caught.value.where.line == 2, name
