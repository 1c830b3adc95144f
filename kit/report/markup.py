"""Transfer tables as Markdown and as LaTeX (booktabs)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kit.report.text import Block, Shown, Values, blocks, caption, counts, legend, row_names, shown, title
from kit.results import TransferTable

_CORNER = "tuned on"
_MISSING = "–"
_MARKDOWN = str.maketrans({char: f"\\{char}" for char in "\\`*_|<>~"})
LATEX = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"$\sim$",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "…": "--",
        "–": "--",
        "×": r"$\times$",
        "→": r"$\rightarrow$",
        "∞": r"$\infty$",
        "°": r"$^{\circ}$",
        "ρ": r"$\rho$",
        "†": r"$^{\dagger}$",
        "*": r"$^{*}$",
    }
)
"""What stands for characters that LaTeX reads otherwise, or has not."""
FIGURE = LATEX | {ord("-"): "$-$", ord("+"): "$+$", ord("~"): r"$^{\sim}$"}
"""The same for figures, with signs as in formulas."""


def as_markdown(tables: Sequence[TransferTable], value: Values = "delta") -> str:
    """A heading, a pipe table for each block of columns, notes as a list. `value` as in `Values`."""
    return "\n".join(_markdown(table, value) for table in tables)


def as_latex(tables: Sequence[TransferTable], value: Values = "delta") -> str:
    """A `table` for each block of columns, with caption, label and notes; needs the package booktabs."""
    head = "% \\usepackage{booktabs}\n"
    return head + "\n".join(_latex(table, block, value) for table in tables for block in blocks(table))


def rows_shown(table: TransferTable, block: Block, value: Values) -> list[tuple[str, list[Shown]]]:
    """Name and cells of each row; of the base alone where nothing but the base is asked for."""
    return [
        (name, [shown(cell, table.metric, value, row.subject.is_base) for cell in cells])
        for name, row, cells in zip(row_names(table), table.rows, block.cells, strict=True)
        if value != "base" or row.subject.is_base
    ]


def _markdown(table: TransferTable, value: Values) -> str:
    parts = [f"## {title(table).translate(_MARKDOWN)}\n"]
    parts += [f"{line.translate(_MARKDOWN)}  " for line in caption(table, value)]
    for block in blocks(table):
        lines = [[_CORNER, *block.heads], *_markdown_rows(table, block, value)]
        lines.append(["n", *map(str, counts(block))])
        written = ["| " + " | ".join(text.translate(_MARKDOWN) for text in line) + " |" for line in lines]
        written.insert(1, "| --- |" + " ---: |" * len(block.heads))
        parts.append(f"\n### {block.title.translate(_MARKDOWN)}\n\n" + "\n".join(written))
    notes = "\n".join(f"- {line.translate(_MARKDOWN)}" for line in legend(table, value))
    return "\n".join(parts) + f"\n\n{notes}\n"


def _markdown_rows(table: TransferTable, block: Block, value: Values) -> list[list[str]]:
    return [[name, *(_one_line(cell) for cell in cells)] for name, cells in rows_shown(table, block, value)]


def _one_line(cell: Shown) -> str:
    between = f" ({cell.interval})" if cell.interval else ""
    return f"{cell.value or _MISSING}{cell.marks}{between}{' ' if cell.below else ''}{cell.below}"


def _latex(table: TransferTable, block: Block, value: Values) -> str:
    body = []
    for name, cells in rows_shown(table, block, value):
        body.append(
            latex_row(
                name.translate(LATEX), [_figure((cell.value or _MISSING) + cell.marks) for cell in cells]
            )
        )
        for small in ([cell.interval for cell in cells], [cell.below for cell in cells]):
            if any(small):
                body.append(
                    latex_row("", [rf"{{\scriptsize {_figure(text)}}}" if text else "" for text in small])
                )
    heads = [head.translate(LATEX) for head in block.heads]
    notes = [line.translate(LATEX) for line in (*caption(table, value), *legend(table, value))]
    place = f"{table.metric.name} {table.model} {table.prompt} {table.task} {block.title} {block.heads[0]}"
    label = re.sub(r"[^a-z0-9]+", "-", place.lower()).strip("-")
    lines = [
        r"\begin{table}[t]",
        r"\centering\small\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{title(table).translate(LATEX)}. {block.title.translate(LATEX)}.}}",
        rf"\label{{tab:{label}}}",
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\toprule",
        latex_row(_CORNER, heads),
        r"\midrule",
        *body,
        r"\midrule",
        latex_row("n", list(map(str, counts(block)))),
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        " \\\\\n".join(notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def latex_row(name: str, cells: Sequence[str]) -> str:
    """A row of a `tabular`; the texts are LaTeX already."""
    return " & ".join([name, *cells]) + r" \\"


def _figure(text: str) -> str:
    return text.translate(FIGURE)
