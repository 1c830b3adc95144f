"""`xlt-kit store` on the store of a real run: damage is named, taken out, and made anew alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.chaos.lab import QUICK_RECIPE, Lab


def test_damage_is_found_taken_out_and_made_anew_alone(tmp_path: Path) -> None:
    lab, recipe = Lab(tmp_path / "home", quick=True), tmp_path / "quick.yaml"
    recipe.write_text(QUICK_RECIPE)
    assert lab.run("run", recipe)[0] == 0
    before = lab.contents()
    code, output = lab.run("store", "verify")
    assert code == 0 and " 0 damaged" in output

    cells = sorted((tmp_path / "home" / "store" / "cells").iterdir())
    (cells[0] / "items.jsonl").write_bytes((cells[0] / "items.jsonl").read_bytes()[:-20])
    code, output = lab.run("store", "verify")
    assert code == 6 and cells[0].name in output and "items.jsonl was changed" in output
    code, output = lab.run("table")
    said = " ".join(output.split())
    assert code == 0 and "missing, damaged" in said and "xlt-kit store verify --remove" in said

    assert lab.run("store", "verify", "--remove")[0] == 0
    lab.note_finished()
    code, output = lab.run("run", recipe)
    assert code == 0 and "3 stored, 1 jobs" in output
    lab.note_finished()
    assert lab.contents() == before


def test_du_counts_what_is_there_and_gc_keeps_what_runs_need(tmp_path: Path) -> None:
    lab, recipe = Lab(tmp_path / "home", quick=True), tmp_path / "quick.yaml"
    recipe.write_text(QUICK_RECIPE)
    assert lab.run("run", recipe)[0] == 0
    kinds = json.loads(lab.run("store", "du", "--json")[1])["kinds"]
    assert (kinds["cells"]["count"], kinds["adapters"]["count"], kinds["runs"]["count"]) == (4, 1, 1)
    files = [path for path in (tmp_path / "home" / "store" / "cells").rglob("*") if path.is_file()]
    assert kinds["cells"]["bytes"] == sum(path.stat().st_size for path in files)

    before = lab.contents()
    assert lab.run("store", "gc", "--unused")[0] == 0
    assert lab.contents() == before
    recipe.write_text(QUICK_RECIPE + "retention: {adapters: none}\n")
    assert "0 jobs to run" in lab.run("run", recipe)[1]
    assert not list((tmp_path / "home" / "store" / "adapters").glob("*/*"))

    run = next((tmp_path / "home" / "runs").iterdir())
    (tmp_path / "elsewhere").mkdir()
    run.rename(tmp_path / "elsewhere" / run.name)
    found = json.loads(lab.run("store", "gc", "--unused", "--dry-run", "--json")[1])
    assert {piece["kind"] for piece in found["pieces"]} == {"cells"} and found["freed"] == 0
    assert len(list((tmp_path / "home" / "store" / "cells").iterdir())) == 4
    assert lab.run("store", "gc", "--unused")[0] == 0
    assert not list((tmp_path / "home" / "store" / "cells").iterdir())
