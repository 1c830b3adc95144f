"""What is taken out for double-blind review, and what stays because figures need it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.bundle.anonymous import clean, left_over, scrub_json, scrub_text

WORDS = ("ada.example", "ada", "Ada Lovelace", "ada@uni.example")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("/home/ada/work/data/set.json", "…/set.json"),
        ("see ~/secret/notes.txt, line 3", "see …/notes.txt, line 3"),
        ("run on ada.example by Ada Lovelace <ada@uni.example>", "run on … by … <…>"),
        ("adapters and adaptations stay", "adapters and adaptations stay"),
        ("and/or stays, 3/4 stays", "and/or stays, 3/4 stays"),
        ("https://example.org/a/b stays", "https://example.org/a/b stays"),
        ("tiny-qa/de → hi", "tiny-qa/de → hi"),
        ("container " + "a1" * 32, "container …"),
    ],
)
def test_names_and_folders_go_and_words_stay(text: str, cleaned: str) -> None:
    assert clean(text, WORDS) == cleaned


def test_a_manifest_keeps_what_figures_need(tmp_path: Path) -> None:
    manifest = {
        "kit": {"version": "0.1.0", "git": {"revision": "f" * 40}},
        "attempts": [
            {
                "executor": "docker",
                "digest": "sha256:" + "c" * 64,
                "host": {"system": "Linux ada", "processors": 2},
            }
        ],
        "data": [{"id": "data-" + "b" * 20, "dataset": "xquad"}],
        "models": [{"id": "base-" + "d" * 64}],
        "overrides": ["catalog=/home/ada/own.yaml"],
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    scrub_json(path, WORDS)
    assert json.loads(path.read_text()) == {
        "kit": {"version": "0.1.0"},
        "attempts": [{"executor": "docker", "digest": "sha256:" + "c" * 64, "host": {"processors": 2}}],
        "data": [{"id": "data-" + "b" * 20, "dataset": "xquad"}],
        "models": [{"id": "base-" + "d" * 64}],
        "overrides": ["catalog=…/own.yaml"],
    }


def test_what_still_names_someone_is_listed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("by Ada Lovelace")
    (tmp_path / "b.txt").write_text("by nobody")
    assert list(left_over(tmp_path, WORDS)) == ["a.txt"]
    scrub_text(tmp_path / "a.txt", WORDS)
    assert list(left_over(tmp_path, WORDS)) == []
