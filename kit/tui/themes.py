"""Themes, and the colours of heat maps under each."""

from __future__ import annotations

from textual.theme import Theme

from kit.report.colour import COLOUR_BLIND, CONTRAST, DARK, LIGHT

THEMES = {
    "xlt-dark": (
        Theme(
            "xlt-dark", primary="#7aa2c8", secondary="#9d8ec7", accent="#e0af68", foreground="#d5dae2",
            background="#14171c", surface="#1b1f26", panel="#232932", success="#7fb685", warning="#e0af68",
            error="#d9737a", dark=True,
        ),
        DARK,
    ),
    "xlt-light": (
        Theme(
            "xlt-light", primary="#2f6690", secondary="#6a4c93", accent="#b5651d", foreground="#20242a",
            background="#fbfaf7", surface="#f2f0ea", panel="#e6e3da", success="#2e7d4f", warning="#a86b00",
            error="#b3261e", dark=False,
        ),
        LIGHT,
    ),
    "xlt-colour-blind": (
        Theme(
            "xlt-colour-blind", primary="#56b4e9", secondary="#cc79a7", accent="#f0e442", foreground="#e6e6e6",
            background="#101418", surface="#181d23", panel="#222931", success="#56b4e9", warning="#f0e442",
            error="#e69f00", dark=True,
        ),
        COLOUR_BLIND,
    ),
    "xlt-contrast": (
        Theme(
            "xlt-contrast", primary="#ffffff", secondary="#ffff00", accent="#00ffff", foreground="#ffffff",
            background="#000000", surface="#000000", panel="#1a1a1a", success="#00ff66", warning="#ffff00",
            error="#ff6666", dark=True,
        ),
        CONTRAST,
    ),
}  # fmt: skip
"""Each theme with its scale, in the order in which a key goes through them."""
