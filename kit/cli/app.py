"""The command `xlt-kit`: its commands are imported on use, its errors are printed in one place."""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback

import click

from kit import __version__
from kit.errors import KitError, RecipeErrors

COMMANDS = {
    "run": ("kit.cli.run:run", "Run a recipe: tune, evaluate, and show the transfer table."),
    "resume": ("kit.cli.control:resume", "Go on with a run that was stopped, killed or left."),
    "attach": ("kit.cli.control:attach", "Watch a run that works in the background."),
    "stop": ("kit.cli.control:stop", "Stop a run and all its jobs."),
    "plan": ("kit.cli.plan:plan", "Show what a recipe asks for, what is there, what will run and why."),
    "recipes": ("kit.cli.recipes:recipes", "List the recipes of a folder."),
    "schema": ("kit.cli.recipes:schema", "Print the JSON Schema of recipes, for editors."),
    "fetch": ("kit.cli.fetch:fetch", "Download, bundle or verify what a recipe needs."),
    "data": ("kit.cli.data:data", "List data sets, show examples and counts, audit training sets."),
    "store": ("kit.cli.store:store", "Show, free or verify what is stored."),
    "runs": ("kit.cli.runs:runs", "List the runs."),
    "logs": ("kit.cli.runs:logs", "Show or follow the logs of a run's jobs."),
    "table": ("kit.cli.tables:table", "Show or export the transfer tables of a run."),
    "show": ("kit.cli.tables:show", "List the examples under a cell of the table."),
}
_DEFECT_EXIT = 70


class LazyGroup(click.Group):
    """A group that imports a command when it is called; `--help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of a user's way through them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command; None where there is no such name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table above alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name in the error."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"{problem.message}{hint}", ctx) from None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="xlt-kit")
def cli() -> None:
    """Tune a multilingual model in one language, evaluate it in many, and see what transferred.

    \b
    Begin with:  xlt-kit run recipes/smoke.yaml
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns every error into a sentence and an exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    _utf8()
    sys.exit(_guarded(words))


def _guarded(words: list[str]) -> int:
    try:
        code = cli.main(words, prog_name="xlt-kit", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as problem:
        problem.show()
        return problem.exit_code
    except KitError as problem:
        _print_error(problem, "--json" in words)
        if "--debug" in words:
            traceback.print_exc()
        return problem.exit_code
    except BrokenPipeError:
        # The reader of our output went away (`| head`): that is no fault. Keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as problem:
        return _crash(problem, "--debug" in words)


def _print_error(problem: KitError, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"error": problem.as_json()}, ensure_ascii=False), err=True)
        return
    faults = problem.errors if isinstance(problem, RecipeErrors) else (problem,)
    for fault in faults:
        place = f"{fault.where}: " if fault.where else ""
        click.echo(click.style("error: ", fg="red", bold=True) + place + fault.message, err=True)
        if fault.remedy:
            click.echo(f"  → {fault.remedy}", err=True)


def _crash(problem: Exception, debug: bool) -> int:
    report = "".join(traceback.format_exception(problem))
    with tempfile.NamedTemporaryFile("w", prefix="xlt-kit-crash-", suffix=".txt", delete=False) as stream:
        stream.write(f"xlt-kit {__version__}, Python {sys.version}\n{sys.argv}\n\n{report}")
    click.echo(f"error: a defect of xlt-kit: {type(problem).__name__}: {problem}", err=True)
    click.echo(
        f"  → please report it with the file {stream.name}; nothing that was finished is lost", err=True
    )
    if debug:
        click.echo(report, err=True)
    return _DEFECT_EXIT


def _utf8() -> None:
    """Write UTF-8 whatever the locale says: tables hold many scripts."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
