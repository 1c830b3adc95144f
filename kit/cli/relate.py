"""`xlt-kit relate`: over a grid of sources and targets, what goes with a change, and whose is it?"""

from __future__ import annotations

import click

from kit.api import Workspace, results
from kit.cli.common import workspace_options
from kit.errors import UsageError
from kit.results import relations
from kit.results.relation import Pairs
from kit.schedule.runfolder import find_run


@click.command()
@click.argument("run", default="last")
@click.option("--metric", default="f1", show_default=True, help="Whose change (tuned - base) is looked at.")
@click.option(
    "--beside", multiple=True, help="A metric whose change it is set beside, e.g. mass_other; several."
)
@click.option(
    "--given",
    multiple=True,
    help="At equal same-script, same-family, source-share, target-share or base as well; several.",
)
@click.option(
    "--pairs",
    type=click.Choice(["cross", "self", "both"]),
    default="cross",
    show_default=True,
    help="Tuned and evaluated in two languages, in one, or both.",
)
@workspace_options
def relate(
    workspace: Workspace,
    run: str,
    metric: str,
    beside: tuple[str, ...],
    given: tuple[str, ...],
    pairs: Pairs,
    as_json: bool,
) -> None:
    """Show what goes with a change over the grid of RUN (the last one where none is named), and whose change it is."""
    found = relations(results(workspace, find_run(workspace.runs, run)), metric, beside, given, pairs)
    if not found:
        raise UsageError(
            f"there is no change of {metric} in such pairs",
            remedy="run a recipe that tunes on some languages and evaluates on others",
        )
    if as_json:
        from kit.report.relation import relations_json

        click.echo(relations_json(found))
        return
    from rich.console import Console

    from kit.report.relation import relation_view

    console = Console(highlight=False)
    for one in found:
        console.print(relation_view(one))
