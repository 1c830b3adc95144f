"""`xlt-kit fetch`: what a recipe needs, brought here, bundled, or checked again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from kit.api import Workspace, load
from kit.api.fetching import Fetched, Part, Tell, fetch, parts
from kit.api.tree import bundle, check
from kit.catalog import Catalog
from kit.cli.common import print_json, workspace_options
from kit.errors import ChecksumError, MissingInputError, UsageError, Where
from kit.report.units import human

_SHOWN = 20  # names of files in a list of faults


@click.command("fetch")
@click.argument("target", required=False, metavar="[RECIPE]", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value of the recipe."
)
@click.option(
    "--jobs", default=4, show_default=True, type=click.IntRange(1, 32), help="Data files at a time."
)
@click.option(
    "--bundle",
    "tree",
    type=click.Path(file_okay=False, path_type=Path),
    help="Make the tree that --mirror reads.",
)
@click.option("--verify", "again", is_flag=True, help="Check a tree instead: [RECIPE] is then its folder.")
@workspace_options
def fetch_command(
    workspace: Workspace,
    target: Path | None,
    overrides: tuple[str, ...],
    jobs: int,
    tree: Path | None,
    again: bool,
    as_json: bool,
) -> None:
    """Download what RECIPE needs: data files with their checksums, models and adapters from the hub.

    What is cut off goes on with the same command. Tokens are the hub's own (`hf auth login`, HF_TOKEN). With --bundle
    the files are put into a folder for machines without a network; with --verify such a folder (or the mirror, or
    the cache) is checked again.
    """
    if again:
        _verify(workspace, target, as_json)
        return
    if target is None:
        raise UsageError("which recipe?", remedy="xlt-kit fetch RECIPE, or: xlt-kit fetch --verify [DIR]")
    loaded, catalog = load(target, overrides)
    wanted = parts(loaded, catalog)
    if not as_json:
        _licences(wanted)
    with _progress(quiet=as_json) as tell:
        found = fetch(workspace, catalog, wanted, jobs, tell)
    new = bundle(found, catalog, tree) if tree else []
    if as_json:
        print_json({"fetched": [_plain(one) for one in found], "bundled": [str(path) for path in new]})
        return
    for one in found:
        click.echo(f"{one.part.kind:8} {one.part.name:40} {human(one.size):>9}  {one.origin}")
    click.echo(f"{len(found)} parts, {human(sum(one.size for one in found))}")
    if tree:
        click.echo(
            f"bundle: {tree}, {len(new)} files new; read it elsewhere with --mirror, check it with --verify"
        )


def _licences(wanted: list[Part]) -> None:
    said = dict.fromkeys((part.name.split("/")[0], part.licence, part.terms) for part in wanted)
    for name, licence, terms in said:
        click.echo(
            f"licence of {name}: {licence or 'see its page'}" + (f"; accept it at {terms}" if terms else "")
        )


@contextlib.contextmanager
def _progress(quiet: bool) -> Iterator[Tell]:
    """Bars on a terminal; elsewhere nothing but the list at the end."""
    from huggingface_hub.utils import disable_progress_bars

    if quiet or not sys.stderr.isatty():
        disable_progress_bars()
        yield lambda name, here, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def tell(name: str, here: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=here, total=total)

        yield tell


def _verify(workspace: Workspace, target: Path | None, as_json: bool) -> None:
    root = target or workspace.mirror or workspace.home / "cache" / "data"
    found = check(root, Catalog.load())
    if as_json:
        print_json({"tree": str(root), **asdict(found)})
    else:
        for kind, names in (
            ("changed", found.changed),
            ("missing", found.missing),
            ("not listed", found.unknown),
        ):
            for name in names[:_SHOWN]:
                click.echo(f"{kind}: {name}")
            if len(names) > _SHOWN:
                click.echo(f"{kind}: and {len(names) - _SHOWN} more")
        click.echo(f"{root}: {found.right} files as they should be, {len(found.changed)} changed, "
                   f"{len(found.missing)} missing, {len(found.unknown)} not listed")  # fmt: skip
    if found.changed:
        raise ChecksumError(
            f"{len(found.changed)} files are not what they should be, first {found.changed[0]}",
            where=Where(str(root)),
            remedy="remove them and fetch or copy them again",
        )
    if found.missing:
        raise MissingInputError(
            f"{len(found.missing)} files are missing, first {found.missing[0]}",
            where=Where(str(root)),
            remedy="fetch or copy them again",
        )


def _plain(one: Fetched) -> dict[str, object]:
    return {
        "kind": one.part.kind,
        "name": one.part.name,
        "path": str(one.path),
        "bytes": one.size,
        "digest": one.digest,
        "revision": one.revision,
        "licence": one.part.licence,
        "from": one.origin,
    }
