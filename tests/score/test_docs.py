"""The page on metrics lists every difference to MLQA's metric, with its real figures."""

from __future__ import annotations

from pathlib import Path

from kit.score import DIFFERENCES, METRICS_VERSION

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


def test_every_difference_stands_on_the_page() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("|")]
    assert METRICS_VERSION == 1
    for each in DIFFERENCES:
        [row] = [line for line in rows if line.startswith(f"| {each.rule} |")]
        assert row.rstrip(" |").endswith(f"{each.aware_f1:.2f}")
        assert each.mlqa in row
        assert each.aware in row
