"""What a bundle says of itself, in `bundle.json`, and what lies where in it.

| place | what |
| --- | --- |
| `bundle.json` | this: schema, kit, runs, what was left out |
| `runs/<run>/` | recipe, wanted cells, manifest, state, the ends of its jobs, `tables/` |
| `store/cells/<key>/` | outputs and item scores, by id; gold answers and choices of others are masked |
| `verdicts/`, `claims/` | the verdicts, and the claims file with the recipes that it names |
| `references/` | published figures that were laid beside |
| `packages/` | what was installed, and the lock files of images |
| `report.html`, `README.md`, `CITATION.cff` | for people |
| `ro-crate-metadata.json`, `SHA256SUMS` | for machines |

So it unpacks into a home of the kit's own: every command reads it with `--home`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from kit.errors import DataError, StorageError, Where
from kit.jobdir import SpecError, atomic_write, decode, encode, read_json

FACTS = "bundle.json"
SCHEMA = 1


@dataclass(frozen=True)
class BundleFacts:
    """`bundle.json`. `runs` in the order in which they were named; `cells` that are in it, of `wanted`.

    `masked` names data sets whose gold answers and choices are masked. `claims` is the claims file, if there is one.
    `numpy` shaped the last digits of the tables.
    """

    runs: tuple[str, ...]
    kit: str
    numpy: str
    metrics_version: int
    cells: int
    wanted: int
    anonymous: bool = False
    masked: tuple[str, ...] = ()
    claims: str | None = None
    schema: int = SCHEMA


def write_facts(root: Path, facts: BundleFacts) -> None:
    """Write `bundle.json`."""
    atomic_write(root / FACTS, json.dumps(encode(facts), ensure_ascii=False, indent=1) + "\n")


def read_facts(root: Path, name: str) -> BundleFacts:
    """Read `bundle.json` of a bundle that the user calls `name`.

    Raises:
        DataError: there is none, or it is damaged. StorageError: of a newer kit.
    """
    try:
        value = read_json(root / FACTS)
        if isinstance(value, dict) and isinstance(value.get("schema"), int) and value["schema"] > SCHEMA:
            raise StorageError(
                f"the bundle has schema {value['schema']}, this kit reads up to {SCHEMA}",
                where=Where(name),
                remedy="upgrade xlt-kit",
            )
        facts: BundleFacts = decode(BundleFacts, value)
    except (OSError, ValueError, SpecError) as problem:
        raise DataError(
            f"not a bundle of xlt-kit: {FACTS} in it cannot be read ({problem.__class__.__name__})",
            where=Where(name),
            remedy="make one with: xlt-kit export RUN",
        ) from problem
    return facts
