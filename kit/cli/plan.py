"""`xlt-kit plan`: what a recipe asks for, what is there, what will run and why."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from kit.api import Prepared, Workspace, prepare
from kit.cli.common import print_json, recipe_options, workspace_options
from kit.jobdir import encode
from kit.plan import PlannedJob, WantedCell, reason
from kit.report.units import duration


@click.command()
@recipe_options
@click.option("--keys", is_flag=True, help="List every cell with its key.")
@workspace_options
def plan(workspace: Workspace, recipe: Path, overrides: tuple[str, ...], keys: bool, as_json: bool) -> None:
    """Show what RECIPE asks for, what is there already, what will run and why, and what it will cost."""
    prepared = prepare(workspace, recipe, overrides, fetch=False)
    reasons = _reasons(prepared)
    if as_json:
        print_json(_as_json(prepared, reasons))
        return
    _print(prepared, reasons)
    if keys:
        for cell in prepared.plan.demand.wanted.cells:
            state = reasons.get(cell.key, "stored")
            click.echo(f"{cell.key}  {cell.spec.label}  [{state}]")


def _reasons(prepared: Prepared) -> dict[str, str]:
    missing = [c for c in prepared.plan.demand.wanted.cells if c.key in prepared.plan.missing]
    stored = list(prepared.store.cell_facts()) if missing else []
    return {cell.key: reason(cell, stored) for cell in missing}


def _print(prepared: Prepared, reasons: dict[str, str]) -> None:
    plan, recipe = prepared.plan, prepared.loaded.recipe
    total = len({cell.key for cell in plan.demand.wanted.cells})
    click.echo(f"{recipe.name}: {total} cells, {plan.stored} stored, {len(plan.missing)} to compute")
    for model in prepared.inputs.models:
        click.echo(
            f"  model {model.wanted.name}: {_where(model.path is not None, model.wanted.spec is not None)}"
        )
    for name, slices in (("train", prepared.inputs.train), ("evaluate", prepared.inputs.evaluate)):
        for entry in slices:
            click.echo(f"  {name} {entry.dataset}/{entry.language}/{entry.split}: {entry.items} items")
    if not plan.jobs:
        click.echo("nothing to run: every cell is in the store")
        return
    click.echo("\nwill run:")
    cells = {cell.key: cell for cell in plan.demand.wanted.cells}
    for job in plan.jobs:
        click.echo(f"  {job.title}  (about {duration(job.cost.seconds)}, {job.cost.memory_gb:.1f} GB memory)")
        for text in _why(job, cells, reasons):
            click.echo(f"    {text}")
    seconds = sum(job.cost.seconds for job in plan.jobs)
    memory = max(job.cost.memory_gb for job in plan.jobs)
    disk = sum(job.cost.disk_gb for job in plan.jobs)
    click.echo(
        f"\nestimate: {duration(seconds)} on one slot, {memory:.1f} GB memory a job, {disk:.2f} GB disk"
        f"\nbasis: {'; '.join(dict.fromkeys(job.cost.basis for job in plan.jobs))}"
    )


def _where(here: bool, pretrained: bool) -> str:
    if here:
        return "here"
    return "will be pre-trained" if pretrained else "not here yet; run fetches it"


def _why(job: PlannedJob, cells: dict[str, WantedCell], reasons: dict[str, str]) -> list[str]:
    counts = Counter(reasons[key] for key in job.keys if key in cells)
    return [f"{count} cells: {text}" for text, count in counts.most_common(4)]


def _as_json(prepared: Prepared, reasons: dict[str, str]) -> object:
    plan = prepared.plan
    return {
        "recipe": prepared.loaded.recipe.name,
        "run": prepared.run_name,
        "cells": [
            {"key": c.key, "at": encode(c.at), "items": c.items, "missing": reasons.get(c.key)}
            for c in plan.demand.wanted.cells
        ],
        "jobs": [
            {"id": j.id, "title": j.title, "needs": j.needs, "keys": j.keys, "cost": encode(j.cost)}
            for j in plan.jobs
        ],
    }
