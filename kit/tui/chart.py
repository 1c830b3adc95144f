"""A line of numbers as a small picture in braille: two by four dots a cell; bars; titles that fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def line_chart(values: Sequence[float], width: int, height: int) -> list[str]:
    """`height` lines of `width` cells, the largest value at the top; fewer than two values give nothing."""
    if len(values) < 2 or width < 1 or height < 1:
        return []
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    across, down = 2 * width, 4 * height
    grid = [[0] * width for _ in range(height)]
    before: int | None = None
    for x in range(across):
        place = x * (len(values) - 1) / (across - 1)
        left = min(int(place), len(values) - 2)
        value = values[left] + (values[left + 1] - values[left]) * (place - left)
        y = round((high - value) / span * (down - 1))
        for dot in range(min(y, before), max(y, before) + 1) if before is not None else (y,):
            grid[dot // 4][x // 2] |= _DOTS[x % 2][dot % 4]
        before = y
    return ["".join(chr(0x2800 + cell) for cell in row) for row in grid]


def bar(share: float, width: int) -> str:
    """A bar of that share (0 to 1), in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    text = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return text.ljust(width)


def shortened(title: str, width: int) -> str:
    """A title in that many cells: its first word and its end, where it is longer; those tell jobs apart."""
    if cell_len(title) <= width:
        return title
    first, _, rest = title.partition(" ")
    room = width - cell_len(first) - 2
    if room < 4:
        return set_cell_size(title, max(0, width - 1)) + "…"
    while cell_len(rest) > room:
        rest = rest[1:]
    return f"{first} …{rest}"
