"""Tokens that are pieces of characters: which script the bytes of one have already decided on.

Byte-level vocabularies cut rare characters into bytes. Two of the three bytes of an Odia letter say that it is Odia;
the last one alone says nothing.
"""

from __future__ import annotations

from functools import lru_cache

from transformers.convert_slow_tokenizer import bytes_to_unicode

from kit.score.script import script_of

_BYTES = {character: byte for byte, character in bytes_to_unicode().items()}
_MOST_CHARACTERS = 4096
"""A beginning that leaves more characters open than two bytes of four do has decided nothing."""


def bytes_of(token: str) -> bytes | None:
    """The bytes that a byte-level vocabulary's token stands for; None of a token of another kind."""
    values = [_BYTES.get(character) for character in token]
    return None if None in values else bytes(value for value in values if value is not None)


def decided_script(piece: bytes) -> str | None:
    """The one script of all characters that the unfinished bytes at the end of a piece may become; None if not one.

    Only a piece that is nothing else counts: whole characters or unattached bytes before them decide differently.
    """
    text = piece.decode("utf-8", errors="ignore")
    if text.strip(" "):
        return None
    return _script_from(piece.lstrip(b" "))


@lru_cache(maxsize=4096)
def _script_from(begun: bytes) -> str | None:
    first = begun[0] if begun else 0
    length = 2 if 0xC2 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF5 else 0
    missing = length - len(begun)
    if missing < 1 or any(not 0x80 <= byte < 0xC0 for byte in begun[1:]):
        return None
    if 64**missing > _MOST_CHARACTERS:
        return None
    start = first & (0xFF >> (length + 1))
    for byte in begun[1:]:
        start = start << 6 | byte & 0x3F
    places = range(start << 6 * missing, (start + 1) << 6 * missing)
    found = {script_of(chr(place)) for place in places if not 0xD800 <= place < 0xE000 and place < 0x110000}
    named = found - {None}
    return named.pop() if len(named) == 1 else None
