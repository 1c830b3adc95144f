"""Reads: a recipe, its resolved inputs, a snapshot of what is finished.
Writes: the demand (every wanted cell and its key) and the plan (the missing jobs). Pure.
"""

from kit.plan.build import build, is_current
from kit.plan.demand import demand
from kit.plan.estimate import Costs, Speeds
from kit.plan.inputs import Control, Inputs, ResolvedAdapter, ResolvedModel, ResolvedShots, ResolvedSlice
from kit.plan.pack import Packing
from kit.plan.types import (
    Coordinates,
    Cost,
    Demand,
    Finished,
    Plan,
    PlannedJob,
    Wanted,
    WantedCell,
    WantedModel,
    WantedTuning,
    outputs_of,
)
from kit.plan.why import reason

__all__ = [
    "Control",
    "Coordinates",
    "Cost",
    "Costs",
    "Demand",
    "Finished",
    "Inputs",
    "Packing",
    "Plan",
    "PlannedJob",
    "ResolvedAdapter",
    "ResolvedModel",
    "ResolvedShots",
    "ResolvedSlice",
    "Speeds",
    "Wanted",
    "WantedCell",
    "WantedModel",
    "WantedTuning",
    "build",
    "demand",
    "is_current",
    "outputs_of",
    "reason",
]
