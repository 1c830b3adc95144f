"""From a file of one's own to a table: what is understood is said, what is wrong is told with its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.catalog import Catalog
from kit.catalog.added import add_entry
from kit.errors import CatalogError
from tests.kit_command import Kit

PEOPLE = ("Ade", "Bola", "Chidi", "Dupe", "Emeka", "Folake")
TOWNS = ("Ibadan", "Abuja", "Lagos", "Kano", "Jos", "Enugu")


def questions(path: Path, wrong: int = 0) -> Path:
    """Open questions in (made-up) Yoruba, a few of whose answers are not in their contexts."""
    rows = [
        {
            "id": str(at),
            "context": f"{person} n gbe ni {town}.",
            "question": f"Nibo ni {person} n gbe?",
            "answers": ["Ikeja" if at < wrong else town],
        }
        for at, (person, town) in enumerate(zip(PEOPLE, TOWNS, strict=True))
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def squad(path: Path) -> Path:
    answers = [{"text": "Ibadan", "answer_start": 13}]
    asked = [{"id": "1", "question": "Nibo ni Ade n gbe?", "answers": answers}]
    body = {"data": [{"title": "t", "paragraphs": [{"context": "Ade n gbe ni Ibadan.", "qas": asked}]}]}
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_walk_from_nothing_to_a_table_in_a_new_language(kit: Kit, tmp_path: Path) -> None:
    catalog, train, test = tmp_path / "own.yaml", tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    questions(train)
    questions(test)
    refused = kit("new", "dataset", test, "--language", "yo-x", "--catalog", catalog, code=4).stderr
    assert "xlt-kit new language yo-x" in refused and not catalog.exists()
    kit(
        "new", "language", "pcm", "--title", "Nigerian Pidgin", "--script", "Latn", "--family", "English creole",
        "--alias", "pcm_Latn", "--catalog", catalog,
    )  # fmt: skip
    words = ("--language", "pcm_Latn", "--name", "streets", "--catalog", catalog)
    said = kit("new", "dataset", f"{train}:pcm:train", f"{test}:pcm:test", *words, "--licence", "CC0").stdout
    assert (
        "jsonl, pcm, train" in said and "6 questions on 6 contexts" in said and "100% of the answers" in said
    )
    recipe = tmp_path / "streets.yaml"
    kit(
        "new", "recipe", "streets", "--train", "streets/pcm", "--evaluate", "streets/pcm", "--evaluate", "tiny-qa/de",
        "--catalog", catalog, "-o", recipe,
    )  # fmt: skip
    small = ("--set", "trainer.epochs=1", "--set", "evaluate.1.limit=5", "--set", "seeds=[1]")
    table = kit("run", recipe, *small, "--set", "resources.device=cpu").stdout
    assert "streets/pcm" in table and "tiny-qa" in table


def test_the_format_is_found_and_oddities_are_told(kit: Kit, tmp_path: Path) -> None:
    found = kit.json("new", "dataset", squad(tmp_path / "a.json"), "--language", "yo", "--look")
    assert found["catalog"] is None and found["files"][0]["format"] == "squad"
    said = kit("new", "dataset", questions(tmp_path / "b.jsonl", 3), "--language", "yo", "--look").stdout
    assert "! 50% of the answers do not stand in their contexts" in said
    assert "Nibo ni Ade n gbe?" in said
    assert not (tmp_path / "catalog.yaml").exists()


def test_a_file_that_nothing_reads_says_what_each_format_found(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text('{"id": "1", "context": "x", "question": "y"}\n')
    done = kit("new", "dataset", tmp_path / "bad.jsonl", "--language", "de", "--look", code=5)
    assert "no format reads it" in done.stderr and "jsonl:" in done.stderr and '"answers"' in done.stderr
    kit("new", "dataset", tmp_path / "none.jsonl", "--language", "de", "--look", code=7)


def test_an_entry_is_put_beside_others_and_nothing_else_changes(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    before = (
        "# mine\nschema: 1\n\nlanguages:  # of mine\n  yo-x:\n    title: Yoruba, mine\n    script: Latn\n"
        "    family: Niger-Congo  # a comment\n\n# at the end\nprompts:\n"
        '  short:\n    template: "{context} {question}"\n'
    )
    path.write_text(before)
    entry = {"title": "Second", "script": "Latn", "family": "Niger-Congo"}
    add_entry(path, "languages", "zz-x", entry)
    text = path.read_text()
    kept = [line for line in text.splitlines() if line not in ("  zz-x:", "    title: Second")]
    assert [line for line in before.splitlines() if line not in kept] == []
    assert Catalog.load([path]).language("zz-x").title == "Second" and "short" in Catalog.load([path]).prompts
    with pytest.raises(CatalogError, match="already"):
        add_entry(path, "languages", "zz-x", entry)
    with pytest.raises(CatalogError):
        add_entry(path, "languages", "bad-x", {"title": "No script"})
    assert path.read_text() == text, "a faulty entry changes nothing"
    assert [each.name for each in tmp_path.iterdir()] == ["own.yaml"]


def test_what_the_catalog_knows_is_not_added_again(kit: Kit, tmp_path: Path) -> None:
    words = (
        "--title",
        "Odia",
        "--script",
        "Orya",
        "--family",
        "Indo-European",
        "--catalog",
        tmp_path / "own.yaml",
    )
    assert "knows 'ory' already: Odia" in kit("new", "language", "ory", *words, code=2).stderr


def test_a_recipe_says_early_that_a_language_has_no_data(kit: Kit, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "r.yaml")
    said = kit("new", "recipe", "r", "--evaluate", "xquad/or", *out, code=2).stderr
    assert "xquad has nothing in or" in said and "xquad-in (train, dev, test)" in said
    assert (
        "did you mean 'tiny-qa'" in kit("new", "recipe", "r", "--evaluate", "tiny-aq/de", *out, code=4).stderr
    )
    assert "write SET/LANGUAGE" in kit("new", "recipe", "r", "--evaluate", "de", *out, code=2).stderr
    assert "--evaluate" in kit("new", "recipe", "r", *out, code=2).stderr
    kit("new", "recipe", "r", "--evaluate", "tiny-qa/de", *out)
    assert "there already" in kit("new", "recipe", "r", "--evaluate", "tiny-qa/de", *out, code=2).stderr
    kit("plan", tmp_path / "r.yaml")
