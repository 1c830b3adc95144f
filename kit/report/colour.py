"""The colours of heat maps: two ends and a middle, told apart by brightness as well as by hue. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Colours as `#rrggbb`, from `low` (worse) over `middle` to `high` (better); levels from `middle` to `level`."""

    low: str
    middle: str
    high: str
    level: str

    def at(self, warmth: float, level: bool) -> str:
        """The colour of a warmth from -1 to 1 (0 to 1 where it is a `level`)."""
        share = min(1.0, abs(warmth)) ** 0.7  # small differences are seen too
        if level:
            return blend(self.middle, self.level, share)
        return blend(self.middle, self.high if warmth >= 0 else self.low, share)


DARK = Scale("#b3404a", "#262c36", "#2f8f6b", "#3d76b0")
LIGHT = Scale("#d96b64", "#efece4", "#5fae86", "#6f9fcf")
COLOUR_BLIND = Scale("#d98200", "#242a32", "#0f7fc4", "#4f8fbf")
CONTRAST = Scale("#ff4d4d", "#000000", "#00cc66", "#3399ff")


def blend(one: str, other: str, share: float) -> str:
    """So far on the way from one colour to another."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def contrast(one: str, other: str) -> float:
    """How well two colours are told apart, from 1 to 21 (WCAG 2.1, contrast ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """Black or white, whichever has more contrast to a colour: always at least 4.5, WCAG's level AA."""
    return max("#000000", "#ffffff", key=lambda ink: contrast(colour, ink))


def _luminance(colour: str) -> float:
    """Relative luminance from 0 to 1 (WCAG 2.1)."""
    parts = (part / 255 for part in _parts(colour))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
