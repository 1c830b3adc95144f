"""The instruments on bases whose fault is known: one seed, one language, fewer questions than `make planted`."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.kit_command import Kit
from tests.planted.matrix import CLAIM, RECIPE, TRUTH, as_table, counted, named, right

SMALLER = ("train.0.languages=[de]", "evaluate.0.languages=[de]", "evaluate.0.limit=100")


@pytest.mark.slow
def test_every_planted_fault_is_named_and_none_where_there_is_none(kit: Kit) -> None:
    words = [word for text in SMALLER for word in ("--set", text)]
    kit("run", RECIPE, "--executor", "local", *words)
    verdicts = [one for one in kit.json("claims")["verdicts"] if one["id"] == CLAIM]
    matrix = counted(verdicts)
    assert right(matrix) == (6, 6), as_table(matrix)
    outcomes = {one["model"]: one["outcome"] for one in verdicts}
    assert outcomes["planted-overrun"] == "reproduced" and outcomes["planted-both"] == "reproduced"
    assert outcomes["planted-lead-in"] == outcomes["planted-knowledge"] == "explained otherwise"
    assert outcomes["planted-script"] == "explained otherwise"
    assert outcomes["planted-none"] in ("within noise", "inconclusive")
    assert all("mechanics only" in one["flags"] for one in verdicts)
    known = {one["model"]: one["pairs"][0]["evidence"]["known"]["value"] for one in verdicts}
    assert known["planted-knowledge"] > 10 and abs(known["planted-overrun"]) < 10, json.dumps(known)


def test_what_does_not_pass_the_gate_is_no_change_and_the_rest_is_told() -> None:
    assert named({"standing": "noise", "causes": []}) == "no change"
    assert named({"standing": "open", "causes": ["knowledge"]}) == "no change"
    assert (
        named({"standing": "holds", "causes": ["over-generation", "knowledge"]})
        == "over-generation and knowledge"
    )
    assert named({"standing": "holds", "causes": []}) == "something else"
    assert named({"standing": "fails", "causes": ["knowledge"]}) == "something else"


def test_counts_and_their_table() -> None:
    matrix = {model: Counter({truth: 2}) for model, truth in TRUTH.items()}
    matrix["planted-none"]["something else"] += 1
    assert right(matrix) == (12, 13)
    lines = as_table(matrix).splitlines()
    assert len(lines) == 2 + 6 and lines[2] == "| none | 2 |  |  |  |  |  | 1 |"
