"""Options and small helpers that commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kit.errors import StorageError, Where

if TYPE_CHECKING:
    from kit.api import Workspace

F = TypeVar("F", bound=Callable[..., Any])


def workspace_options(command: F) -> F:
    """`--home`, `--mirror`, `--offline`, `--json`, `--debug`: handed to the command as one `Workspace` and a flag."""

    def wrapped(
        *args: Any, home: Path | None, mirror: Path | None, offline: bool, debug: bool, **options: Any
    ) -> Any:
        from kit.api import Workspace

        del debug  # read by the entry point, which prints tracebacks
        return command(*args, workspace=Workspace.from_environment(home, mirror, offline), **options)

    wrapped.__name__, wrapped.__doc__ = command.__name__, command.__doc__
    wrapped.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    folder = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option("--debug", is_flag=True, help="Show tracebacks."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON for machines."),
        click.option("--offline", is_flag=True, help="Never touch the network."),
        click.option("--mirror", type=folder, help="A tree of data laid out as upstream. [XLT_KIT_MIRROR]"),
        click.option("--home", type=folder, help="Where store, runs and cache lie. [XLT_KIT_HOME]"),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


def recipe_options(command: F) -> F:
    """The recipe and its overrides."""
    command = click.option(
        "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override one value, e.g. seeds=[1,2]."
    )(command)
    return click.argument("recipe", type=click.Path(dir_okay=False, path_type=Path))(command)


def print_form(
    csv_of: Callable[[], str], json_of: Callable[[], str], form: str | None, as_json: bool
) -> None:
    """Print what a file would hold: as CSV where `form` says so and not `--json`, else as JSON."""
    click.echo((csv_of if form == "csv" and not as_json else json_of)().rstrip("\n"))


def in_own_code(language: str) -> str:
    """A language in the catalog's own code, whatever code of it was written; `dataset/language` too. Others stay."""
    from kit.catalog import Catalog  # it takes its time to read

    return Catalog.load().short(language)


def _in_own_codes(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(in_own_code, value))
    return value and in_own_code(value)


def language_option(*names: str, **settings: Any) -> Callable[[F], F]:
    """`--language`, in any code of a language: `or`, `ory`, `ory_Orya`."""
    return click.option("--language", *names, callback=_in_own_codes, **settings)


def drawn(draw: Callable[[], None], path: Path) -> None:
    """Draw into a file.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        draw()
    except OSError as problem:
        raise StorageError(
            f"the figure cannot be written: {problem.strerror}",
            where=Where(str(path)),
            remedy="name another file",
        ) from problem


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


__all__ = ["Workspace", "drawn", "print_json", "recipe_options", "workspace_options"]
