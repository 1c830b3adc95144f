"""What a lens saw, as curves: probability by layer and class, the base dashed, the tuned model whole, with bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kit.data.probe import Probe
from kit.errors import UsageError
from kit.report.figure import HIGH, WIDE, write_figure
from kit.report.lens import lens_title
from kit.report.probe import TITLE, largest
from kit.results import LensRow, LensTable
from kit.stats import Estimate

_CURVES = 8
"""Classes that one panel shows; more cannot be told apart."""


def draw(tables: Sequence[LensTable], path: Path) -> None:
    """Draw the tables into a file of the ending `.svg`, `.pdf` or `.png`: a row a table, a panel a tuned subject.

    The same tables give the same bytes.

    Raises:
        UsageError: another ending, or there is nothing to draw.
        OSError: the file cannot be written.
    """
    write_figure(lambda: figure(tables), path)


def draw_probe(probe: Probe, path: Path) -> None:
    """Draw the paper's probe, as `draw`: for each language of the prompts, base against last step, and every step."""
    write_figure(lambda: probe_figure(probe), path)


def figure(tables: Sequence[LensTable]) -> Figure:
    """The tables as a matplotlib figure.

    Raises:
        UsageError: there is nothing to draw.
    """
    if not tables:
        raise UsageError("there is no lens to draw", remedy="run a recipe with the task lens")
    panels = [_panels(table) for table in tables]
    columns = max(map(len, panels))
    drawn = Figure(figsize=(WIDE * columns, HIGH * len(tables)), layout="constrained")
    shown = dict.fromkeys(name for table in tables for name in table.classes[:_CURVES])
    colours = {name: f"C{at % 10}" for at, name in enumerate(shown)}  # one a class in all panels
    axes = drawn.subplots(len(tables), columns, squeeze=False, sharex="row", sharey="row")
    for table, rows, line in zip(tables, panels, axes, strict=True):
        for row, axis in zip(rows, line, strict=False):
            _panel(table, row, axis, colours)
        for axis in line[len(rows) :]:
            axis.set_axis_off()
        line[0].set_ylabel(f"{table.column.name}\nprobability, %")
    drawn.suptitle(
        lens_title(tables[0]) if len(tables) == 1 else f"Lens: {tables[0].model}, {tables[0].task}"
    )
    return drawn


def _panels(table: LensTable) -> list[LensRow]:
    """One for each tuned subject, or the base alone."""
    return [row for row in table.rows if not row.subject.is_base] or list(table.rows[:1])


def _panel(table: LensTable, row: LensRow, axis: Axes, colours: Mapping[str, str]) -> None:
    base = next((one for one in table.rows if one.subject.is_base), None)
    places = range(len(table.layers))
    for at, name in enumerate(table.classes[:_CURVES]):
        colour = colours[name]
        label = f"{name} (own)" if name in table.own else name
        own = [layer[at] for layer in row.mass]
        axis.plot(places, [one.value for one in own], color=colour, label=label, linewidth=1.4)
        axis.fill_between(places, *_band(own), color=colour, alpha=0.2, linewidth=0)
        if base is not None and base is not row:
            before = [layer[at].value for layer in base.mass]
            axis.plot(places, before, color=colour, linestyle="--", linewidth=0.9)
    axis.set_title(row.subject.name + ("" if row.subject.is_base else " (dashed: base)"), fontsize=9)
    axis.set_xlabel("layer (0: embedding)")
    axis.set_xlim(0, len(table.layers) - 1)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(0, 100)
    axis.legend(fontsize=7, frameon=False)
    axis.spines[["top", "right"]].set_visible(False)


def _band(estimates: Sequence[Estimate]) -> tuple[list[float], list[float]]:
    return [one.low for one in estimates], [one.high for one in estimates]


def probe_figure(probe: Probe) -> Figure:
    """Left: the largest languages by layer, base dashed. Right: what falls and what rises most, at every step."""
    drawn = Figure(figsize=(2 * WIDE, HIGH * len(probe.evaluated)), layout="constrained")
    axes = drawn.subplots(len(probe.evaluated), 2, squeeze=False)
    first, last = probe.steps[0], probe.steps[-1]
    for evaluated, (both, steps) in zip(probe.evaluated, axes, strict=True):
        for at, name in enumerate(largest(probe, evaluated)):
            for step, style in ((first, "--"), (last, "-")):
                label = name if step == last else None
                both.plot(
                    100 * probe.mass(evaluated, step, name), f"C{at}{style}", linewidth=1.2, label=label
                )
        change = (probe.arrays[evaluated, last] - probe.arrays[evaluated, first])[-1]
        for at, style in ((change.argmin(), "-"), (change.argmax(), ":")):
            name = probe.languages[int(at)]
            for number, step in enumerate(probe.steps):
                shade = str(0.75 - 0.75 * number / max(1, len(probe.steps) - 1))
                mass = 100 * probe.mass(evaluated, step, name)
                steps.plot(mass, style, color=shade, linewidth=1.2, label=f"{name}, step {step}")
        both.set_ylabel(f"prompts in {evaluated}\nprobability, %")
        both.set_title(f"step {last} (dashed: step {first})", fontsize=9)
        steps.set_title("what falls most (solid) and rises most (dotted)", fontsize=9)
        for axis in (both, steps):
            axis.set_xlabel("layer (0: embedding)")
            axis.set_ylim(0)
            axis.legend(fontsize=6, frameon=False)
            axis.spines[["top", "right"]].set_visible(False)
    drawn.suptitle(TITLE)
    return drawn
