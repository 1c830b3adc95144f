"""Seconds and bytes as people say them."""

from __future__ import annotations


def duration(seconds: float | None) -> str:
    """Seconds as people say them: `45 s`, `12 min`, `3 h 05`."""
    if seconds is None:
        return "?"
    seconds = max(0.0, seconds)  # the clock may have been set back meanwhile
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d}"


def human(size: int) -> str:
    """Bytes as people say them: `12.3 MB`."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
