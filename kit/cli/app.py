"""The command `xlt-kit`: its commands are imported on use, its errors are printed in one place."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from typing import TextIO

import click

from kit import __version__
from kit.errors import KitError, StoppedError, UsageError

COMMANDS = {
    "tui": ("kit.cli.tui:tui", "The terminal UI; `xlt-kit` alone starts it as well."),
    "run": ("kit.cli.run:run", "Run a recipe: tune, evaluate, and show the transfer table."),
    "resume": ("kit.cli.control:resume", "Go on with a run that was stopped, killed or left."),
    "artifact": ("kit.cli.artifact:artifact", "From a bare machine to report and bundle, in a budget."),
    "kick-the-tires": ("kit.cli.tires:kick_the_tires", "Check in minutes that every part works here."),
    "attach": ("kit.cli.control:attach", "Watch a run that works in the background."),
    "stop": ("kit.cli.control:stop", "Stop a run and all its jobs, or one of them."),
    "retry": ("kit.cli.control:retry", "Try one job of a run again."),
    "delete": ("kit.cli.control:delete", "Delete the folder of a run; what is stored stays."),
    "plan": ("kit.cli.plan:plan", "Show what a recipe asks for, what is there, what will run and why."),
    "recipes": ("kit.cli.recipes:recipes", "List the recipes of a folder."),
    "doctor": ("kit.cli.doctor:doctor", "Look at this machine: what is missing, what fits, with remedies."),
    "new": ("kit.cli.new:new", "Write a recipe, or an entry for a data set or language of your own."),
    "model": ("kit.cli.model:model", "Check a model before it is used: layers, tokens, languages."),
    "schema": ("kit.cli.recipes:schema", "Print the JSON Schema of recipes, for editors."),
    "fetch": ("kit.cli.fetch:fetch_command", "Download, bundle or verify what a recipe needs."),
    "data": ("kit.cli.data:data", "List data sets, show examples and counts, audit training sets."),
    "store": ("kit.cli.store:store", "Show, free or verify what is stored."),
    "image": ("kit.cli.image:image", "Build, inspect, export and import the images in which jobs run."),
    "bench": ("kit.cli.bench:bench", "Measure how fast this machine evaluates a model."),
    "clean": ("kit.cli.clean:clean", "List or remove the containers and images that nobody needs any more."),
    "status": ("kit.cli.status:status_command", "Show how a run stands: jobs, progress, time left, losses."),
    "runs": ("kit.cli.runs:runs", "List the runs."),
    "logs": ("kit.cli.runs:logs", "Show or follow the logs of a run's jobs."),
    "table": ("kit.cli.tables:table", "Show or export the transfer tables of a run."),
    "lens": ("kit.cli.lens:lens", "Show what each layer would say next, by script or language."),
    "interchange": (
        "kit.cli.interchange:interchange",
        "Show whether an interfering script's direction does what tuning did.",
    ),
    "layers": ("kit.cli.layers:layers", "Show what tuning changes through some layers of the adapter alone."),
    "relate": ("kit.cli.relate:relate", "Show what goes with a change over the grid, and whose it is."),
    "claims": ("kit.cli.claims:claims", "Judge the paper's claims on what was run."),
    "diff": ("kit.cli.diff:diff", "Compare two runs cell by cell, with likely causes."),
    "report": ("kit.cli.report:report_command", "Write a run, or several, as one page for a browser."),
    "export": ("kit.cli.bundles:export_command", "Write runs as one archive that others can check."),
    "verify": ("kit.cli.bundles:verify_command", "Check a bundle: files, outputs, every figure made again."),
    "reference": ("kit.cli.reference:reference", "Lay published figures beside your own."),
    "show": ("kit.cli.tables:show", "List the examples under a cell of the table."),
}


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


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True
)
@click.version_option(__version__, prog_name="xlt-kit")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Tune a multilingual model in one language, evaluate it in many, and see what transferred.

    \b
    Begin with:  xlt-kit run recipes/smoke.yaml
    Exit codes:  docs/errors.md
    """
    if ctx.invoked_subcommand is not None:
        return
    if sys.stdin is None or sys.stdout is None or not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(ctx.get_help())
        ctx.exit(2)
    from kit.cli.tui import tui

    tui.main([], prog_name="xlt-kit tui", standalone_mode=False)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: runs a command and turns every error into a sentence and an exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    _open_streams()
    code = _guarded(words)
    sys.exit(_flushed(code, "--json" in words))


def _guarded(words: list[str]) -> int:
    as_json, debug = "--json" in words, "--debug" in words
    try:
        code = cli.main(words, prog_name="xlt-kit", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        _to_nowhere(sys.stdout)  # the reader of our output went away (`| head`): that is no fault
        return 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _told(StoppedError("stopped"), as_json, debug)
    except click.ClickException as problem:
        if not as_json:
            problem.show()
            return problem.exit_code
        return _told(UsageError(problem.format_message(), remedy="see: xlt-kit --help"), as_json, debug)
    except KitError as problem:
        return _told(problem, as_json, debug)
    except (OSError, MemoryError) as problem:
        from kit.cli.failures import crash, of_system

        known = of_system(problem)
        return _told(known, as_json, debug) if known else crash(problem, words, as_json, debug)
    except Exception as problem:
        from kit.cli.failures import crash

        return crash(problem, words, as_json, debug)


def _told(problem: KitError, as_json: bool, debug: bool) -> int:
    from kit.cli.failures import masked, show

    with contextlib.suppress(OSError):  # where nobody can be told, the exit code tells
        if debug:
            click.echo(masked(traceback.format_exc()), err=True)
        show(problem, as_json)
    return problem.exit_code


def _flushed(code: int, as_json: bool) -> int:
    """Write out what is still in the buffers; Python would complain at its end, in its own words."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:
            _to_nowhere(stream)
        except OSError as problem:
            from kit.cli.failures import of_system

            _to_nowhere(stream)
            known = of_system(problem)
            if known and stream is sys.stdout:
                code = _told(known, as_json, debug=False)
    return code


def _to_nowhere(stream: TextIO) -> None:
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_streams() -> None:
    """UTF-8 whatever the locale says: tables hold many scripts. No file of ours in the place of a closed stream."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
