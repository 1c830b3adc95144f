from pathlib import Path

import pytest

from kit.results import OverGenerationTable, over_generation_table
from kit.stats import Bootstrap
from tests.results.cells import BASE, TUNED, Shelf, transfer_shelf

FEW = Bootstrap(resamples=200)


def table(shelf: Shelf) -> OverGenerationTable:
    (only,) = over_generation_table(shelf.load(), bootstrap=FEW)
    return only


def test_numbers_by_hand(tmp_path: Path) -> None:
    made = table(transfer_shelf(tmp_path))
    base, tuned = (row.cells[0] for row in made.rows)
    assert base is not None
    assert tuned is not None
    values = {name: estimate.value for name, estimate in base.metrics.items()}
    assert values == pytest.approx(
        {
            "answer_words": 6 / 4,
            "gold_words": 5 / 4,
            "raw_words": 6 / 4,
            "contains_gold": 50,
            "overran": 25,
            "at_limit": 25,
        }
    )
    assert base.length_ratio is not None
    assert base.length_ratio.value == pytest.approx(6 / 5)
    assert base.stops == {"end": 50, "newline": 25, "limit": 25}
    assert tuned.stops == {"end": 100, "newline": 0, "limit": 0}
    assert (tuned.n, tuned.seeds, tuned.complete, tuned.self_language) == (4, (1, 2), True, True)
    assert tuned.metrics["overran"].n_seeds == 2


def test_p_stop_is_there_where_it_was_scored(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.add_scored([0.2, 0.4, 0.6, 0.8])
    base, tuned = (row.cells[0] for row in table(shelf).rows)
    assert base is not None
    assert tuned is not None
    assert base.metrics["p_stop"].value == pytest.approx(50)
    assert "p_stop" not in tuned.metrics


def test_missing_cells_are_none_or_incomplete(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.want(language="hi")
    shelf.add(TUNED, trained_on="tiny/de", seed=1)
    shelf.want(trained_on="tiny/de", seed=2)
    made = table(shelf)
    assert made.rows[0].cells[1] is None
    tuned = made.rows[1].cells[0]
    assert tuned is not None
    assert not tuned.complete
    assert len(made.missing) == 2
