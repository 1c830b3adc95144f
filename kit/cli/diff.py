"""`xlt-kit diff`: two runs cell by cell, and what most likely made the difference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import click

from kit.api import Side, Workspace, bundle_at, compare_runs, flipped, unbundled
from kit.cli.common import in_own_code, print_form, print_json, workspace_options
from kit.errors import UsageError, Where
from kit.report.difference import difference_csv, difference_json, difference_view, flip_lines, names
from kit.results.difference import RunDifference
from kit.results.grid import row_name
from kit.schedule.runfolder import find_run

_ALL = "all"


@click.command()
@click.argument("a")
@click.argument("b")
@click.option(
    "--home-b",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another home, in which B lies.",
)
@click.option("--metric", "metrics", multiple=True, help="Compare by this metric alone; several.")
@click.option("--all", "every", is_flag=True, help="List the cells that are equal as well.")
@click.option(
    "--flips",
    "cell",
    is_flag=False,
    flag_value=_ALL,
    metavar="[CELL]",
    help="List the questions that flipped, with both answers: of all cells, of TRAINED_ON:LANGUAGE (base:hi for the "
    "base), or of the beginning of a key.",
)
@click.option("-n", "count", default=10, show_default=True, help="Questions of each cell to list.")
@click.option(
    "--format", "form", type=click.Choice(["csv", "json"]), help="Print as a file would be written."
)
@click.option("--exit-code", "coded", is_flag=True, help="End with 1 where a cell differs beyond noise.")
@workspace_options
def diff(
    workspace: Workspace,
    a: str,
    b: str,
    home_b: Path | None,
    metrics: tuple[str, ...],
    every: bool,
    cell: str | None,
    count: int,
    form: str | None,
    coded: bool,
    as_json: bool,
) -> None:
    """Compare the runs A and B cell by cell, B - A, and rank what most likely made the difference.

    Each is a run's name, the beginning of one, `last`, a path, or a bundle's file. docs/diff.md says how cells are
    matched and causes are ranked.
    """
    other = replace(workspace, home=home_b.absolute()) if home_b else workspace
    with side(workspace, a) as one, side(other, b) as two:
        compared = compare_runs(one, two, metrics)
        if cell is not None:
            _print_flips(one, two, compared.difference, cell, count, as_json or form == "json")
        elif as_json or form:
            print_form(lambda: difference_csv(compared), lambda: difference_json(compared), form, as_json)
        else:
            from rich.console import Console

            Console(highlight=False).print(difference_view(compared, every))
    if coded and compared.difference.standing("beyond noise"):
        click.get_current_context().exit(1)


@contextmanager
def side(workspace: Workspace, word: str) -> Iterator[Side]:
    """The run that a word of the command line means, as long as it is looked at; that of a bundle as well.

    Raises:
        UsageError: there is no such run, or several.
    """
    path = bundle_at(word)
    if path is None:
        yield Side(workspace, find_run(workspace.runs, word))
        return
    with unbundled(workspace, path) as (home, folders):
        if len(folders) > 1:
            raise UsageError(
                f"the bundle holds {len(folders)} runs: {', '.join(folder.name for folder in folders)}",
                where=Where(str(path)),
                remedy="unpack it, and name it with --home-b and the run with B",
            )
        yield Side(home, folders[0])


def _print_flips(a: Side, b: Side, found: RunDifference, words: str, count: int, as_json: bool) -> None:
    named = names(found)
    told = [(named[at], found.cells[at]) for at in _chosen(found, words)]
    if as_json:
        print_json(
            [
                {
                    "cell": name,
                    "keys": [cell.pair.a.key, cell.pair.b.key],
                    "examples": [asdict(item) for item in flipped(a, b, cell)[:count]],
                }
                for name, cell in told
            ]
        )
        return
    for name, cell in told:
        shown = flipped(a, b, cell)
        click.echo("\n".join(flip_lines(name, cell, shown[:count])))
        click.echo(f"{min(count, len(shown))} of {len(shown)} shown\n")
    if not told:
        click.echo("no question flipped")


def _chosen(found: RunDifference, words: str) -> Sequence[int]:
    """The places of the cells that are meant: those with flips, or those of a name or key."""
    cells = found.cells
    if words == _ALL:
        flips = [cell.flips for cell in cells]
        return [at for at, one in enumerate(flips) if one and (one.to_right or one.to_wrong)]
    if keyed := [
        at
        for at, cell in enumerate(cells)
        if cell.pair.a.key.startswith(words) or cell.pair.b.key.startswith(words)
    ]:
        return keyed
    trained, _, column = words.rpartition(":")
    column, trained = in_own_code(column), in_own_code(trained)
    trained = "" if trained == "base" else row_name(trained)
    places = [(at, cell.pair.a.at) for at, cell in enumerate(cells) if cell.flips]
    chosen = [
        number
        for number, at in places
        if at.trained_on == trained and column in (at.language, f"{at.dataset}/{at.language}")
    ]
    if not chosen:
        rows = ", ".join(dict.fromkeys(at.trained_on or "base" for _, at in places)) or "none"
        columns = ", ".join(dict.fromkeys(at.language for _, at in places)) or "none"
        raise UsageError(
            f"no compared cell {words!r} has answers",
            remedy=f"write ROW:COLUMN; rows: {rows}; columns: {columns}",
        )
    return chosen
