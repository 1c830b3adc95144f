"""Two kits at once: on one run the second is refused, on one store they do no harm."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.lab import QUICK_RECIPE, Lab

OTHER = QUICK_RECIPE.replace("name: quick", "name: other").replace("[de, hi]", "[hi, or]") + (
    "retention: {adapters: none}\n"
)


def test_on_one_store_with_work_in_common(tmp_path: Path) -> None:
    """Both tune the same adapter; one of them keeps none. Whoever is first, both end well and the store is right."""
    for go in range(4):
        lab = Lab(tmp_path / f"home-{go}", quick=True)
        recipes = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
        for path, text in zip(recipes, (QUICK_RECIPE, OTHER), strict=True):
            path.write_text(text)
        kits = [lab.start("run", path) for path in recipes]
        said = [kit.communicate(timeout=120)[0] for kit in kits]
        assert [kit.returncode for kit in kits] == [0, 0], said
        code, output = lab.run("store", "verify")
        assert code == 0, output
        assert len(list((lab.home / "store" / "cells").iterdir())) == 6
        for path in recipes:
            code, output = lab.run("run", path)
            assert code == 0 and "0 jobs to run" in output
        assert not lab.processes() and not lab.leftovers()


def test_on_one_run_the_second_says_who_holds_it(tmp_path: Path) -> None:
    lab, recipe = Lab(tmp_path / "home", quick=True), tmp_path / "quick.yaml"
    recipe.write_text(QUICK_RECIPE)
    kits = [lab.start("run", recipe) for _ in range(3)]
    said = {kit.pid: kit.communicate(timeout=120)[0] for kit in kits}
    codes = {kit.pid: kit.returncode for kit in kits}
    assert set(codes.values()) <= {0, 9} and 0 in codes.values(), said
    for pid, code in codes.items():
        assert code == 0 or "another kit works on this run" in said[pid]
    assert set(lab.told("cell", "key").values()) == {1}
