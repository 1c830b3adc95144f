"""Columns of what a model prefers to counterfactuals, and the tables that are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kit.jobdir import ScoreTask
from kit.results import CONTRAST_COLUMNS, METRICS, transfer_table
from kit.results.contrast import is_contrast
from tests.results.cells import CLOSED, CONTEXT, GOLD, Shelf

FOUND = [(-10.0, [-12.0, -10.0]), (-10.0, [-12.0, -10.0]), None, (-5.0, [-4.0, -4.0])]


def test_nats_and_the_share_of_those_below(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add_contrast(FOUND, language="de")
    [cell] = shelf.load().cells
    assert cell.metrics["context_nats"] == pytest.approx([1, 1, np.nan, -1], nan_ok=True)
    assert cell.metrics["context_above"] == pytest.approx([0.75, 0.75, np.nan, 0], nan_ok=True)
    assert cell.metrics["swap_nats"] == pytest.approx([0.5, 0.5, np.nan, -0.5], nan_ok=True)
    assert "p_stop" not in cell.metrics and "gold_logprob" not in cell.metrics


def test_tables_of_them_need_no_answers_and_count_contexts(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add_contrast(FOUND, language="de")
    shelf.add_contrast(FOUND, language="hi", task=CLOSED)
    [table] = transfer_table(shelf.load(), "context_nats")
    base = table.rows[0].cells[0].base
    assert table.task == CONTEXT and base is not None
    assert (base.value, base.n_items, base.n_clusters) == (pytest.approx(1 / 3), 3, 2)
    [closed] = transfer_table(shelf.load(), "closed_above")
    assert closed.task == CLOSED and [column.language for column in closed.columns] == ["hi"]
    assert transfer_table(shelf.load(), "swapped_nats") == []


def test_beside_answers_the_columns_of_plain_scores_stay_as_they_are(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(GOLD, language="de")
    shelf.add_scored((0.5, 0.5, 0.5, 0.5), language="de")
    shelf.add_contrast(FOUND, language="de")
    generated = next(cell for cell in shelf.load().cells if cell.kind == "generate")
    assert generated.metrics["p_stop"] == pytest.approx([0.5] * 4)
    assert generated.metrics["gold_logprob"] == pytest.approx([-0.5] * 4)
    [table] = transfer_table(shelf.load(), "context_nats")
    assert table.task == CONTEXT


def test_another_count_of_counterfactuals_is_found_as_well(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add_contrast(FOUND, language="de", task=f"{CONTEXT},counterfactuals=3")
    [table] = transfer_table(shelf.load(), "context_nats")
    assert table.rows[0].cells[0].base is not None


def test_a_contrast_with_nothing_is_damage(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add_contrast([(-1.0, []), None, None, None], language="de")
    [missing] = shelf.load().missing
    assert "nothing beside the truth" in missing.reason


def test_only_contrasts_have_such_columns_and_all_are_named() -> None:
    assert not any(map(is_contrast, (ScoreTask(), ScoreTask(continuations="spans"))))
    assert set(CONTRAST_COLUMNS) <= set(METRICS)
