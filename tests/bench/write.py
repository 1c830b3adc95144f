"""`python -m tests.bench.write`: BENCHMARKS.md from what the benches have kept in build/bench."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.bench.record import FOLDER
from tests.kit_command import ROOT

_HEAD = """# Benchmarks

Written by `make bench`; nothing here is typed by hand. `docs/speed.md` derives what could be reached.
"""


def section(found: dict[str, Any]) -> Iterator[str]:
    """A table, what it shows, where it was taken."""
    machine = found["machine"]
    yield f"## {found['title']}\n"
    yield f"{found['words']}\n"
    yield "| " + " | ".join(found["head"]) + " |"
    yield "|" + " --- |" * len(found["head"])
    yield from ("| " + " | ".join(row) + " |" for row in found["rows"])
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    yield (
        f"\n{machine['processor']}, {machine['cores']} cores ({machine['vectors']}), {machine['memory_gib']} GiB; "
        f"{machine['system']}; {packages}; {machine['date']}.\n"
    )


def main() -> None:
    """Write the file."""
    files = sorted(FOLDER.glob("*.json"))
    parts = [line for path in files for line in section(json.loads(path.read_text("utf-8")))]
    (ROOT / "BENCHMARKS.md").write_text("\n".join([_HEAD, *parts]).rstrip() + "\n", encoding="utf-8")
    print(f"BENCHMARKS.md: {', '.join(path.stem for path in files)}")


if __name__ == "__main__":
    main()
