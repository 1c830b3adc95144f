"""The instruments that look for a seen test, on a base that has seen it: one seed, fewer contexts than the recipe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit_command import Kit
from tests.planted.matrix import SEEN

PRETRAIN = (
    "{corpus: tiny, start: tiny-bloom, fault: none, seen: {languages: [de], limit: 45, copies: 90}, documents: 378, "
    "settings: {steps: 54, learning_rate: 3e-3, warmup_steps: 5, background_weight: 1.0}}"
)
SMALLER = (
    # The second has seen nothing: it is what the first goes on from.
    f"models=[{{name: planted-seen, pretrain: {PRETRAIN}}}, tiny-bloom]",
    "evaluate.0.limit=45",
    "tasks=[{kind: score, continuations: context}]",
)


@pytest.mark.slow
def test_a_seen_test_is_named_in_the_seen_language_of_the_seen_base_and_nowhere_else(kit: Kit) -> None:
    kit("run", SEEN.recipe, "--executor", "local", *(word for text in SMALLER for word in ("--set", text)))
    found: dict[tuple[str, str], Any] = {
        (one["model"], one["id"]): one
        for one in kit.json("claims")["verdicts"]
        if one["outcome"] != "not run"
    }
    standings = {
        (model, pair["name"]): (pair["standing"], pair["effect"]["value"])
        for (model, claim), one in found.items()
        if claim == "P2"
        for pair in one["pairs"]
    }
    standing, nats = standings.pop(("planted-seen", "tiny-qa/de"))
    assert standing == "holds" and nats > 5, found  # it is to pass by more than a hair, on any machine
    assert len(standings) == 3 and {one for one, _ in standings.values()} <= {"noise", "open"}, found
