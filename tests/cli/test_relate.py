"""`xlt-kit relate` on the smoke run."""

from __future__ import annotations

from subprocess import CompletedProcess

import pytest

from tests.kit_command import Kit

pytestmark = pytest.mark.slow


def test_the_smoke_grid_is_related_and_shared_out(smoke: tuple[Kit, CompletedProcess[str]]) -> None:
    kit, _ = smoke
    (found,) = kit.json("relate", "--beside", "answer_words", "--given", "same-script")["relations"]
    assert len(found["sources"]) == 3 and len(found["targets"]) == 9 and found["cells"] == 24
    first = found["correlations"][0]
    assert (first["beside"], first["given"], first["rho"]["n"]) == ("answer_words", [], 24)
    assert found["correlations"][1]["given"] == ["same-script"]
    assert sum(found["parts"]["shares"].values()) == pytest.approx(1, abs=1e-4)
    assert "24 cells, 3 sources, 9 targets" in kit("relate").stdout
    assert "no covariate is called" in kit("relate", "--given", "x", code=2).stderr
    assert "there is no change of mass_other" in kit("relate", "--metric", "mass_other", code=2).stderr
