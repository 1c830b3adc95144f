"""A bundle described for machines as an RO-Crate, by the profile of runs of processes (Process Run Crate 0.5).

https://w3id.org/ro/crate/1.1 and https://w3id.org/ro/wfrun/process/0.5; written by the community's library.
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kit.jobdir import atomic_write

CRATE = "ro-crate-metadata.json"
_VERSION = "1.1"
_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
_KINDS = {
    ".yaml": "application/yaml",
    ".jsonl": "application/jsonl",
    ".cff": "application/yaml",
    ".md": "text/markdown",
}


@dataclass(frozen=True)
class Action:
    """One run as an action: `started` and `ended` in seconds since the epoch, `ended` None where it has not."""

    run: str
    recipe: str
    started: float | None
    ended: float | None
    done: bool


def write_crate(
    root: Path, title: str, actions: Sequence[Action], digests: Mapping[str, str], version: str
) -> None:
    """Write the metadata of a bundle; the same tree gives the same file. `digests`: sha256 of each of its files."""
    from rocrate.model import ContextEntity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=_VERSION)
    last = max((action.ended or action.started or 0.0 for action in actions), default=0.0)
    crate.name = title
    crate.description = "Outputs, item scores, tables and verdicts of xlt-kit; checked with: xlt-kit verify"
    crate.license = "https://spdx.org/licenses/Apache-2.0"
    crate.datePublished = datetime.fromtimestamp(last, UTC)
    profile = crate.add(
        ContextEntity(
            crate, _PROFILE, {"@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5"}
        )
    )
    crate.root_dataset["conformsTo"] = profile
    kit = crate.add(
        ContextEntity(
            crate, "#xlt-kit", {"@type": "SoftwareApplication", "name": "xlt-kit", "softwareVersion": version}
        )
    )
    files = {
        name: crate.add_file(root / name, name, properties=_of_file(root / name, digests[name]))
        for name in sorted(digests)
    }
    done = []
    for action in actions:
        mine = [file for name, file in files.items() if name.startswith(f"runs/{action.run}/tables/")]
        facts = {
            "@type": "CreateAction",
            "name": f"xlt-kit run of {action.recipe}",
            "actionStatus": f"http://schema.org/{'Completed' if action.done else 'Failed'}ActionStatus",
            **({"startTime": _time(action.started)} if action.started else {}),
            **({"endTime": _time(action.ended)} if action.ended else {}),
        }
        entity = crate.add(ContextEntity(crate, f"#{action.run}", facts))
        entity["instrument"] = kit
        entity["object"] = files[f"runs/{action.run}/recipe.yaml"]
        entity["result"] = mine
        done.append(entity)
    crate.root_dataset["mentions"] = done
    text = json.dumps(_ordered(crate.metadata.generate()), ensure_ascii=False, indent=1, sort_keys=True)
    atomic_write(root / CRATE, text + "\n")


def _of_file(path: Path, digest: str) -> dict[str, Any]:
    kind = _KINDS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return {"contentSize": path.stat().st_size, "encodingFormat": kind, "sha256": digest}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _ordered(document: dict[str, Any]) -> dict[str, Any]:
    """The graph in order of its ids."""
    return {**document, "@graph": sorted(document["@graph"], key=lambda entity: str(entity["@id"]))}
