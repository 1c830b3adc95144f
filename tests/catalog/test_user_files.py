"""Catalog files of one's own: what they add, and where their faults are."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from kit.catalog import Catalog, Locations, load_examples, load_pairs
from kit.errors import CatalogError, ChecksumError, MissingInputError

LINE = {"id": "1", "context": "Kontext.", "question": "Was?", "answer": "Kontext"}
MINE = """\
schema: 1
languages:
  gsw: {title: Swiss German, script: Latn, family: Indo-European}
families:
  pythia:
    architecture: gpt_neox
    targets: {scripts: [query_key_value], qkv: [query_key_value]}
models:
  my-model: {path: models/mine, family: pythia}
  my-bloom: {hub: me/my-bloom, family: bloom}
datasets:
  mine:
    format: jsonl
    path: data
    languages: [gsw, de]
    files:
      test: "{language}.jsonl"
      train: {gsw: train.jsonl}
prompts:
  terse: {template: "{context} {question}", joint: ""}
"""


def write(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_entries_are_added_beside_the_kits_own(tmp_path: Path, locations: Locations) -> None:
    catalog = Catalog.load([write(tmp_path, MINE)])
    assert catalog.models["my-model"].folder == tmp_path / "models/mine"
    assert catalog.models["my-model"].targets.qkv == ("query_key_value",)
    assert len(catalog.models["my-bloom"].targets.scripts) == 4
    assert catalog.prompts["terse"].prompt.joint == ""
    mine = catalog.datasets["mine"]
    assert mine.languages() == ("gsw", "de")
    assert mine.splits("gsw") == ("test", "train")
    assert mine.splits("de") == ("test",)
    assert "xquad" in catalog.datasets
    (tmp_path / "data").mkdir()
    (tmp_path / "data/gsw.jsonl").write_text(json.dumps(LINE))
    assert load_examples(catalog, "mine", "gsw", "test", locations)[0].answers == ("Kontext",)
    with pytest.raises(MissingInputError, match=r"de\.jsonl"):
        load_examples(catalog, "mine", "de", "test", locations)
    with pytest.raises(CatalogError, match="no split 'train' in 'de'"):
        load_examples(catalog, "mine", "de", "train", locations)
    with pytest.raises(CatalogError, match="holds questions, not pairs"):
        load_pairs(catalog, "mine", "gsw", "test", locations)


def test_checksums_of_own_files_count(tmp_path: Path, locations: Locations) -> None:
    content = json.dumps(LINE)
    good = hashlib.sha256(content.encode()).hexdigest()
    (tmp_path / "data").mkdir()
    (tmp_path / "data/de.jsonl").write_text(content)
    path = write(tmp_path, MINE + f"checksums:\n  data:\n    de.jsonl: {good}\n")
    assert len(load_examples(Catalog.load([path]), "mine", "de", "test", locations)) == 1
    (tmp_path / "data/de.jsonl").write_text(content + "\n")
    with pytest.raises(ChecksumError, match=rf"expected {good}.*correct the sum"):
        load_examples(Catalog.load([path]), "mine", "de", "test", locations)


@pytest.mark.parametrize(
    ("change", "place", "message"),
    [
        (("schema: 1", "schema: 2"), (1, 1), "schema 2; this kit reads up to 1"),
        (("schema: 1\n", ""), (1, 1), "`schema` is missing"),
        (("models:", "modles:"), (8, 1), "'modles' is unknown (did you mean 'models'?)"),
        (("family: pythia", "family: pythya"), (9, 33), "'pythya' is unknown (did you mean 'pythia'?)"),
        (("format: jsonl", "format: json"), (13, 5), "`format` cannot be 'json' (did you mean 'jsonl'?)"),
        (("path: data", "pth: data"), (14, 5), "unknown key `pth` (did you mean 'path'?)"),
        (("[gsw, de]", "[gsw, ge]"), (15, 22), "the language 'ge' is unknown"),
        (("{gsw: train.jsonl}", "{swg: train.jsonl}"), (18, 15), "the language 'swg' is unknown"),
        (("    path: data\n", ""), (12, 3), "say where the files lie"),
        (("    languages: [gsw, de]\n", ""), (12, 3), "list the `languages`"),
        (("{context} {question}", "{context}"), (20, 3), "must hold {question}"),
        (("script: Latn", "script: latin"), (3, 30), "ISO 15924"),
        (("hub: me/my-bloom", "hub: mybloom"), (10, 14), "`owner/name` is expected"),
        (("hub: me/my-bloom,", ""), (10, 3), "either `hub` or `path`"),
        (("  mine:\n", "  xquad:\n"), (12, 3), "'xquad' is defined already, in "),
        (("  mine:\n", "  my set:\n"), (12, 3), "'my set' is no name"),
        (("title: Swiss German", "title: 3"), (3, 9), "`title`: input should be a valid string"),
        (("title: Swiss German, ", ""), (3, 3), "`title` is missing"),
        (("Swiss German,", "Swiss German, aliases: [deu],"), (3, 30), "'deu' is already a code of 'de'"),
        (("qkv: [query", "qvk: [query"), (7, 43), "unknown key `qvk` (did you mean 'qkv'?)"),
        (("prompts:\n  terse:", "prompts:\n- terse:"), (19, 1), "`prompts` must be a mapping"),
    ],
)
def test_faults_have_their_exact_place(
    tmp_path: Path, change: tuple[str, str], place: tuple[int, int], message: str
) -> None:
    assert change[0] in MINE
    path = write(tmp_path, MINE.replace(*change, 1))
    with pytest.raises(CatalogError) as caught:
        Catalog.load([path])
    assert message in str(caught.value)
    where = caught.value.where
    assert where is not None
    assert (where.path, where.line, where.column) == (str(path), *place)


def test_several_faults_are_all_told(tmp_path: Path) -> None:
    text = MINE.replace("path: data", "pth: data").replace("script: Latn", "script: 7")
    with pytest.raises(CatalogError, match=r"mine.yaml:3:30: `script`.*1 more fault \(line 14\)"):
        Catalog.load([write(tmp_path, text)])


def test_seen_by_is_checked(tmp_path: Path) -> None:
    seen = "    seen_by: {bloomz: [{how: verbatim, languages: [fr], splits: [tset], note: x}]}\n"
    path = write(tmp_path, MINE.replace("prompts:", seen + "prompts:"))
    with pytest.raises(CatalogError, match=r"mine.yaml:19:40: .*'fr'.*; 1 more fault \(line 19\)"):
        Catalog.load([path])


def test_two_files_cannot_define_one_name(tmp_path: Path) -> None:
    first, second = write(tmp_path, MINE), write(tmp_path, MINE, "again.yaml")
    with pytest.raises(CatalogError, match=r"again.yaml:3:3: 'gsw' is defined already, in .*mine.yaml:3:3"):
        Catalog.load([first, second])


def test_published_files_cannot_lead_out_of_their_place(tmp_path: Path) -> None:
    for name in ("../x.json", "/etc/passwd", "a/../../x"):
        text = MINE.replace("path: data", "url: https://example.org/d").replace("{language}.jsonl", name)
        with pytest.raises(CatalogError, match="leads out"):
            Catalog.load([write(tmp_path, text)])
