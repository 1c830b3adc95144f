"""Reads: the folders of finished cells, gold examples where they are at hand.
Writes: `scores.jsonl` of a landed cell; `Results` (the predictions), transfer and over-generation tables.
"""

from kit.results.columns import METRICS, Metric, metric_named
from kit.results.contrast import CONTRAST_COLUMNS
from kit.results.grid import Column, Grid, Pool, Subject, grids
from kit.results.interchange import Swaps, SwapTable, Way, swap_tables, swaps_of
from kit.results.lens import LensRow, LensTable, lens_tables
from kit.results.load import as_one, load
from kit.results.noise import NoiseFloor, noise_floor
from kit.results.over_generation import (
    OVER_METRICS,
    OverCell,
    OverGenerationTable,
    OverRow,
    over_generation_table,
)
from kit.results.relation import COVARIATES, Correlation, Relation, relations
from kit.results.score_cell import score_generation
from kit.results.table import (
    Group,
    Groups,
    Row,
    TableCell,
    TransferTable,
    compare_cells,
    paired,
    transfer_table,
)
from kit.results.types import CellData, MissingCell, Results
from kit.results.windows import WindowRow, WindowTable, window_tables

__all__ = [
    "CONTRAST_COLUMNS",
    "COVARIATES",
    "METRICS",
    "OVER_METRICS",
    "CellData",
    "Column",
    "Correlation",
    "Grid",
    "Group",
    "Groups",
    "LensRow",
    "LensTable",
    "Metric",
    "MissingCell",
    "NoiseFloor",
    "OverCell",
    "OverGenerationTable",
    "OverRow",
    "Pool",
    "Relation",
    "Results",
    "Row",
    "Subject",
    "SwapTable",
    "Swaps",
    "TableCell",
    "TransferTable",
    "Way",
    "WindowRow",
    "WindowTable",
    "as_one",
    "compare_cells",
    "grids",
    "lens_tables",
    "load",
    "metric_named",
    "noise_floor",
    "over_generation_table",
    "paired",
    "relations",
    "score_generation",
    "swap_tables",
    "swaps_of",
    "transfer_table",
    "window_tables",
]
