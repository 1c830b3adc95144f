"""From the finished cells of a run to its tables, in memory and as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.api.workspace import Workspace
from kit.catalog import Catalog
from kit.data.example import Example, read_slice
from kit.errors import StorageError, UsageError, Where
from kit.report.formats import write_all, write_over_generation
from kit.report.interchange import write_swaps
from kit.report.lens import write_lens
from kit.report.text import Values
from kit.report.windows import write_windows
from kit.results import (
    CONTRAST_COLUMNS,
    METRICS,
    Results,
    lens_tables,
    over_generation_table,
    swap_tables,
    transfer_table,
    window_tables,
)
from kit.results import load as load_results
from kit.results.types import of_task
from kit.schedule import RunFolder


def results(workspace: Workspace, folder: RunFolder) -> Results:
    """The finished cells of a run with their gold answers, as one typed table."""
    store = workspace.store()

    def examples(data: str, language: str) -> list[Example] | None:
        path = store.slice_path(data)
        return read_slice(path, language) if path.exists() else None

    return load_results(folder.wanted(), store.cell, examples)


EXPORTED = (
    *("f1", "em", "aware_f1", "overran", "p_stop"),
    *("acc", "acc_norm", "choice_share"),
    *CONTRAST_COLUMNS,
)
"""The metrics whose tables a run writes into its folder, where it has their cells."""
HEADLINES = ("f1", "acc", "context_nats", "closed_nats")
"""The metrics that are shown where none is named, one a kind of task."""


def headlines(found: Results) -> tuple[str, ...]:
    """Those of `HEADLINES` whose cells a run asks for; the first, where it asks for none."""
    asked = [cell.at for cell in found.wanted.cells]
    there = [name for name in HEADLINES if any(of_task(at, METRICS[name].task) for at in asked)]
    return tuple(there) or HEADLINES[:1]


def export_tables(
    found: Results, folder: RunFolder, metric: str = EXPORTED[0], values: Values = "delta"
) -> list[Path]:
    """Write the transfer tables into the run's folder, one file a metric and format.

    `metric` is written as well where it is none of `EXPORTED`; `values` other than differences of it get files of
    their own, `<metric>-<values>.*`.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        paths: list[Path] = []
        for name in dict.fromkeys((*EXPORTED, metric)):
            if tables := transfer_table(found, name):
                paths += write_all(tables, folder.tables, name)
                if name == metric and values != "delta":
                    paths += write_all(tables, folder.tables, f"{name}-{values}", values)
        if over := over_generation_table(found):
            paths += write_over_generation(over, folder.tables)
        if looks := lens_tables(found):
            paths += write_lens(looks, folder.tables)
        if swaps := swap_tables(found):
            paths += write_swaps(swaps, folder.tables)
        if windows := window_tables(found, metric):
            paths += write_windows(windows, folder.tables)
        return paths
    except OSError as problem:
        raise StorageError(
            f"the tables cannot be written: {problem.strerror}",
            where=Where(str(folder.tables)),
            remedy=f"free some space, then: xlt-kit table {folder.name}",
        ) from problem


def language_groups(catalog: Catalog, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Ways to average over languages: `script`, `family`, `level` (class in BLOOM's pre-training), a named group.

    Raises:
        UsageError: there is no such grouping.
    """
    ways: dict[str, dict[str, str]] = {}
    for code, language in catalog.languages.items():
        level = language.bloom.level if language.bloom else "none"
        kinds = {"script": language.script, "family": language.family, "level": level}
        kinds |= dict.fromkeys(language.groups, "yes")
        for name in kinds:
            ways.setdefault(name, {})[code] = kinds[name]
    if unknown := sorted(set(names) - set(ways)):
        raise UsageError(
            f"no grouping is called {unknown[0]!r}", remedy=f"there is {', '.join(sorted(ways))}"
        )
    return {name: ways[name] for name in names}
