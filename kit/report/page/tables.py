"""Transfer, its split by form, over-generation: parts of a page, each with its tables of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from kit.report.over_text import OVER_HEADS, over_caption, over_figures, over_title
from kit.report.page.measured import SPLITS, Measured
from kit.report.page.origin import Origin, Origins
from kit.report.page.parts import Cell, Part, Table, count, figure, share, table, where_from, word
from kit.report.svg import embedded
from kit.report.text import caption, interval_words, legend, missing_words, row_names, title
from kit.results import Column, OverGenerationTable, Row, TableCell, TransferTable

_HEADS = (
    "tuned on",
    "evaluated on",
    "base",
    "tuned",
    "Δ",
    "tuned / base",
    "p",
    "n",
    "contexts",
    "seeds",
    "from",
)
_BACK = {"f1_span": 1, "lost_over": -1, "lost_lead": -1, "f1_free": 1, "lost_stop": -1, "lost_language": -1}
"""With which sign a part goes into F1."""


def transfer_parts(found: Measured, origins: Origins, languages: Mapping[str, str]) -> Iterator[Part]:
    """A part a table: the heat map, and below it every figure."""
    run = found.run
    for metric, tables in found.transfer.items():
        for made in tables:
            if not any(cell.keys for row in made.rows for cell in row.cells):
                yield Part(title(made), notes=tuple(missing_words(made.missing)))
                continue
            commands = [f"xlt-kit table {run.name} --metric {metric}"]
            if example := _example(made):
                commands.append(f"xlt-kit show {run.name} --cell {example}")
            corner, same = _corner(made, origins)
            yield Part(
                title(made),
                (*caption(made, "delta", ""), *same),
                embedded(made, "delta", corner),
                (_figures(made, origins, languages),),
                tuple(legend(made, "delta")),
                tuple(commands),
            )


def _corner(
    made: TransferTable, origins: Origins
) -> tuple[Callable[[TableCell], tuple[str, str]], tuple[str, ...]]:
    """What a cell of the picture says of its origin: a sign where they differ; else a line says it of all."""

    def origin(cell: TableCell) -> Origin:
        return origins.of((*cell.keys, *cell.base_keys))

    cells = [cell for row in made.rows for cell in (*row.cells, *row.averages) if cell.keys]
    found = dict.fromkeys(map(origin, cells))
    if len(found) > 1:
        return (lambda cell: (origin(cell).sign, origin(cell).sentence)), ()
    told = tuple(f"every cell {one.sign}: {one.sentence}" for one in found)
    return (lambda cell: ("", origin(cell).sentence)), told


def _figures(made: TransferTable, origins: Origins, languages: Mapping[str, str]) -> Table:
    rows = [
        _line(name, _place(column, languages), cell, row, origins)
        for name, row in zip(row_names(made), made.rows, strict=True)
        for column, cell in zip(made.columns, row.cells, strict=True)
    ]
    rows += [
        _line(name, word(f"mean {group.name}", ", ".join(c.name for c in group.columns)), cell, row, origins)
        for name, row in zip(row_names(made), made.rows, strict=True)
        for group, cell in zip(made.groups, row.averages, strict=True)
    ]
    return table(f"Every figure of {title(made)}", _HEADS, rows, names=2, shown=False)


def _line(name: str, place: Cell, cell: TableCell, row: Row, origins: Origins) -> list[Cell]:
    own = cell.base if row.subject.is_base else cell.tuned
    return [
        word(name),
        place,
        figure(cell.base),
        figure(cell.tuned),
        figure(cell.delta, change=True),
        figure(cell.ratio, sign="×"),
        share(cell.p_permutation),
        count(cell.n or None),
        count(own.n_clusters if own else None),
        count(len(cell.seeds) or None),
        where_from(origins.of((*cell.keys, *cell.base_keys) if own else ())),
    ]


def _place(column: Column, languages: Mapping[str, str]) -> Cell:
    seen = "†" if column.seen else ""
    language = languages.get(column.language, column.language)
    return word(f"{column.name}{seen}", f"{column.dataset} in {language}, split {column.split}")


def _example(made: TransferTable) -> str:
    """A finished cell of the table whose examples can be shown: the last, by its row and column."""
    if made.metric.task != "generate":
        return ""
    cells = [
        f"'{row.subject.trained_on or 'base'}:{column.name}'"
        for row in made.rows
        for column, cell in zip(made.columns, row.cells, strict=True)
        if cell.keys
    ]
    return cells[-1] if cells else ""


def split_parts(found: Measured, origins: Origins) -> Iterator[Part]:
    """What a change of F1 is made of, way by way: the parts add up to it."""
    for way, names in SPLITS:
        parts = found.splits.get(way)
        if not parts:
            continue
        for whole, *others in zip(found.transfer["f1"], *(parts[name] for name in names), strict=True):
            rows = list(_shares(whole, others, origins))
            if rows:
                heads = (
                    "tuned on",
                    "evaluated on",
                    "Δ F1",
                    *(f"Δ {one.metric.title}" for one in others),
                    "from",
                )
                told = f"F1 {way}: {whole.model}, prompt {whole.prompt}, task {whole.task}"
                signs = " ".join(f"{'+' if _BACK[name] > 0 else '−'} {name}" for name in names)
                lines = (
                    f"f1 = {signs.removeprefix('+ ')}, item by item; changes against the base, in points",
                )
                commands = tuple(f"xlt-kit table {found.run.name} --metric {name}" for name in names)
                yield Part(told, lines, tables=(table(told, heads, rows, names=2),), commands=commands)


def _shares(whole: TransferTable, others: Sequence[TransferTable], origins: Origins) -> Iterator[list[Cell]]:
    names = row_names(whole)
    for at, row in enumerate(whole.rows):
        for place, (column, cell) in enumerate(zip(whole.columns, row.cells, strict=True)):
            own = [other.rows[at].cells[place] for other in others]
            if cell.delta is not None and all(one.delta is not None for one in own):
                yield [
                    word(names[at]),
                    word(column.name),
                    figure(cell.delta, change=True),
                    *(figure(one.delta, change=True) for one in own),
                    where_from(origins.of((*cell.keys, *cell.base_keys))),
                ]


def over_parts(found: Measured, origins: Origins, languages: Mapping[str, str]) -> Iterator[Part]:
    """Over-generation: a line a row and column."""
    for made in found.over:
        rows = list(_over_lines(made, origins, languages))
        if rows:
            heads = ("tuned on", "evaluated on", *OVER_HEADS, "n", "from")
            yield Part(
                over_title(made),
                tuple(over_caption(made)),
                tables=(table(over_title(made), heads, rows, names=2),),
                notes=tuple(missing_words(made.missing)),
                commands=(f"xlt-kit table {found.run.name} --over-generation",),
            )


def _over_lines(
    made: OverGenerationTable, origins: Origins, languages: Mapping[str, str]
) -> Iterator[list[Cell]]:
    for name, row in zip(row_names(made), made.rows, strict=True):
        for column, cell in zip(made.columns, row.cells, strict=True):
            if cell is not None:
                figures = (Cell(text, below, kind="number") for text, below in over_figures(cell))
                origin = where_from(origins.of(cell.keys))
                yield [word(name), _place(column, languages), *figures, count(cell.n), origin]


def window_parts(found: Measured, origins: Origins) -> Iterator[Part]:
    """Windows of layers: a line a row, evaluation set and window."""
    for made in found.windows:
        told = f"{made.metric.title} by layers: {made.model}, prompt {made.prompt}, task {made.task}"
        rows = [
            [
                word(row.subject.name),
                word(row.column.name),
                word(window),
                figure(cell.delta, change=True),
                count(cell.n),
                where_from(origins.of((*cell.keys, *cell.base_keys))),
            ]
            for row in made.rows
            for window, cell in zip(("all", *made.windows), (row.whole, *row.cells), strict=True)
        ]
        heads = ("tuned on", "evaluated on", "layers", "Δ", "n", "from")
        yield Part(
            told,
            ("tuned − base with the adapter in these layers alone", interval_words(made.bootstrap, False)),
            tables=(table(told, heads, rows, names=3),),
            notes=tuple(missing_words(made.missing)),
            commands=(f"xlt-kit layers {found.run.name}",),
        )
