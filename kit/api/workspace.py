"""Where the kit keeps its things, and where it may look for data."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kit.store import Store, default_home
from kit.store.store import writable_folder

if TYPE_CHECKING:
    from kit.catalog import Locations


@dataclass(frozen=True)
class Workspace:
    """Where the kit keeps its things, and where it may look for data."""

    home: Path
    mirror: Path | None = None
    offline: bool = False

    @staticmethod
    def from_environment(
        home: Path | None = None, mirror: Path | None = None, offline: bool = False
    ) -> Workspace:
        """The given places, else `XLT_KIT_HOME`, `XLT_KIT_MIRROR`, `XLT_KIT_OFFLINE`, else the platform's."""
        named = os.environ.get("XLT_KIT_MIRROR")
        return Workspace(
            home.absolute() if home else default_home(),
            mirror.absolute() if mirror else Path(named).absolute() if named else None,
            offline or os.environ.get("XLT_KIT_OFFLINE", "") not in ("", "0"),
        )

    @property
    def runs(self) -> Path:
        """Where the run folders lie."""
        return self.home / "runs"

    @property
    def locations(self) -> Locations:
        """Where data and weights are looked for."""
        from kit.catalog import Locations  # a screen that only opens a home need not wait for the catalog

        return Locations(mirror=self.mirror, cache=self.home / "cache", offline=self.offline)

    def store(self) -> Store:
        """Open the store.

        Raises:
            StorageError: not writable, or of a newer kit.
        """
        writable_folder(self.home, "the kit's home")
        return Store(self.home / "store")
