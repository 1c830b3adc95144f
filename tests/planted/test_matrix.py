"""The instruments on bases whose fault is known: one seed, one language, fewer questions than `make planted`."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from tests.kit_command import Kit
from tests.planted.matrix import FAULTS, SEEN

SMALLER = ("train.0.languages=[de]", "evaluate.0.languages=[de]", "evaluate.0.limit=100")


@pytest.mark.slow
def test_every_planted_fault_is_named_and_none_where_there_is_none(kit: Kit) -> None:
    words = [word for text in SMALLER for word in ("--set", text)]
    kit("run", FAULTS.recipe, "--executor", "local", *words)
    verdicts = [one for one in kit.json("claims")["verdicts"] if one["id"] == "P1"]
    matrix = FAULTS.counted(verdicts)
    assert FAULTS.right(matrix) == (6, 6), FAULTS.as_table(matrix)
    outcomes = {one["model"]: one["outcome"] for one in verdicts}
    assert outcomes["planted-overrun"] == "reproduced" and outcomes["planted-both"] == "reproduced"
    assert outcomes["planted-lead-in"] == outcomes["planted-knowledge"] == "explained otherwise"
    assert outcomes["planted-script"] == "explained otherwise"
    assert outcomes["planted-none"] in ("within noise", "inconclusive")
    assert all("mechanics only" in one["flags"] for one in verdicts)
    known = {one["model"]: one["pairs"][0]["evidence"]["known"]["value"] for one in verdicts}
    assert known["planted-knowledge"] > 10 and abs(known["planted-overrun"]) < 10, json.dumps(known)


def _said(claim: str, model: str, *pairs: dict[str, Any]) -> dict[str, Any]:
    return {"id": claim, "model": model, "pairs": pairs}


@pytest.mark.parametrize(
    ("standing", "causes", "name"),
    [
        ("noise", [], "no change"),
        ("open", ["knowledge"], "no change"),
        ("holds", ["over-generation", "knowledge"], "over-generation and knowledge"),
        ("holds", [], "something else"),
        ("holds", ["suppression"], "something else"),
        ("fails", ["knowledge"], "something else"),
    ],
)
def test_what_does_not_pass_the_gate_is_no_change_and_the_rest_is_told(
    standing: str, causes: list[str], name: str
) -> None:
    said = _said("P1", "planted-both", {"standing": standing, "causes": causes})
    assert FAULTS.counted([said, {**said, "id": "P2"}])["planted-both"] == Counter({name: 1})


def test_a_seen_test_is_told_by_language_and_a_wrong_direction_is_not_nothing() -> None:
    def pair(language: str, standing: str) -> dict[str, Any]:
        return {"name": f"tiny-qa/{language}", "standing": standing}

    said = [
        _said("P2", "planted-seen", pair("de", "holds"), pair("hi", "noise")),
        _said("P4", "planted-seen", pair("de", "holds"), pair("hi", "open")),
        _said("P2", "planted-answers", pair("de", "open"), pair("hi", "fails")),
        _said("P4", "planted-answers", pair("de", "holds"), pair("hi", "noise")),
        _said("P3", "planted-answers", pair("de", "holds")),
    ]
    matrix = SEEN.counted(said)
    assert matrix["planted-seen, de"] == Counter({"something else": 1})  # both, where one was planted
    assert matrix["planted-seen, hi"] == Counter({"nothing": 1})
    assert matrix["planted-answers, de"] == Counter({"answers learnt": 1})
    assert matrix["planted-answers, hi"] == Counter({"something else": 1})
    assert SEEN.right(matrix) == (2, 4)


def test_counts_and_their_table() -> None:
    matrix = {model: Counter({truth: 2}) for model, truth in FAULTS.truth.items()}
    matrix["planted-none"]["something else"] += 1
    assert FAULTS.right(matrix) == (12, 13)
    lines = FAULTS.as_table(matrix).splitlines()
    assert len(lines) == 2 + 6 and lines[2] == "| none | 2 |  |  |  |  |  | 1 |"
