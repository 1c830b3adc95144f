"""How runs and jobs are marked, in one place: a sign that is told apart without its colour, and a style."""

from __future__ import annotations

RUN_MARKS = {
    "running": ("▶", "bold accent"),
    "done": ("✓", "success"),
    "failed": ("✗", "bold error"),
    "stopped": ("■", "warning"),
    "left": ("◌", "warning"),
    "never started": ("·", "dim"),
    "unreadable": ("✗", "bold error"),
}

JOB_MARKS = {
    "waiting": ("·", "dim"),
    "running": ("▶", "bold accent"),
    "done": ("✓", "success"),
    "failed": ("✗", "bold error"),
    "blocked": ("⊘", "error"),
    "stopped": ("■", "warning"),
}

FINDING_MARKS = {
    "fine": ("✓", "success"),
    "warning": ("!", "warning"),
    "problem": ("✗", "bold error"),
    "skipped": ("·", "dim"),
}

FIT_MARKS = {
    "fits": ("✓", "success"),
    "slow": ("!", "warning"),
    "lacks": ("✗", "error"),
    "unknown": ("·", "dim"),
    "faulty": ("✗", "bold error"),
}
