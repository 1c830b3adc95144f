"""The published data as the catalog names it: every file there, whole, with the counts of the protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit.catalog import Catalog, DatasetEntry, Locations, load_examples, load_lines, load_pairs, locate_data
from kit.data.example import Example

INDIC = ("as", "bn", "gu", "hi", "kn", "ml", "mr", "or", "pa", "ta", "te", "ur")
NOT_MIRRORED = {"indicqa-paper", "tydiqa-goldp", "belebele"}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


@pytest.fixture
def mirrored(mirror: Path, tmp_path: Path) -> Locations:
    return Locations(mirror, tmp_path / "cache", offline=True)


def parts(entry: DatasetEntry) -> list[tuple[str, str]]:
    return [
        (code, split) for code in entry.languages() for split in entry.splits(code) if split != "train-5000"
    ]


def verbatim(examples: list[Example]) -> float:
    return sum(e.answers[0] in e.context for e in examples) / len(examples)


def test_every_file_is_there_with_its_checksum(catalog: Catalog, mirrored: Locations, mirror: Path) -> None:
    named = set()
    for entry in catalog.datasets.values():
        if not entry.embedded and entry.name not in NOT_MIRRORED:
            for code, split in parts(entry):
                path = locate_data(entry, code, split, mirrored)
                named.add(path.relative_to(mirror).as_posix())
    listed = {line.split()[1] for line in (mirror / "SHA256SUMS").read_text().splitlines()}
    rest = listed - named
    assert named <= listed
    assert all("logit_lens" in path or path.endswith("flores_lang_map.json") for path in rest), rest
    assert not mirrored.cache.exists()  # sums are in the catalog: nothing had to be recorded


def test_counts(catalog: Catalog, mirrored: Locations) -> None:
    def count(name: str, code: str, split: str) -> tuple[int, int]:
        examples = load_examples(catalog, name, code, split, mirrored)
        return len(examples), len({e.context_id for e in examples})

    for code in catalog.datasets["xquad"].languages():
        assert count("xquad", code, "test") == (1190, 240)
    for code in catalog.datasets["xquad-in"].languages():
        assert count("xquad-in", code, "train") == (103, 20)
        assert count("xquad-in", code, "dev") == (110 if code == "te" else 111, 18)
        assert count("xquad-in", code, "test") == (1190, 240)
    for name in ("xquad-mt-marian", "xquad-mt-nllb", "xquad-mt-or2de", "xquad-mt-pivot"):
        for code in catalog.datasets[name].languages():
            assert count(name, code, "train") == (103, 20)
    assert count("indicqa", "or", "test")[0] == 1680 - 401


def test_contexts_have_the_same_names_in_every_language(catalog: Catalog, mirrored: Locations) -> None:
    def names(name: str, code: str, split: str) -> dict[str, str]:
        return {e.id: e.context_id for e in load_examples(catalog, name, code, split, mirrored)}

    english = names("xquad", "en", "test")
    for name, code in (("xquad", "zh"), ("xquad-in", "en"), ("xquad-in", "or"), ("xquad-in", "ur")):
        assert names(name, code, "test") == english
    assert names("xquad-mt-nllb", "ru", "train") == names("xquad-in", "or", "train")
    telugu, hindi = names("xquad-in", "te", "dev"), names("xquad-in", "hi", "dev")
    assert telugu.items() < hindi.items()


def test_golds_stand_in_their_contexts_as_often_as_the_protocol_says(
    catalog: Catalog, mirrored: Locations
) -> None:
    for code in INDIC:
        assert 0.6 <= verbatim(load_examples(catalog, "xquad-in", code, "train", mirrored)) <= 0.91
    for name in ("xquad-mt-marian", "xquad-mt-nllb", "xquad-mt-or2de", "xquad-mt-pivot"):
        for code in catalog.datasets[name].languages():
            assert 0.09 <= verbatim(load_examples(catalog, name, code, "train", mirrored)) <= 0.58
    test = {
        code: load_examples(catalog, "xquad-in", code, "test", mirrored) for code in ("en", "hi", "or", "te")
    }
    assert {code: round(100 * verbatim(e)) for code, e in test.items()} == {
        "en": 100,
        "hi": 75,
        "or": 83,
        "te": 68,
    }


def test_seen_and_unseen_wordings(catalog: Catalog, mirrored: Locations) -> None:
    """What `seen_by` rests on: XQuAD-IN's English is XQuAD's, its Hindi is not."""

    def contexts(name: str, code: str) -> set[str]:
        return {e.context for e in load_examples(catalog, name, code, "test", mirrored)}

    assert contexts("xquad", "en") == contexts("xquad-in", "en")
    assert not contexts("xquad", "hi") & contexts("xquad-in", "hi")


def test_the_catalog_says_the_language_not_the_file(catalog: Catalog, mirrored: Locations) -> None:
    examples = load_examples(catalog, "xquad-mt-nllb", "rus_Cyrl", "train", mirrored)
    assert {e.language for e in examples} == {"ru"}
    path = locate_data(catalog.datasets["xquad-mt-nllb"], "ru", "train", mirrored)
    assert '"lang": "en"' in path.read_text(encoding="utf-8")


def test_pairs_and_references(catalog: Catalog, mirrored: Locations) -> None:
    for name, split, n in (("flores-in-enxx", "dev", 997), ("flores-in-xxen", "test", 1012)):
        assert len(load_pairs(catalog, name, "or", split, mirrored)) == n
    for code in catalog.datasets["xquad-in-references"].languages():
        assert len(load_lines(catalog, "xquad-in-references", code, "train", mirrored)) == 103
    english = [e.context for e in load_examples(catalog, "xquad-in", "en", "train", mirrored)]
    assert load_lines(catalog, "xquad-in-references", "en", "train", mirrored) == english
