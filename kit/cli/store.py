"""`xlt-kit store`: how much is stored, what can go, what is damaged."""

from __future__ import annotations

import sys

import click

from kit.api import Workspace, needed
from kit.cli.common import print_json, workspace_options
from kit.errors import ChecksumError, Where
from kit.report.units import human
from kit.store import Damage, Piece, collect, pieces, remove, size_of, verify


@click.group()
def store() -> None:
    """Show, free or verify what is stored."""


@store.command("du")
@click.option("--each", is_flag=True, help="List every single thing, the largest first.")
@workspace_options
def usage(workspace: Workspace, each: bool, as_json: bool) -> None:
    """Show how much the store and the rest of the home take."""
    found = list(pieces(workspace.store()))
    kinds = dict.fromkeys(("cells", "adapters", "models", "data", "leftovers"), (0, 0))
    for piece in found:
        count, size = kinds[piece.kind]
        kinds[piece.kind] = count + 1, size + piece.size
    for name in ("runs", "cache"):
        folder = workspace.home / name
        kinds[name] = len(list(folder.glob("*"))), size_of(folder)
    if as_json:
        totals = {name: {"count": count, "bytes": size} for name, (count, size) in kinds.items()}
        print_json({"home": str(workspace.home), "kinds": totals, "pieces": [_plain(p) for p in found]})
        return
    for name, (count, size) in kinds.items():
        click.echo(f"{name:10} {count:7}  {human(size):>9}")
    click.echo(f"{'all':10} {'':7}  {human(sum(size for _, size in kinds.values())):>9}   {workspace.home}")
    if each:
        for piece in sorted(found, key=lambda piece: -piece.size):
            click.echo(f"{human(piece.size):>9}  {piece.kind:9}  {piece.key}")


@store.command("gc")
@click.option(
    "--unused", is_flag=True, help="Also cells, adapters and models that no run of this home asks for."
)
@click.option("--dry-run", is_flag=True, help="Say what would go; take nothing out.")
@workspace_options
def clean(workspace: Workspace, unused: bool, dry_run: bool, as_json: bool) -> None:
    """Take out what nobody needs: what killed processes left, slices of no run, adapters that no recipe keeps.

    What an unfinished run needs stays, and finished cells stay but for --unused.
    """
    gone = collect(workspace.store(), lambda: needed(workspace), unused, dry_run)
    freed = sum(piece.size for piece in gone)
    if as_json:
        print_json({"freed": 0 if dry_run else freed, "found": freed, "pieces": [_plain(p) for p in gone]})
        return
    for piece in gone:
        click.echo(f"{human(piece.size):>9}  {piece.kind:9}  {piece.key}")
    click.echo(f"{'would free' if dry_run else 'freed'} {human(freed)} in {len(gone)} pieces")


@store.command("verify")
@click.option(
    "--remove", "taking_out", is_flag=True, help="Take damaged pieces out; the next run makes them anew."
)
@workspace_options
def check(workspace: Workspace, taking_out: bool, as_json: bool) -> None:
    """Read everything again and compare it with the digests that were taken when it was stored."""
    opened = workspace.store()
    found = verify(opened, _progress if sys.stderr.isatty() and not as_json else lambda done, total: None)
    if taking_out:
        with opened.lock():
            remove(opened, [damage.piece for damage in found])
    if as_json:
        print_json({"damaged": [_told(damage) for damage in found], "removed": taking_out})
    else:
        for damage in found:
            click.echo(f"damaged: {damage.piece.kind} {damage.piece.key}: {damage.problem} ({damage.about})")
        click.echo(f"{sum(p.kind != 'leftovers' for p in pieces(opened))} pieces, {len(found)} damaged")
    if found and not taking_out:
        raise ChecksumError(
            f"{len(found)} pieces of the store are damaged",
            where=Where(str(opened.root)),
            remedy="take them out with: xlt-kit store verify --remove; the next run makes them, and only them, anew",
        )


def _progress(done: int, total: int) -> None:
    click.echo(f"\r{done}/{total}", nl=done == total, err=True)


def _plain(piece: Piece) -> dict[str, object]:
    return {"kind": piece.kind, "key": piece.key, "path": str(piece.path), "bytes": piece.size}


def _told(damage: Damage) -> dict[str, object]:
    return {**_plain(damage.piece), "problem": damage.problem, "about": damage.about}
