"""The kit's own catalog: complete, consistent, and true to its sources."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kit.catalog import Catalog, Locations, load_examples
from kit.corpus import SIZES
from kit.errors import CatalogError

BOTH_SYSTEMS = {"de", "es", "et", "fi", "fr", "id", "sv", "xh"}
ROOTS_BYTES = 1_614_479_114_961
"""All bytes in table 1 of the BLOOM paper (arXiv 2211.05100), code among them."""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def test_the_protocol_is_in_it(catalog: Catalog) -> None:
    indic = {"or", "te", "hi", "mr", "en", "ml", "pa", "ta", "kn", "as", "ur", "bn", "gu"}
    assert set(catalog.datasets["xquad-in"].languages()) == indic
    assert {"es", "de", "vi", "zh", "ru", "el", "th", "tr"} <= set(catalog.datasets["xquad"].languages())
    assert set(catalog.datasets["xquad-mt-marian"].languages()) == BOTH_SYSTEMS
    nllb = BOTH_SYSTEMS | {"el", "ru", "th", "tr", "vi"}
    assert set(catalog.datasets["xquad-mt-nllb"].languages()) == nllb
    assert catalog.datasets["xquad-mt-or2de"].languages() == ("de",)
    assert catalog.datasets["xquad-mt-pivot"].languages() == ("ms",)
    assert len(catalog.datasets["tiny-qa"].languages()) == 9
    assert {"bloomz-7b1", "bloomz-3b", "bloomz-1b1", "gemma-7b", "polylm-13b"} <= set(catalog.models)
    assert {"yo", "mai"} <= set(catalog.languages)
    assert set(catalog.prompts) == {"qa", "short-span", "instruction", "letters"}
    assert indic | {"de", "es", "ru", "zh"} <= set(catalog.datasets["belebele"].languages())


def test_every_entry_says_what_it_is(catalog: Catalog) -> None:
    kinds = (catalog.datasets, catalog.models, catalog.prompts, catalog.languages, catalog.families)
    for entries in kinds:
        for name, entry in entries.items():
            assert entry.name == name
            assert entry.title, name
            assert entry.source, name
    assert all(dataset.licence for dataset in catalog.datasets.values())
    assert all(model.licence for model in catalog.models.values())


def test_published_files_are_pinned_and_have_a_place_in_mirrors(catalog: Catalog) -> None:
    for entry in catalog.datasets.values():
        if entry.embedded:
            continue
        for language in entry.languages():
            for split in entry.splits(language):
                file = entry.file(language, split)
                assert file.url
                assert file.url.startswith("https://")
                assert file.mirror_path
                assert file.mirror_path.endswith(file.name)
                assert entry.revision is None or entry.revision in file.url
                unlisted = (
                    entry.name in ("indicqa-paper", "tydiqa-goldp", "belebele") or split == "train-5000"
                )
                assert (file.sha256 is None) == unlisted, file.url


def test_shares_and_classes_follow_from_the_bytes(catalog: Catalog) -> None:
    known = 0
    for language in catalog.languages.values():
        bloom = language.bloom
        assert bloom is not None, language.name
        assert bloom.share == pytest.approx(bloom.bytes / ROOTS_BYTES, rel=1e-3)
        share = bloom.bytes / ROOTS_BYTES
        level = "high" if share >= 0.01 else "medium" if share >= 0.001 else "low" if share else "none"
        assert bloom.level == level, language.name
        known += bloom.bytes
    code, akan_to_zulu = 174_700_245_772, known
    assert code + akan_to_zulu == ROOTS_BYTES  # every language of the table is here
    assert catalog.languages["en"].bloom is not None
    assert round(catalog.languages["en"].bloom.share, 4) == 0.3004  # as the model card says


def test_bloom_models_have_the_parameters_of_their_shape(catalog: Catalog) -> None:
    """Embedding + its norm + layers (12 h² + 13 h) + final norm, output tied to the embedding."""
    for model in catalog.models.values():
        if catalog.families[model.family].architecture == "bloom":
            assert model.vocabulary is not None
            assert model.hidden is not None
            assert model.layers is not None
            hidden = model.hidden
            layers = model.layers * (12 * hidden**2 + 13 * hidden)
            assert model.parameters == model.vocabulary * hidden + layers + 4 * hidden, model.name


def test_targets_are_those_of_the_scripts(catalog: Catalog) -> None:
    bloomz = catalog.models["bloomz-7b1"].targets
    assert bloomz.scripts == ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
    assert bloomz.qkv == ("query_key_value",)
    assert catalog.models["llama-3.1-8b-instruct"].targets.scripts == ()  # peft's default
    assert len(catalog.models["gemma-7b"].targets.scripts) == 7


def test_prompts_are_the_scripts_to_the_letter(catalog: Catalog) -> None:
    assert catalog.prompts["qa"].prompt.template == "{context}\n\nQ: {question}\nA:"
    assert catalog.prompts["instruction"].template == (
        "Instruction: Answer the question based on the context.\n"
        "Input: Context: {context} Question: {question}\\Output:"
    )
    assert catalog.prompts["short-span"].template == (
        "{context}\n\nNow answer the following question in a short span. Please do not hallucinate, "
        "and answer based on the above provided context.\nQ: {question}\nA:"
    )
    assert {prompt.joint for prompt in catalog.prompts.values()} == {" "}


def test_seen_by_marks_what_bloomz_was_tuned_on(catalog: Catalog) -> None:
    xquad, indic = catalog.datasets["xquad"], catalog.datasets["xquad-in"]
    seen = {code for code in xquad.languages() if "bloomz" in xquad.seen_families(code, "test")}
    assert seen == {"ar", "en", "es", "hi", "vi", "zh"}
    assert indic.seen_families("en", "test") == {"bloomz"}
    assert indic.seen_families("hi", "test") == frozenset()
    assert [note.how for note in indic.seen("hi", "test")["bloomz"]] == ["related"]
    assert indic.seen_families("en", "train") == frozenset()
    assert catalog.datasets["indicqa"].seen("or", "test") == {}


def test_belebele_is_named_by_flores_codes_at_a_pinned_commit(catalog: Catalog) -> None:
    belebele = catalog.datasets["belebele"]
    for code in belebele.languages():
        name = belebele.file(code, "test").name.removesuffix(".jsonl")
        assert catalog.language(name).name == code
        assert name.partition("_")[2] == {"zh": "Hans", "ja": "Jpan"}.get(
            code, catalog.languages[code].script
        )
        bloom = catalog.languages[code].bloom
        assert (belebele.seen(code, "test") != {}) == (bloom is not None and bloom.level != "none"), code
    assert "/resolve/c25c4d7bfbc5de244583947ba230fc4ee93d4a89/data/ory_Orya.jsonl" in str(
        belebele.file("or", "test").url
    )


def test_languages_are_found_by_any_of_their_codes(catalog: Catalog) -> None:
    for code in ("or", "ori", "ory", "ory_Orya"):
        assert catalog.language(code).name == "or"
    with pytest.raises(CatalogError, match="did you mean 'Odia'"):
        catalog.language("odya")


def test_unknown_names_get_the_nearest_one(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="did you mean 'bloomz-7b1'"):
        catalog.model("bloomz-7b")
    with pytest.raises(CatalogError, match="did you mean 'xquad-in'"):
        catalog.dataset("xquadin")
    with pytest.raises(CatalogError, match="there are: qa, short-span, instruction"):
        catalog.prompt("zzz")


def test_the_embedded_corpus_gives_parallel_examples(catalog: Catalog, locations: Locations) -> None:
    odia = load_examples(catalog, "tiny-qa", "ory", "train", locations)
    english = load_examples(catalog, "tiny-qa", "en", "train", locations)
    assert len(odia) == len(english) == SIZES["train"]
    assert [e.context_id for e in odia] == [e.context_id for e in english]
    assert {e.language for e in odia} == {"or"}
    assert all(e.answers[0] in e.context for e in odia)


def test_the_embedded_corpus_gives_parallel_choices(catalog: Catalog, locations: Locations) -> None:
    assert catalog.datasets["tiny-choices"].splits("or") == ("dev", "test")
    plain = load_examples(catalog, "tiny-qa", "or", "dev", locations)
    odia = load_examples(catalog, "tiny-choices", "or", "dev", locations)
    english = load_examples(catalog, "tiny-choices", "en", "dev", locations)
    assert [replace(e, choices=(), right=None) for e in odia] == plain
    assert [e.right for e in odia] == [e.right for e in english]
    assert {e.right for e in odia} == {0, 1, 2, 3}
    for example in (*odia, *english):
        assert example.right is not None and example.answers == (example.choices[example.right],)
        assert len(set(example.choices)) == 4
