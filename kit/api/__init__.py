"""The rooms wired together: load, plan, run, judge, export. The command line and the terminal UI are faces over it."""

from kit.api.care import needed
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
from kit.api.executors import choose_executor
from kit.api.planning import Prepared, load, prepare
from kit.api.preview import Need, needs, preview, reasons
from kit.api.running import execute, open_run
from kit.api.tables import export_tables, language_groups, results
from kit.api.workspace import Workspace

__all__ = [
    "Need",
    "Prepared",
    "Status",
    "Workspace",
    "background",
    "choose_executor",
    "delete_run",
    "execute",
    "export_tables",
    "go_on",
    "language_groups",
    "list_statuses",
    "load",
    "needed",
    "needs",
    "open_run",
    "prepare",
    "preview",
    "reasons",
    "results",
    "retry_job",
    "status",
    "stop_job",
    "stop_run",
]
