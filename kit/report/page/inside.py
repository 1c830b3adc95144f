"""What happens inside the model: lens curves and interchanges, parts of a page."""

from __future__ import annotations

from collections.abc import Iterator

from kit.report.lens import lens_caption, lens_title
from kit.report.page.curves import lens_curves
from kit.report.page.measured import Measured
from kit.report.page.origin import Origins
from kit.report.page.parts import Cell, Part, Table, count, figure, table, where_from, word
from kit.report.text import interval_words, missing_words
from kit.results import LensRow, LensTable, SwapTable


def lens_parts(found: Measured, origins: Origins) -> Iterator[Part]:
    """A part a table and tuned row: the curves, and below them every figure."""
    for made in found.lens:
        rows = [row for row in made.rows if not row.subject.is_base] or list(made.rows[:1])
        for at, row in enumerate(rows):
            first = row.mass[0][0]
            lines = lens_caption(made) if at == 0 else [f"n = {first.n_items} on {first.n_clusters} contexts"]
            dashed = (
                () if row.subject.is_base else ("whole lines: tuned, with their intervals; dashed: the base",)
            )
            yield Part(
                f"{lens_title(made)}: {row.subject.name}",
                (*lines, *dashed, f"from {origins.of(row.keys).sign}"),
                lens_curves(made, row),
                tuple(_layers(made, row, origins)),
                tuple(missing_words(made.missing)) if at == 0 else (),
                (f"xlt-kit lens {found.run.name} --language {made.column.language}",),
            )


def _layers(made: LensTable, row: LensRow, origins: Origins) -> Iterator[Table]:
    shown = [one for one in made.rows if one.subject.is_base or one is row]
    for one in shown:
        for name, figures in (("probability", one.mass), ("change against the base", one.change)):
            if figures is None:
                continue
            change = name != "probability"
            lines = [
                [word(layer), *(figure(each, change) for each in estimates), where_from(origins.of(one.keys))]
                for layer, estimates in zip(made.layers, figures, strict=True)
            ]
            heads = ("layer", *made.classes, "from")
            yield table(f"{one.subject.name}: {name}", heads, lines, shown=False)


def swap_parts(found: Measured, origins: Origins) -> Iterator[Part]:
    """Interchanges: a line a row and way."""
    for made in found.swaps:
        told = f"Interchange: {made.model}, prompt {made.prompt}, {made.task}"
        heads = (
            "tuned on",
            "evaluated on",
            "way",
            "stands",
            "direction",
            "whole state",
            "less random",
            "less control",
        )
        yield Part(
            told,
            (
                "points of mass(interferer) - mass(target) at the prompt's end that one direction of a layer's hidden "
                "state moves, into the base and out of the tuned model",
                interval_words(made.bootstrap, any(len(row.swaps.layers) > 1 for row in made.rows)),
            ),
            tables=(table(told, (*heads, "n", "from"), list(_swap_lines(made, origins)), names=3),),
            notes=tuple(missing_words(made.missing)),
            commands=(f"xlt-kit interchange {found.run.name}",),
        )


def _swap_lines(made: SwapTable, origins: Origins) -> Iterator[list[Cell]]:
    for row in made.rows:
        for name, way in (("into base", row.swaps.into), ("out of tuned", row.swaps.out)):
            yield [
                word(row.subject.name),
                word(row.column.name),
                word(name),
                word(way.stands),
                figure(way.effect, change=True),
                figure(way.whole, change=True),
                figure(way.over_random, change=True),
                figure(way.over_control, change=True),
                count(way.effect.n_items),
                where_from(origins.of(row.keys)),
            ]
