"""Verdicts as a LaTeX table (booktabs), for a paper's appendix: a row a claim and model, notes below."""

from __future__ import annotations

from collections.abc import Sequence

from kit.claims import Outcome, Verdict
from kit.report.claims import effect_words, n_words, outcome_words
from kit.report.markup import FIGURE, LATEX, latex_row

_SIGNS = {
    Outcome.REPRODUCED: r"\checkmark",
    Outcome.CONTRADICTED: r"$\times$",
    Outcome.EXPLAINED_OTHERWISE: r"$\neq$",
    Outcome.INCONCLUSIVE: "?",
    Outcome.WITHIN_NOISE: r"$\approx$",
    Outcome.NOT_RUN: r"$\cdot$",
    Outcome.WAIVED: "--",
}


def as_latex(verdicts: Sequence[Verdict]) -> str:
    """One `table` with all verdicts; needs the packages booktabs and amssymb."""
    lines = [
        "% \\usepackage{booktabs,amssymb}",
        r"\begin{table}[t]",
        r"\centering\small\setlength{\tabcolsep}{3pt}",
        r"\caption{Claims and verdicts.}",
        r"\label{tab:claims}",
        r"\begin{tabular}{llp{0.32\linewidth}lr}",
        r"\toprule",
        latex_row("claim", ["model", "verdict", "effect", "$n$"]),
        r"\midrule",
        *map(_line, verdicts),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        " \\\\\n".join(
            f"{v.id.translate(LATEX)}: {v.claim.statement.translate(LATEX)}" for v in _once(verdicts)
        ),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _line(verdict: Verdict) -> str:
    said = outcome_words(verdict).translate(LATEX)
    cells = [verdict.model.translate(LATEX), said, effect_words(verdict).translate(FIGURE)]
    name = f"{_SIGNS[verdict.outcome]} {verdict.id.translate(LATEX)}"
    return latex_row(name, [*cells, n_words(verdict.setting).translate(LATEX)])


def _once(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The first verdict on each claim: a statement is the same in every model."""
    return list({verdict.id: verdict for verdict in reversed(verdicts)}.values())[::-1]
