"""Figures as files for papers: vector or pixels, the same bytes for the same figures."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from kit.errors import UsageError
from kit.jobdir import atomic_write

ENDINGS = ("svg", "pdf", "png")
WIDE, HIGH = 4.6, 3.1
"""Inches of a panel."""


def write_figure(make: Callable[[], Figure], path: Path) -> None:
    """What `make` draws, into a file of the ending `.svg`, `.pdf` or `.png`; the same figure gives the same bytes.

    Raises:
        UsageError: another ending, or what `make` raises.
        OSError: the file cannot be written.
    """
    ending = path.suffix.removeprefix(".")
    if ending not in ENDINGS:
        raise UsageError(
            f"a figure is not written as {path.name}", remedy=f"end its name in {', '.join(ENDINGS)}"
        )
    stream = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "xlt-kit", "svg.fonttype": "none", "font.size": 9}):
        dateless = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        make().savefig(stream, format=ending, metadata=dateless.get(ending), dpi=160)
    atomic_write(path, stream.getvalue())
