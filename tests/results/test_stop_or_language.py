"""Experiment S3 as columns: the length oracle, the mask of scripts, and what is lost without each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.results import transfer_table
from kit.score import f1, length_f1s
from tests.results.cells import Shelf

_WORDS = st.lists(st.sampled_from(["rot", "rote", "katze", "rom", "bonn"]), max_size=7).map(" ".join)


@given(answer=_WORDS, golds=st.lists(_WORDS, min_size=1, max_size=3))
def test_the_length_oracle_is_the_best_of_all_windows(answer: str, golds: list[str]) -> None:
    """By trying each window of each gold's length; a gold without words is one only where all are so."""
    tokens = answer.split()
    best = 0.0
    for gold in [one for one in golds if one] or [""]:
        width = len(gold.split())
        windows = (
            [tokens[at : at + width] for at in range(len(tokens) - width + 1)] if width else [[], tokens][:1]
        )
        parts = [tokens] if len(tokens) <= width or not width else windows
        best = max(best, *(f1(" ".join(part), gold) for part in parts))
    assert length_f1s([answer], [golds]) == [pytest.approx(best)]


def test_what_is_lost_adds_up(tmp_path: Path) -> None:
    """By hand: Rom is right; Paris runs on (F1 1/2, length oracle 1); Katze is in another script until it is masked."""
    made = Shelf(tmp_path)
    made.add(("Rom", "Paris ist es", "коте", "Köln"), language="de")
    made.add(("Rom", "Paris ist es", "rote Katze", "Köln"), language="de", task="generate:only=own-script")
    (cell, _) = made.load().cells
    assert cell.metrics["f1_length"].tolist() == [1.0, 1.0, 0.0, 0.0]
    np.testing.assert_allclose(cell.metrics["lost_stop"], [0, 1 / 2, 0, 0])
    np.testing.assert_allclose(cell.metrics["lost_language"], [0, 0, 1, 0])
    np.testing.assert_allclose(cell.metrics["f1_free"], [1, 1, 1, 0])
    np.testing.assert_allclose(cell.metrics["script_own"], [1, 1, 0, 1])
    total = cell.metrics["f1_free"] - cell.metrics["lost_stop"] - cell.metrics["lost_language"]
    np.testing.assert_allclose(total, cell.metrics["f1"])


def test_shares_of_a_change_are_changes_of_the_shares(tmp_path: Path) -> None:
    """A tuning that answers in the right script gains what the base lost to another, and nothing else."""
    made = Shelf(tmp_path)
    wrong, right = ("Рим", "Париж", "кот", "Бонн"), ("Rom", "Paris", "rote Katze", "Bonn")
    for trained_on, seed, outputs in (("", None, wrong), ("tiny/ru", 1, right)):
        made.add(outputs, language="de", trained_on=trained_on, seed=seed)
        made.add(right, language="de", trained_on=trained_on, seed=seed, task="generate:only=own-script")
    results = made.load()
    changes = {}
    for name in ("f1", "lost_stop", "lost_language", "f1_free"):
        table = next(one for one in transfer_table(results, name) if one.task == "generate")
        assert table.rows[1].cells[0].delta is not None
        changes[name] = table.rows[1].cells[0].delta.value
    assert changes == {"f1": 100.0, "lost_stop": 0.0, "lost_language": -100.0, "f1_free": 0.0}


def test_without_a_masked_twin_there_are_no_shares(tmp_path: Path) -> None:
    made = Shelf(tmp_path)
    made.add(("Rom", "Paris", "Katze", "Köln"), language="de")
    made.want(language="de", task="generate:only=own-script")
    assert "lost_stop" not in made.load().cells[0].metrics


def test_a_mask_that_harms_is_a_share_below_nought_and_no_ratio(tmp_path: Path) -> None:
    """Two names are written in Latin letters by every Russian answer: forbidden them, the base is worse than free."""
    made = Shelf(tmp_path)
    free, masked = ("Rom", "Paris", "rote Katze", "Bonn"), ("Рим", "Париж", "rote Katze", "Bonn")
    for trained_on, seed, outputs in (("", None, free), ("tiny/ru", 1, masked)):
        made.add(outputs, language="de", trained_on=trained_on, seed=seed)
        made.add(masked, language="de", trained_on=trained_on, seed=seed, task="generate:only=own-script")
    results = made.load()
    tables = {
        name: next(one for one in transfer_table(results, name) if one.task == "generate")
        for name in ("f1", "lost_language")
    }
    whole, part = (tables[name].rows[1].cells[0] for name in ("f1", "lost_language"))
    assert part.base is not None and part.delta is not None and whole.delta is not None
    assert (part.base.value, part.delta.value) == pytest.approx((-50.0, 50.0))
    assert whole.delta.value == pytest.approx(-50.0) and whole.ratio is not None and part.ratio is None
