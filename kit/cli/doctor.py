"""`xlt-kit doctor`: what of this machine is as the kit needs it, what is not, and which recipes fit."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from pathlib import Path

import click

from kit.api import Finding, Fit, Workspace, machine_factor
from kit.api.doctor import State, Surroundings, all_findings, can_run, fits, in_order, kept_speed
from kit.cli.common import print_json, workspace_options
from kit.errors import EnvironmentError_
from kit.jobdir import encode
from kit.manifest import hardware

SIGNS = {
    "fine": ("✓", "green"),
    "warning": ("!", "yellow"),
    "problem": ("✗", "red"),
    "skipped": ("·", "bright_black"),
}
FIT_SIGNS = {
    "fits": ("✓", "green"),
    "slow": ("!", "yellow"),
    "lacks": ("✗", "red"),
    "unknown": ("·", "bright_black"),
    "faulty": ("✗", "red"),
}
_INDENT = 18
_LEAST_WIDTH = 60


@click.command()
@click.option(
    "--recipes",
    default="recipes",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder whose recipes are looked at.",
)
@click.option("--no-bench", is_flag=True, help="Do not measure the speed of this machine (some seconds).")
@workspace_options
def doctor(workspace: Workspace, recipes: Path, no_bench: bool, as_json: bool) -> None:
    """Look at this machine: engine, GPUs, disk, memory, network, clock; and at what of each recipe fits here.

    Every warning and every problem has its remedy. Exit code 0 where nothing is a problem, else 10. The speed of one
    thread is measured and kept in the home; the times of recipes on the CPU are scaled by it.
    """
    here = Surroundings(workspace)
    found: list[Finding] = []
    for finding in all_findings(here, not no_bench):
        found.append(finding)
        if not as_json:
            _print(finding)
    fitting = in_order(list(fits(here, recipes, machine_factor(workspace), can_run(found))))
    if as_json:
        print_json(_as_json(workspace, found, fitting))
    else:
        _print_fits(fitting, recipes)
        _sum_up(found)
    if bad := [one.what for one in found if one.state == "problem"]:
        raise EnvironmentError_(
            f"{len(bad)} problem{'s' * (len(bad) > 1)}: {', '.join(bad)}", remedy="mend them as told above"
        )


def _as_json(workspace: Workspace, found: list[Finding], fitting: list[Fit]) -> dict[str, object]:
    measured = kept_speed(workspace)
    return {
        "machine": hardware(),
        "home": str(workspace.home),
        "findings": [encode(one) for one in found],
        "speed": {**encode(measured), "factor": measured.factor} if measured else None,
        "recipes": [{**encode(one), "recipe": str(one.recipe)} for one in fitting],
    }


def _print(finding: Finding) -> None:
    sign, colour = SIGNS[finding.state]
    head = click.style(sign, fg=colour, bold=True) + f" {finding.what:{_INDENT - 3}} "
    click.echo(head + _folded(finding.says))
    if finding.remedy:
        click.echo(" " * _INDENT + "→ " + _folded(finding.remedy, _INDENT + 2))


def _print_fits(fitting: list[Fit], folder: Path) -> None:
    if not fitting:
        click.echo(f"\nno recipes under {folder}; name a folder: --recipes DIR")
        return
    width = max(len(str(one.recipe)) for one in fitting)
    click.echo("\nrecipes, those that fit first; nothing was fetched to tell")
    for one in fitting:
        sign, colour = FIT_SIGNS[one.standing]
        head = click.style(sign, fg=colour, bold=True)
        click.echo(f"{head} {one.recipe!s:{width}}  {one.time}".rstrip())
        if one.standing != "fits" or one.remedy:
            click.echo("    " + _folded(f"{one.says} → {one.remedy}" if one.remedy else one.says, 4))


def _sum_up(found: list[Finding]) -> None:
    counts = Counter(one.state for one in found)
    words: dict[State, str] = {
        "fine": "fine",
        "warning": "to know",
        "problem": "to mend",
        "skipped": "not looked at or not needed",
    }
    click.echo("\n" + ", ".join(f"{counts[state]} {word}" for state, word in words.items() if counts[state]))


def _folded(text: str, indent: int = _INDENT) -> str:
    """A text that folds under its own beginning; commands and paths stay whole."""
    width = max(_LEAST_WIDTH, shutil.get_terminal_size().columns)
    lines = textwrap.wrap(text, width - indent, break_long_words=False, break_on_hyphens=False)
    return ("\n" + " " * indent).join(lines)
