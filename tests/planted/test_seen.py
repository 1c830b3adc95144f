"""The instruments that look for a seen test, on a base that has seen it: one seed, fewer contexts than the recipe."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit_command import ROOT, Kit

RECIPE = ROOT / "recipes" / "planted" / "seen.yaml"
PRETRAIN = (
    "{corpus: tiny, start: tiny-bloom, fault: none, seen: {languages: [de], limit: 45, copies: 60}, documents: 380, "
    "settings: {steps: 40, learning_rate: 3e-3, warmup_steps: 5, background_weight: 1.0}}"
)
SMALLER = (
    # The second has seen nothing: it is what the first goes on from.
    f"models=[{{name: planted-seen, pretrain: {PRETRAIN}}}, tiny-bloom]",
    "evaluate.0.limit=45",
    "tasks=[{kind: score, continuations: context}]",
)


@pytest.mark.slow
def test_a_seen_test_is_named_in_the_seen_language_of_the_seen_base_and_nowhere_else(kit: Kit) -> None:
    kit("run", RECIPE, "--executor", "local", *(word for text in SMALLER for word in ("--set", text)))
    found: dict[tuple[str, str], Any] = {
        (one["model"], one["id"]): one
        for one in kit.json("claims")["verdicts"]
        if one["outcome"] != "not run"
    }
    standings = {
        (model, pair["name"]): pair["standing"]
        for (model, claim), one in found.items()
        if claim == "P2"
        for pair in one["pairs"]
    }
    assert standings.pop(("planted-seen", "tiny-qa/de")) == "holds", found
    assert len(standings) == 3 and set(standings.values()) <= {"noise", "open"}, found
    assert found["planted-seen", "P3"]["outcome"] == "reproduced"
    assert found["tiny-bloom", "P3"]["outcome"] in ("within noise", "inconclusive")
