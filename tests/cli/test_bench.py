"""`xlt-kit bench` on the embedded model."""

from __future__ import annotations

import pytest

from tests.kit_command import Kit


def test_a_machine_is_measured(kit: Kit) -> None:
    found = kit.json("bench", "--questions", "6", "--alone", "2")
    assert (found["questions"], found["one_by_one"]["questions"], found["same_answers"]) == (6, 2, 2)
    assert found["saved_by_sharing"] > 1 and found["times_faster"] > 0
    assert 0 < found["arithmetic"]["share"] < 2 and found["arithmetic"]["peak"] > 1e8
    text = kit("bench", "--questions", "6", "--alone", "2").stdout
    assert "same answers        2 of 2" in text and "of the arithmetic that is reached here" in text


def test_what_cannot_be_measured_is_said(kit: Kit) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    done = kit("bench", "--device", "cuda", code=10)
    assert "torch sees no CUDA device" in done.stderr and "Use device cpu" in done.stderr
    assert "tiny-bloom" in kit("bench", "nonsense", code=4).stderr
