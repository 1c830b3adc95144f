"""What the runs of a home need of its store."""

from __future__ import annotations

import contextlib
from typing import Any, Literal

from kit.api.control import status
from kit.api.workspace import Workspace
from kit.errors import StorageError
from kit.plan import WantedCell
from kit.schedule import RunFolder, list_runs
from kit.store import Needed

Keep = Literal["all", "last", "none"]
_RANK: dict[Keep, int] = {"none": 0, "last": 1, "all": 2}


def needed(workspace: Workspace) -> Needed:
    """All that any run of this home asks for. An adapter is kept as the most demanding of its runs keeps it;
    a run that has not ended well keeps all of its own.

    Raises:
        StorageError: the files of a run cannot be read, so that nobody knows what it needs.
    """
    cells: set[str] = set()
    models: set[str] = set()
    data: set[str] = set()
    adapters: dict[str, Keep] = {}
    for folder in list_runs(workspace.runs):
        wanted = folder.wanted().cells
        cells.update(cell.key for cell in wanted)
        models.update(cell.spec.base for cell in wanted)
        data.update(name for cell in wanted for name in (cell.spec.data, cell.spec.prompt.shots) if name)
        tunings = _tunings(wanted)
        with contextlib.suppress(StorageError):  # a run of an older kit has no such file
            request = folder.request()
            data.update(request.inputs.values())
            models.update(request.inputs.values())
            tunings.update(request.tunings)
        keep = _retention(folder)
        for tuning in tunings:
            before = adapters.get(tuning, "none")
            adapters[tuning] = max(before, keep, key=_RANK.__getitem__)
    return Needed(frozenset(cells), frozenset(models), frozenset(data), adapters)


def _tunings(cells: tuple[WantedCell, ...]) -> set[str]:
    return {name.partition("@")[0] for cell in cells for name in cell.spec.learnt if "@" in name}


def _retention(folder: RunFolder) -> Keep:
    if status(folder).stage != "done":
        return "all"
    recipe: dict[str, Any] = folder.manifest().get("recipe", {})
    kept = recipe.get("retention", {}).get("adapters", "all")
    return kept if kept in _RANK else "all"
