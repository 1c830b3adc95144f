"""`xlt-kit plan`: what a recipe asks for, what is there, what will run and why."""

from __future__ import annotations

from pathlib import Path

import click

from kit.api import Prepared, Workspace, needs, prepare, preview, reasons
from kit.cli.common import print_json, recipe_options, workspace_options
from kit.jobdir import encode


@click.command()
@recipe_options
@click.option("--keys", is_flag=True, help="List every cell with its key.")
@workspace_options
def plan(workspace: Workspace, recipe: Path, overrides: tuple[str, ...], keys: bool, as_json: bool) -> None:
    """Show what RECIPE asks for, what is there already, what will run and why, and what it will cost."""
    prepared = prepare(workspace, recipe, overrides, fetch=False)
    if as_json:
        print_json(_as_json(workspace, prepared))
        return
    click.echo("\n".join(preview(workspace, prepared)))
    if keys:
        why = reasons(prepared)
        for cell in prepared.plan.demand.wanted.cells:
            state = why.get(cell.key, "stored")
            click.echo(f"{cell.key}  {cell.spec.label}  [{state}]")


def _as_json(workspace: Workspace, prepared: Prepared) -> object:
    plan, why = prepared.plan, reasons(prepared)
    return {
        "recipe": prepared.loaded.recipe.name,
        "run": prepared.run_name,
        "cells": [
            {"key": c.key, "at": encode(c.at), "items": c.items, "missing": why.get(c.key)}
            for c in plan.demand.wanted.cells
        ],
        "jobs": [
            {
                "id": j.id,
                "title": j.title,
                "needs": j.needs,
                "keys": j.keys,
                "cost": encode(j.cost),
                "pieces": j.pieces,
            }
            for j in plan.jobs
        ],
        "needs": [encode(need) for need in needs(workspace, prepared)],
    }
