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


def sections(text: str) -> dict[str, str]:
    """The sections of a BENCHMARKS.md by their titles."""
    parts = [part for part in text.split("\n## ")[1:] if part.strip()]
    return {part.partition("\n")[0]: f"## {part.rstrip()}\n" for part in parts}


def main() -> None:
    """Write the file. A part that was not measured here keeps its section, with its own machine and date."""
    target = ROOT / "BENCHMARKS.md"
    kept = sections(target.read_text("utf-8")) if target.exists() else {}
    files = sorted(FOLDER.glob("*.json"))
    for path in files:
        found = json.loads(path.read_text("utf-8"))
        kept[found["title"]] = "\n".join(section(found))
    parts = [kept[title] for title in sorted(kept)]
    target.write_text("\n".join([_HEAD, *parts]).rstrip() + "\n", encoding="utf-8")
    print(f"BENCHMARKS.md: {', '.join(path.stem for path in files)}")


if __name__ == "__main__":
    main()
