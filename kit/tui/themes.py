"""Themes, and the colours of a heat map under each: two ends and a middle, told apart by brightness as well."""

from __future__ import annotations

from dataclasses import dataclass

from textual.color import Color
from textual.theme import Theme


@dataclass(frozen=True)
class Scale:
    """Colours from `low` (worse) over `middle` to `high` (better); levels run from `middle` to `level`."""

    low: Color
    middle: Color
    high: Color
    level: Color

    def at(self, warmth: float, level: bool) -> Color:
        """The colour of a warmth from -1 to 1."""
        share = min(1.0, abs(warmth)) ** 0.7  # small differences are seen too
        if level:
            return self.middle.blend(self.level, share)
        return self.middle.blend(self.high if warmth >= 0 else self.low, share)


def _scale(low: str, middle: str, high: str, level: str) -> Scale:
    return Scale(*(Color.parse(text) for text in (low, middle, high, level)))


THEMES = {
    "xlt-dark": (
        Theme(
            "xlt-dark", primary="#7aa2c8", secondary="#9d8ec7", accent="#e0af68", foreground="#d5dae2",
            background="#14171c", surface="#1b1f26", panel="#232932", success="#7fb685", warning="#e0af68",
            error="#d9737a", dark=True,
        ),
        _scale("#b3404a", "#262c36", "#2f8f6b", "#3d76b0"),
    ),
    "xlt-light": (
        Theme(
            "xlt-light", primary="#2f6690", secondary="#6a4c93", accent="#b5651d", foreground="#20242a",
            background="#fbfaf7", surface="#f2f0ea", panel="#e6e3da", success="#2e7d4f", warning="#a86b00",
            error="#b3261e", dark=False,
        ),
        _scale("#d96b64", "#efece4", "#5fae86", "#6f9fcf"),
    ),
    "xlt-colour-blind": (
        Theme(
            "xlt-colour-blind", primary="#56b4e9", secondary="#cc79a7", accent="#f0e442", foreground="#e6e6e6",
            background="#101418", surface="#181d23", panel="#222931", success="#56b4e9", warning="#f0e442",
            error="#e69f00", dark=True,
        ),
        _scale("#d98200", "#242a32", "#0f7fc4", "#4f8fbf"),
    ),
    "xlt-contrast": (
        Theme(
            "xlt-contrast", primary="#ffffff", secondary="#ffff00", accent="#00ffff", foreground="#ffffff",
            background="#000000", surface="#000000", panel="#1a1a1a", success="#00ff66", warning="#ffff00",
            error="#ff6666", dark=True,
        ),
        _scale("#ff4d4d", "#000000", "#00cc66", "#3399ff"),
    ),
}  # fmt: skip
"""Each theme with its scale, in the order in which a key goes through them."""
