"""Four choices from recipe to table: the shipped recipe cut down, with a file of one's own beside the made-up set."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from kit.api import Workspace, prepare
from kit.errors import RecipeError
from tests.kit_command import ROOT, Kit

RECIPE = ROOT / "recipes" / "choices.yaml"
OPEN = "{dataset: tiny-qa, languages: [en], limit: 3}"
CHOICES = "{kind: score, continuations: choices}"
Chosen = tuple[Kit, subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def chosen(tmp_path_factory: pytest.TempPathFactory) -> Chosen:
    """Fifteen items in two languages and a file with two choices each; a base, and a tuning of two steps."""
    home = tmp_path_factory.mktemp("choices")
    rows = [
        {
            "id": number,
            "context": f"Sani lives in {city}.",
            "question": "Where does Sani live?",
            "choices": ["Bide", "Dape"],
            "answer": city,
        }
        for number, city in enumerate(("Bide", "Dape", "Bide", "Dape"))
    ]
    (home / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    kit = Kit(home / "home")
    own = f"{{file: {home}/own.jsonl, format: jsonl, language: en}}"
    evaluate = f"[{{dataset: tiny-choices, languages: [en, or], limit: 15}}, {OPEN}, {own}]"
    small = (
        "train.0.languages=[de]",
        "trainer.steps=2",
        "seeds=[1]",
        "answer_limit=4",
        f"evaluate={evaluate}",
    )
    return kit, kit("run", RECIPE, *(word for one in small for word in ("--set", one)))


@pytest.mark.slow
def test_accuracies_stand_in_transfer_tables(chosen: Chosen) -> None:
    made = chosen[0].json("table", "--metric", "acc", "--metric", "acc_norm")["tables"]
    assert [(t["metric"], t["prompt"]) for t in made] == [
        (metric, prompt) for metric in ("acc", "acc_norm") for prompt in ("qa", "letters")
    ]
    table = made[0]
    assert table["task"] == "score:continuations=choices" and "chance level: 25.0 to 50.0" in table["notes"]
    base = {(c["dataset"], c["language"]): c for c in table["cells"] if not c["trained_on"]}
    assert set(base) == {("tiny-choices", "en"), ("tiny-choices", "or"), ("own", "en")}, (
        "open sets are not asked"
    )
    assert base["tiny-choices", "en"]["base"]["value"] > 80, "the model copies from its context"
    assert base["own", "en"]["base"]["value"] == 100
    assert (base["tiny-choices", "or"]["n"], base["tiny-choices", "or"]["contexts"]) == (15, 5)
    tuned = [c for c in table["cells"] if c["trained_on"]]
    assert len(tuned) == 3 and all(c["complete"] and c["delta"]["low"] <= c["delta"]["high"] for c in tuned)
    text = chosen[0](
        "show", "--cell", next(c for c in made[1]["cells"] if c["dataset"] == "own")["keys"][0]
    ).stdout
    assert "share of the right choice" in text and (": Bide" in text or ": Dape" in text)


@pytest.mark.slow
def test_a_run_shows_and_writes_the_tables_of_both_kinds(chosen: Chosen) -> None:
    kit, said = chosen
    assert said.stdout.count("F1 (0–100)") == 1, "no prompt that lists choices is decoded from"
    assert said.stdout.count("accuracy over choices (0–100)") == 2
    (folder,) = (kit.home / "runs").iterdir()
    written = {path.name for path in (folder / "tables").iterdir()}
    assert {"f1.csv", "acc.csv", "acc_norm.md", "choice_share.json", "over-generation.csv"} <= written


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        ([f"evaluate=[{OPEN}]"], "no evaluation set has choices, and this task asks for them"),
        (
            [f"evaluate=[{OPEN}, {{dataset: tiny-choices, languages: [en]}}]", f"tasks=[{CHOICES}]"],
            "tiny-qa/en has no choices, and no task asks for anything else",
        ),
    ],
)
def test_sets_and_tasks_that_do_not_fit_are_refused(tmp_path: Path, sets: list[str], words: str) -> None:
    with pytest.raises(RecipeError, match=words) as caught:
        prepare(Workspace(tmp_path / "home", None, offline=True), RECIPE, sets)
    assert caught.value.where and caught.value.remedy
