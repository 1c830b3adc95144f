"""Verdicts for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kit.claims import Outcome, Verdict
from kit.report.claims import SIGNS, effect_words, n_words, outcome_words

_WIDE = 100  # columns of a terminal from which the counts have a column of their own
_STYLES = {
    Outcome.REPRODUCED: "green",
    Outcome.CONTRADICTED: "red",
    Outcome.EXPLAINED_OTHERWISE: "magenta",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.WITHIN_NOISE: "yellow",
    Outcome.NOT_RUN: "dim",
    Outcome.WAIVED: "dim",
}


def print_verdicts(title: str, verdicts: Sequence[Verdict], console: Console) -> None:
    """Print one line a verdict: what is claimed, how it stands, the effect, what it stands on."""
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    wide = console.width >= _WIDE
    table.add_column("claim", no_wrap=True)
    table.add_column("what it says", ratio=3)
    table.add_column("model", ratio=2, overflow="fold")
    table.add_column("verdict", ratio=2, min_width=12)
    table.add_column("effect", ratio=2)
    if wide:
        table.add_column("n", ratio=1)
    for verdict in verdicts:
        style = _STYLES[verdict.outcome]
        table.add_row(
            Text(verdict.id),
            Text(verdict.claim.title),
            Text(verdict.model),
            Text(f"{SIGNS[verdict.outcome]} {outcome_words(verdict)}", style),
            Text(effect_words(verdict)),
            *([Text(n_words(verdict.setting))] if wide else []),
        )
    console.print(table)
