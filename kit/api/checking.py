"""A model looked at before it is used: the job world checks it in a process of its own."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.api.measuring import Dtype, in_job_world
from kit.api.workspace import Workspace
from kit.catalog import Catalog, HubSource, ModelLocation, load_examples, locate_model
from kit.catalog.faults import suggest
from kit.data.example import render_slice
from kit.errors import UsageError

_QUESTIONS = 3
"""Questions a language: enough that some share their context."""
_SET = "tiny-qa"
_HUB = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*/[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Checked:
    """A model: where it lies, facts, and findings as `kit.job.check` has them (`fine`, `warning`, `problem`)."""

    asked: str
    location: ModelLocation
    facts: Mapping[str, Any]
    findings: tuple[Mapping[str, Any], ...]

    @property
    def problems(self) -> list[Mapping[str, Any]]:
        """The findings that speak against using it."""
        return [finding for finding in self.findings if finding["state"] == "problem"]


def check_model(
    workspace: Workspace,
    asked: str,
    languages: Sequence[str] = (),
    revision: str | None = None,
    device: str = "cpu",
    dtype: Dtype = "float32",
) -> Checked:
    """Check a model: a name of the catalog, a folder, or `owner/name` on the hub, which is fetched.

    `languages` are those of the embedded questions, all where none is named.

    Raises:
        UsageError: it is none of the three. CatalogError, MissingInputError, DataError: it is not to be had.
        EnvironmentError_: it cannot be loaded here.
    """
    catalog = Catalog.load()
    location = _located(workspace, catalog, asked, revision)
    chosen = languages or catalog.dataset(_SET).languages()
    with tempfile.TemporaryDirectory(prefix="xlt-kit-") as name:
        data = {}
        for language in chosen:
            code = catalog.language(language).name
            examples = load_examples(catalog, _SET, code, "test", workspace.locations)
            path = Path(name) / f"{code}.jsonl"
            path.write_bytes(render_slice(examples[:_QUESTIONS]))
            data[code] = str(path)
        spec = {
            "model": str(location.path.absolute()),
            "data": data,
            "template": catalog.prompt("qa").template,
            "device": device,
            "dtype": dtype,
        }
        found = in_job_world("check", spec)
    return Checked(asked, location, found["facts"], tuple(found["findings"]))


def entries_of(checked: Checked, name: str, catalog_file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The family and the model as entries of a catalog file of one's own."""
    facts = checked.facts
    family = {
        "title": f"{facts['class']}, as found in {checked.asked}",
        "architecture": facts["architecture"],
        "targets": facts["targets"],
        "note": "What its training has seen is not known.",
    }
    source: dict[str, Any] = {}
    if Path(checked.asked).is_dir():
        source["path"] = os.path.relpath(Path(checked.asked).absolute(), catalog_file.absolute().parent)
    else:
        source["hub"] = checked.asked
        source |= {"revision": checked.location.revision} if checked.location.revision else {}
    model = {
        **source,
        "family": name,
        "parameters": facts["parameters"],
        "layers": facts["layers"],
        "hidden": facts["hidden"],
        "vocabulary": facts["vocabulary"],
    }
    return family, model


def _located(workspace: Workspace, catalog: Catalog, asked: str, revision: str | None) -> ModelLocation:
    if Path(asked).is_dir():
        return locate_model(Path(asked), workspace.locations)
    if asked in catalog.models:
        return locate_model(catalog.models[asked], workspace.locations)
    if _HUB.fullmatch(asked):
        return locate_model(HubSource(asked, revision), workspace.locations)
    raise UsageError(
        f"{asked!r} is no folder, no model of the catalog, and no `owner/name` of the hub",
        remedy=suggest(asked, catalog.models),
    )
