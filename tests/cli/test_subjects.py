"""What else a recipe may ask for: adapters alone, ready-made adapters, files of one's own, retention, checkpoints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.kit_command import Kit

pytestmark = pytest.mark.slow

OWN = [
    {"id": "1", "context": "ପେରି ସୁପି ସହରରେ ବାସ କରେ।", "question": "ପେରି କେଉଁଠି ବାସ କରେ?", "answers": ["ସୁପି"]},
    {"id": "2", "context": "ପେରି ଜଣେ ସାମ୍ବାଦିକ।", "question": "ପେରି କି କାମ କରେ?", "answer": "ସାମ୍ବାଦିକ"},
]


def write(path: Path, recipe: dict[str, object]) -> Path:
    shared = {"schema": 1, "models": ["tiny-bloom"], "resources": {"device": "cpu"}}
    path.write_text(yaml.safe_dump({**shared, "name": path.stem, **recipe}), encoding="utf-8")
    return path


def test_adapters_and_files_of_ones_own(kit: Kit, tmp_path: Path) -> None:
    train = [{"dataset": "tiny-qa", "languages": ["rus_Cyrl"], "limit": 16}]
    adapters = write(
        tmp_path / "adapters.yaml",
        {"train": train, "trainer": {"steps": 4}, "checkpoints": [2, "last"]},
    )
    assert "1 jobs to run" in kit("run", adapters).stdout
    assert "0 jobs to run" in kit("run", adapters).stdout
    stored = sorted((kit.home / "store" / "adapters").glob("*/*"))
    assert [path.name for path in stored] == ["2", "4"]

    (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in OWN), encoding="utf-8")
    ready = write(
        tmp_path / "ready.yaml",
        {
            "adapters": [{"name": "mine", "model": "tiny-bloom", "path": str(stored[1])}],
            "evaluate": [{"file": "own.jsonl", "format": "jsonl", "language": "ory_Orya", "name": "own"}],
            "prompts": ["qa", "short-span"],
            "answer_limit": 12,
            "retention": {"adapters": "none"},
        },
    )
    kit("run", ready)
    tables = kit.json("table")["tables"]
    assert [table["prompt"] for table in tables] == ["qa", "short-span"]
    for table in tables:
        assert [(cell["trained_on"], cell["n"]) for cell in table["cells"]] == [("", 2), ("mine", 2)]
    # A cell of a ready-made adapter and one of a tuning with the same weights are told apart by their subject alone.
    assert stored[1].exists()
    assert "tuned" in kit("show", "--cell", "mine:or").stdout


def test_the_last_adapter_alone_is_kept_and_nothing_is_repeated_for_it(kit: Kit, tmp_path: Path) -> None:
    recipe = write(
        tmp_path / "last.yaml",
        {
            "train": [{"dataset": "tiny-qa", "languages": ["ru"], "limit": 16}],
            "trainer": {"steps": 4},
            "checkpoints": [2, "last"],
            "retention": {"adapters": "last"},
            "evaluate": [{"dataset": "tiny-qa", "languages": ["hi"], "limit": 4}],
            "tasks": ["generate"],
            "answer_limit": 8,
        },
    )
    kit("run", recipe)
    assert [path.name for path in (kit.home / "store" / "adapters").glob("*/*")] == ["4"]
    assert "0 jobs to run" in kit("run", recipe).stdout
    [table] = kit.json("table")["tables"]
    assert {(cell["trained_on"], cell["step"]) for cell in table["cells"]} == {
        ("", 0),
        ("tiny-qa/ru", 2),
        ("tiny-qa/ru", 4),
    }


def test_a_failed_job_shows_its_last_words_and_the_exit_code_says_so(kit: Kit, tmp_path: Path) -> None:
    recipe = write(
        tmp_path / "bad.yaml",
        {
            "train": [{"dataset": "tiny-qa", "languages": ["ru"], "limit": 8}],
            "lora": {"targets": ["no_such_module"]},
            "evaluate": [{"dataset": "tiny-qa", "languages": ["hi"], "limit": 4}],
            "tasks": ["generate"],
        },
    )
    done = kit("run", recipe, code=11)
    assert "no_such_module" in done.stderr
    assert "tune tiny-bloom on tiny-qa/ru, seed 42: LoRA does not fit" in done.stderr  # the piece, and why
    # The base depends on nothing that failed: its cells are there.
    [table] = kit.json("table")["tables"]
    assert [cell["n"] for cell in table["cells"] if not cell["trained_on"]] == [4]
