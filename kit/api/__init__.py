"""The rooms wired together: load, plan, run, judge, export. The command line and the terminal UI are faces over it.

Each name is imported from its file when it is first asked for: a command that lists runs needs no statistics, and the
screen is painted before the catalog is read.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.api.bundling import Exported, export
    from kit.api.care import needed
    from kit.api.comparing import Side, compare_runs, flipped
    from kit.api.control import (
        Status,
        background,
        delete_run,
        go_on,
        list_statuses,
        retry_job,
        status,
        stop_job,
        stop_run,
    )
    from kit.api.doctor import Finding, Fit, examine, machine_factor
    from kit.api.executors import choose_executor
    from kit.api.forecast import Need, needs, preview, reasons
    from kit.api.judging import Judgement, check_claims, claims_of, export_claims, judge_runs, priced
    from kit.api.measuring import Trial, measure
    from kit.api.planning import Prepared, load, prepare
    from kit.api.referring import (
        ReferenceTable,
        add_reference,
        list_references,
        published,
        remove_reference,
    )
    from kit.api.reporting import page_of, report, write_report
    from kit.api.running import execute, open_run
    from kit.api.tables import export_tables, headlines, language_groups, results
    from kit.api.unbundling import bundle_at, unbundled
    from kit.api.verifying import Verification, verify
    from kit.api.workspace import Workspace

_FILES = {
    "bundling": ("Exported", "export"),
    "care": ("needed",),
    "comparing": ("Side", "compare_runs", "flipped"),
    "control": (
        "Status", "background", "delete_run", "go_on", "list_statuses", "retry_job", "status", "stop_job", "stop_run",
    ),
    "doctor": ("Finding", "Fit", "examine", "machine_factor"),
    "executors": ("choose_executor",),
    "judging": ("Judgement", "check_claims", "claims_of", "export_claims", "judge_runs", "priced"),
    "measuring": ("Trial", "measure"),
    "planning": ("Prepared", "load", "prepare"),
    "forecast": ("Need", "needs", "preview", "reasons"),
    "referring": ("ReferenceTable", "add_reference", "list_references", "published", "remove_reference"),
    "reporting": ("page_of", "report", "write_report"),
    "running": ("execute", "open_run"),
    "tables": ("export_tables", "headlines", "language_groups", "results"),
    "unbundling": ("bundle_at", "unbundled"),
    "verifying": ("Verification", "verify"),
    "workspace": ("Workspace",),
}  # fmt: skip
_HOMES = {name: file for file, names in _FILES.items() for name in names}

__all__ = [
    "Exported",
    "Finding",
    "Fit",
    "Judgement",
    "Need",
    "Prepared",
    "ReferenceTable",
    "Side",
    "Status",
    "Trial",
    "Verification",
    "Workspace",
    "add_reference",
    "background",
    "bundle_at",
    "check_claims",
    "choose_executor",
    "claims_of",
    "compare_runs",
    "delete_run",
    "examine",
    "execute",
    "export",
    "export_claims",
    "export_tables",
    "flipped",
    "go_on",
    "headlines",
    "judge_runs",
    "language_groups",
    "list_references",
    "list_statuses",
    "load",
    "machine_factor",
    "measure",
    "needed",
    "needs",
    "open_run",
    "page_of",
    "prepare",
    "preview",
    "priced",
    "published",
    "reasons",
    "remove_reference",
    "report",
    "results",
    "retry_job",
    "status",
    "stop_job",
    "stop_run",
    "unbundled",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
