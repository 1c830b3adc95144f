"""The pages of the line at the top, once: another page is one more line here, and a file of its own."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from kit.tui.screens.page import Page


@dataclass(frozen=True)
class Door:
    """A page by the name of its place, opened by key. `page` is `module:Class`, imported when it is first entered.

    The class takes nothing, or the folder of a run where the page is `of_run`.
    """

    place: str
    key: str
    word: str
    help: str
    page: str
    of_run: bool = False

    def load(self) -> Callable[..., Page]:
        """The class of the page."""
        module, _, name = self.page.partition(":")
        return cast("Callable[..., Page]", getattr(importlib.import_module(module), name))


DOORS = (
    Door("recipes", "1,f1", "Recipes", "All recipes of the folder", "kit.tui.screens.recipes:Recipes"),
    Door("runs", "2,f2", "Runs", "Every run of this home", "kit.tui.screens.runs:Runs"),
    Door("run", "3,f3", "Jobs", "Jobs, curves and logs of the run", "kit.tui.screens.run:RunPage", True),
    Door("table", "4,f4", "Table", "The transfer table of the run", "kit.tui.screens.table:TablePage", True),
    Door(
        "claims", "5", "Claims", "Verdicts on the paper's claims", "kit.tui.screens.claims:ClaimsPage", True
    ),
    Door("lens", "6", "Lens", "What a lens saw in the run", "kit.tui.screens.lens:LensPage", True),
    Door(
        "doctor", "7", "Doctor", "What this machine lacks, and what fits", "kit.tui.screens.doctor:DoctorPage"
    ),
)
"""In the order of the line at the top."""


def door_to(place: str) -> Door:
    """The door of that place."""
    return next(door for door in DOORS if door.place == place)
