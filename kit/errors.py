"""Every error that a user can meet: what happened, where, the remedy, and the exit code.

The tree is closed: the command line prints `KitError` and nothing else, and one exit code belongs to one class, so
that scripts can tell the cases apart. Failures inside a job are typed in `kit.jobdir` (the job may not see this file)
and arrive here as `JobFailed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Where:
    """A place that the user can open: a file, and in it a line and a column (both from 1)."""

    path: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = self.path
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        return place


class KitError(Exception):
    """Base of all errors shown to users."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, where: Where | None = None, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.remedy})" if self.remedy else text

    def as_json(self) -> dict[str, object]:
        """The error for machines: code, message, place and remedy."""
        return {
            "code": self.code,
            "message": self.message,
            "path": self.where.path if self.where else None,
            "line": self.where.line if self.where else None,
            "column": self.where.column if self.where else None,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


class UsageError(KitError):
    """The command was called with words that do not fit together."""

    code, exit_code = "usage", 2


class RecipeError(KitError):
    """One fault in a recipe."""

    code, exit_code = "recipe", 3


class RecipeErrors(KitError):
    """All faults of a recipe at once, in the order of the file."""

    code, exit_code = "recipe", 3

    def __init__(self, errors: Sequence[RecipeError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = tuple(errors)

    def as_json(self) -> dict[str, object]:
        """The first error, and all of them under `errors`."""
        errors = [error.as_json() for error in self.errors]
        return {**(errors[0] if errors else super().as_json()), "errors": errors}


class CatalogError(KitError):
    """A catalog file is faulty, or a name is in none of them."""

    code, exit_code = "catalog", 4


class DataError(KitError):
    """A data file cannot be read: truncated, not UTF-8, not JSON, wrong shape, duplicate ids."""

    code, exit_code = "data", 5


class ChecksumError(DataError):
    """A file's content is not what the catalog (or the run) says it is."""

    code, exit_code = "checksum", 6


class MissingInputError(KitError):
    """Data or weights are neither here nor to be fetched."""

    code, exit_code = "missing-input", 7


class StorageError(KitError):
    """A folder cannot be written, is full, or holds something of a newer version."""

    code, exit_code = "storage", 8


class LockedError(KitError):
    """Another process holds this run."""

    code, exit_code = "locked", 9


class EnvironmentError_(KitError):
    """The machine lacks what the executor needs (torch, an engine, a GPU)."""

    code, exit_code = "environment", 10


class JobFailed(KitError):
    """At least one job of the run failed; what could be finished is kept."""

    code, exit_code = "job-failed", 11


class ClaimsError(KitError):
    """A claims file or a table of references is faulty."""

    code, exit_code = "claims", 12


class ClaimsUnmetError(KitError):
    """Claims were judged as asked, and one of them does not stand."""

    code, exit_code = "claims-unmet", 13


class StoppedError(KitError):
    """The user stopped the run; what was finished is kept."""

    code, exit_code = "stopped", 130
