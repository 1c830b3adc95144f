"""Relations over hand-made grids: their cells, covariates and words."""

from __future__ import annotations

import json
import math
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from kit.errors import UsageError
from kit.report.relation import relation_view, relations_json
from kit.results import Relation, Results, relations, transfer_table
from kit.stats import Bootstrap
from tests.results.cells import Shelf

QUICK = Bootstrap(resamples=200)
GOLD = tuple(f"Ort{at}" for at in range(12))
LANGUAGES = ("de", "fr", "hi", "or")


@pytest.fixture
def grid(tmp_path: Path) -> Results:
    """Four sources and targets; the longer the answers of a pair, the fewer of them are right."""
    shelf = Shelf(tmp_path)
    for target in LANGUAGES:
        shelf.add(["x y z"] * 12, language=target, gold=GOLD)
    for at, source in enumerate((*LANGUAGES, "or~shuffled")):
        for place, target in enumerate(LANGUAGES):
            right = 3 + 2 * at + place  # the source's part is twice the target's
            answers = [gold if n < right else "x y" for n, gold in enumerate(GOLD)]
            name = f"tiny/{source}" if "~" not in source else "tiny~shuffled/or"
            shelf.add(answers, language=target, gold=GOLD, trained_on=name, seed=1)
    return shelf.load()


def test_a_change_is_set_beside_others_and_shared_out(grid: Results) -> None:
    (found,) = relations(grid, "f1", ["answer_words"], ["base"], bootstrap=QUICK)
    assert found.sources == tuple(f"tiny/{name}" for name in LANGUAGES)  # no control
    assert found.cells == 12  # x → x is left out
    beside = {(one.change, one.given): one for one in found.correlations}
    words = beside["answer_words", ()]
    assert words.rho.value == pytest.approx(-1) and words.p < 0.1
    assert "base" in found.dropped  # the base can do nothing anywhere
    assert ("answer_words", ("base",)) not in beside
    assert math.isfinite(beside["same-script", ()].rho.value)
    assert found.parts is not None
    source, target, rest = found.parts.shares
    assert source > target > 0 and rest == pytest.approx(0, abs=1e-9)
    table = transfer_table(grid, "f1", bootstrap=QUICK)[0]
    deltas = [c.delta.value for r in table.rows[1:5] for c in r.cells if c.delta and not c.self_language]
    assert len(deltas) == 12
    (both,) = relations(grid, "f1", pairs="both", bootstrap=QUICK)
    assert both.cells == 16
    assert relations(grid, "p_stop", bootstrap=QUICK) == []


def test_faults_are_named(grid: Results) -> None:
    with pytest.raises(UsageError, match="no covariate is called 'script'"):
        relations(grid, given=["script"])
    with pytest.raises(UsageError, match="no metric is called"):
        relations(grid, beside=["mass"])


def test_words_and_data_hold_the_same(grid: Results) -> None:
    (found,) = relations(grid, "f1", ["answer_words"], bootstrap=QUICK)
    text = written(found)
    assert "12 cells, 4 sources, 4 targets" in text and "Δanswer_words" in text and "-1.00" in text
    assert "is the source's" in text and "tiny/or" in text
    (data,) = json.loads(relations_json([found]))["relations"]
    assert data["correlations"][0]["rho"]["value"] == pytest.approx(-1)
    assert sum(data["parts"]["shares"].values()) == pytest.approx(1, abs=1e-5)


def written(relation: Relation) -> str:
    stream = StringIO()
    Console(file=stream, width=120).print(relation_view(relation))
    return stream.getvalue()
