"""The paper's published arrays: axis, slip, figures; and the same arithmetic on the kit's own cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kit.catalog import Catalog, Locations, load_probe
from kit.data.probe import SLIPPED_SUM, Probe, read_array, read_axis, slipped_mean
from kit.errors import DataError
from kit.report.lens_figure import draw_probe, probe_figure
from kit.report.probe import probe_view
from kit.report.terminal import render
from kit.results import lens_tables
from tests.results.cells import Shelf
from tests.results.test_lens import CLASSES, masses


@pytest.fixture
def probe(mirror: Path, tmp_path: Path) -> Probe:
    return load_probe(Catalog.load(), "paper-probe", Locations(mirror, tmp_path / "cache", offline=True))


def test_the_published_figures(probe: Probe) -> None:
    """Those that the protocol lists, at the output on Odia prompts, from the base to the last step."""
    assert (len(probe.languages), probe.steps, probe.evaluated) == (
        94,
        (0, 13, 26, 39, 52, 60),
        ("de", "en", "or"),
    )
    for language, before, after in (
        ("or", 0.103, 0.362),
        ("bn", 0.271, 0.038),
        ("en", 0.398, 0.365),
        ("zh", 0.101, 0.168),
    ):
        assert probe.mass("or", 0, language)[-1] == pytest.approx(before, abs=6e-4)
        assert probe.mass("or", 60, language)[-1] == pytest.approx(after, abs=6e-4)
    assert probe.mass("or", 0, "bn")[15] == pytest.approx(0.003, abs=6e-4)
    assert probe.slipped and all(abs(end - SLIPPED_SUM) < 7e-4 for end in probe.sums())


def test_words_and_curves_say_where_it_moves(probe: Probe, tmp_path: Path) -> None:
    text = " ".join(render(probe_view(probe, "or"), 100).split())
    assert "bn falls most, by 23.3 points, 80% of it by step 13; below layer 27" in text
    assert "or rises most, by 26.0 points" in text and text.count("this is behaviour") == 2
    assert "exponential averages with weight 1/30 over 150 prompts (0.9938)" in text
    german = " ".join(render(probe_view(probe, "de"), 100).split())
    assert "en falls most" in german and "this is behaviour" not in german  # it moves from layer 23 on
    axis = probe_figure(probe).axes[5]
    first = next(line for line in axis.lines if line.get_label() == "bn, step 0")
    np.testing.assert_allclose(first.get_ydata(), 100 * probe.mass("or", 0, "bn"))
    draw_probe(probe, tmp_path / "probe.svg")
    assert "bn, step 60" in (tmp_path / "probe.svg").read_text("utf-8")


def test_the_slip_makes_of_probabilities_what_the_arrays_sum_to() -> None:
    """Any rows that sum to 1 sum to .9938 after it, and the last items weigh most."""
    mass = np.random.default_rng(0).dirichlet(np.ones(5), size=(400, 3))
    found = slipped_mean(mass)
    np.testing.assert_allclose(found.sum(axis=1), SLIPPED_SUM)
    order = np.random.default_rng(42).permutation(400)[:150]
    weights = [(29 / 30) ** (149 - at) / 30 for at in range(150)]
    np.testing.assert_allclose(found, sum(w * mass[i] for w, i in zip(weights, order, strict=True)))


def test_the_kits_own_cells_in_that_form(tmp_path: Path) -> None:
    """Without padding, renormalised, in the exponential average, without an interval; changes are of those figures."""
    made, classes = Shelf(tmp_path), (*CLASSES[:-1], "padding")
    made.add_lens(masses(0), classes, language="or")
    made.add_lens(masses(1), classes, language="or", trained_on="tiny/de", seed=1)
    (table,) = lens_tables(made.load(), mean="published")
    assert "padding" not in (*table.classes, *table.left_out)
    kept = [masses(seed)[:, :, :-1].astype(float) for seed in (0, 1)]
    base, tuned = (slipped_mean(one / one.sum(axis=2, keepdims=True)) for one in kept)
    at = table.classes.index("Orya")
    assert table.rows[0].mass[2][at].value == pytest.approx(100 * base[2, 1], rel=1e-5)
    assert table.rows[1].change is not None
    change = table.rows[1].change[2][at]
    assert change.value == pytest.approx(100 * (tuned - base)[2, 1], rel=1e-4, abs=1e-5) and np.isnan(
        change.low
    )


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    for content in (np.zeros((3, 2)), np.full((3, 4), np.nan), np.full((3, 4), -1.0), np.zeros(3)):
        np.save(path, content)
        with pytest.raises(DataError, match="not probabilities"):
            read_array(path, 4)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        read_array(path, 4)
    named = tmp_path / "map.json"
    for text in ("[]", "{}", '{"1": 2}'):
        named.write_text(text)
        with pytest.raises(DataError, match="not a map of token ids"):
            read_axis(named)
    named.write_text('{"5": "de", "1": "en", "2": "de"}')
    assert read_axis(named) == ("de", "en")
