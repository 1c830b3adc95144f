"""What the page of recipes says of one: what it answers and takes, what is missing of it, what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text

from kit.api import Need, Prepared
from kit.errors import KitError, MissingInputError, RecipeErrors
from kit.recipe import RecipeHead

Ink = Callable[[str], str]
_MARKS = {True: ("✓", "success"), False: ("✗", "bold error"), None: (" ", "")}


def what(head: RecipeHead) -> Text:
    """Its name, what it answers, what its author says it needs."""
    text = Text().append(f"{head.name}\n", style="bold")
    text.append(f"{head.title}\n\n" if head.title else "\n")
    return text.append("needs    ", style="dim").append(f"{head.needs or 'not said'}\n")


def planned(prepared: Prepared, needs: list[Need], ink: Ink) -> Text:
    """What is there, what will run, and whether this machine has what that takes."""
    plan = prepared.plan
    total = len({cell.key for cell in plan.demand.wanted.cells})
    text = (
        Text().append("cells    ", style="dim").append(f"{total}, of which {plan.stored} are in the store\n")
    )
    if not plan.jobs:
        return text.append("\n✓ everything is there: Enter shows the table\n", style=ink("bold success"))
    for need in needs:
        mark, style = _MARKS[need.enough]
        text.append(f"{need.what:7}", style="dim").append(f"{mark} ", style=ink(style)).append(need.takes)
        text.append(
            f"   here {need.here}\n" if need.here else "\n",
            style=ink(style) if need.enough is False else "dim",
        )
    kinds = Counter(title.split()[0] for job in plan.jobs for title in job.pieces)
    parts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    jobs = f"{len(plan.jobs)} job{'s' if len(plan.jobs) > 1 else ''}"
    text.append("to run   ", style="dim").append(f"{jobs}: {parts}; p lists them\n")
    return text.append("\nEnter starts it in the background\n", style="bold")


def refused(problem: KitError, path: Path, ink: Ink) -> tuple[Text, dict[int, str]]:
    """What is wrong, and of it what stands in the recipe's own file: line → message."""
    faults = problem.errors if isinstance(problem, RecipeErrors) else (problem,)
    text = Text()
    lines: dict[int, str] = {}
    fetched = isinstance(problem, MissingInputError)
    mark, style = ("…", ink("warning")) if fetched else ("✗", ink("bold error"))
    for fault in faults:
        place = f"line {fault.where.line}: " if fault.where and fault.where.line else ""
        text.append(f"{mark} {place}{fault.message}\n", style=style)
        if fault.remedy:
            text.append(f"  → {fault.remedy}\n", style="dim")
        if fault.where and fault.where.line and Path(fault.where.path).name == path.name:
            lines[fault.where.line] = fault.message
    if fetched:
        text.append("\nEnter fetches what is missing and starts it\n", style="bold")
    return text, lines


def yaml_text(source: str, faults: Mapping[int, str], dark: bool, ink: Ink) -> Text:
    """The file with its line numbers and colours; what is wrong stands below the line in which it is."""
    syntax = Syntax(source, "yaml", theme="ansi_dark" if dark else "ansi_light")
    coloured, text = syntax.highlight(source), Text()
    coloured.rstrip()
    coloured.style = ""  # the theme's own background would stand out from the page's
    coloured.spans = [span._replace(style=_ink_alone(span.style)) for span in coloured.spans]
    for number, line in enumerate(coloured.split("\n"), 1):
        wrong = number in faults
        text.append(f"{number:4} ", style=ink("bold error") if wrong else "dim")
        text.append_text(line).append("\n")
        if wrong:
            text.append(f"     ✗ {faults[number]}\n", style=ink("bold error"))
    return text


def _ink_alone(style: str | Style) -> Style:
    found = Style.parse(style) if isinstance(style, str) else style
    return Style(color=found.color, bold=found.bold, italic=found.italic)
