"""`xlt-kit bench`: how fast this machine evaluates a model, and how near that is to what it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import click

from kit.api import Trial, Workspace, measure
from kit.api.measuring import Dtype
from kit.cli.common import language_option, print_json, workspace_options


@click.command()
@click.argument("model", default="tiny-bloom")
@click.option("--dataset", default="tiny-qa", show_default=True, help="Whose test questions are answered.")
@language_option(default="hi", show_default=True)
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(get_args(Dtype)), default="float32", show_default=True)
@click.option("--questions", default=60, show_default=True, type=click.IntRange(2))
@click.option(
    "--alone", default=5, show_default=True, type=click.IntRange(1), help="Also answered one by one."
)
@workspace_options
def bench(workspace: Workspace, as_json: bool, **options: Any) -> None:
    """Measure how fast MODEL (a name in the catalog, or a folder) answers questions on this machine.

    The same questions are answered in batches and, a few of them, one at a time; the answers are compared. Shares are
    of what this machine reaches on a large matrix product and a large copy: docs/speed.md says how they are counted.
    """
    found = measure(workspace, Trial(**options))
    if as_json:
        print_json(found)
        return
    click.echo("\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    count, seconds, one = found["questions"], found["seconds"], found["one_by_one"]
    tokens = f"{found['prompt_tokens']:,} prompt tokens, {found['new_tokens']:,} new"
    yield f"{found['device']}: {count} questions, {tokens}"
    yield f"in batches      {seconds:8.2f} s   {count / seconds:8.1f} questions/s"
    slow = one["questions"] / one["seconds"]
    yield f"one by one      {one['seconds']:8.2f} s   {slow:8.1f} questions/s   ({one['questions']} of them)"
    yield f"times faster    {found['times_faster']:8.1f}"
    yield f"same answers    {found['same_answers']:5} of {one['questions']}"
    yield f"sharing saves   {found['saved_by_sharing']:8.1f}   times the operations of the prompts"
    arithmetic, memory = found["arithmetic"], found["memory"]
    yield (
        f"prompts         {arithmetic['share']:8.0%}   of the arithmetic that is reached here "
        f"({arithmetic['reached'] / 1e9:,.0f} of {arithmetic['peak'] / 1e9:,.0f} Gflop/s)"
    )
    if memory:
        yield (
            f"decoding        {memory['share']:8.0%}   of the memory traffic that is reached here "
            f"({memory['reached'] / 1e9:,.1f} of {memory['peak'] / 1e9:,.1f} GB/s)"
        )
