"""The lens against a naive reference in double precision, on every family; classes of tokens against plain counting."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3Config,
    Gemma3TextConfig,
    GemmaConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    Qwen3Config,
)

from kit.job.classes import Classes, classes_of
from kit.job.failures import BadInput
from kit.job.layers import Layers
from kit.job.lens import Lens
from kit.job.pieces import decided_script
from kit.job.prompt import Encoder
from kit.jobdir import CellSpec, LensTask, key_of, sha256_file
from kit.jobdir.cell import BROKEN, NEUTRAL, PADDING, SPECIAL, UNMAPPED
from kit.score.script import script_of
from tests.job.conftest import EMBEDDED, QA, RunJob, examples, items, xquad_in

Row = tuple[list[int], list[int]]
_VOCABULARY = 97
_SHAPE: dict[str, Any] = {
    "vocab_size": _VOCABULARY, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8, "initializer_range": 0.3,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
_PICTURES = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28,
    "patch_size": 14,
}  # fmt: skip
_BLOOM = {"vocab_size": _VOCABULARY, "hidden_size": 32, "n_layer": 3, "n_head": 4, "initializer_range": 0.3}
_NEOX = {name: value for name, value in _SHAPE.items() if name not in ("num_key_value_heads", "head_dim")}
FAMILIES: dict[str, Callable[[], Any]] = {
    "bloom": lambda: BloomConfig(**_BLOOM),
    "llama": lambda: LlamaConfig(**_SHAPE),
    "mistral": lambda: MistralConfig(**_SHAPE, sliding_window=None),
    "mistral, windows": lambda: MistralConfig(**_SHAPE, sliding_window=8),
    "gemma": lambda: GemmaConfig(**_SHAPE),
    "gemma2": lambda: Gemma2Config(**_SHAPE, final_logit_softcapping=2.0),
    "gemma3": lambda: Gemma3TextConfig(**_SHAPE, sliding_window=8),
    "gemma3, with pictures": lambda: Gemma3Config(text_config=_SHAPE, vision_config=_PICTURES),
    "qwen3": lambda: Qwen3Config(**_SHAPE),
    "gpt-neox": lambda: GPTNeoXConfig(**_NEOX),
}


def _model(family: str) -> Any:
    torch.manual_seed(3)
    return AutoModelForCausalLM.from_config(FAMILIES[family](), attn_implementation="eager").eval()


def _classes(width: int = _VOCABULARY) -> Classes:
    """Four made-up classes with shares."""
    weights = torch.rand(width, 4, generator=torch.Generator().manual_seed(5))
    return Classes(("a", "b", "c", "d"), weights / weights.sum(dim=1, keepdim=True))


def _naive(model: Any, row: Row, classes: Classes) -> np.ndarray[Any, Any]:
    """(layers, classes) in double precision: all hidden states that the library gives, each through norm and head."""
    model = model.double()
    layers = Layers(model)
    ids = row[0] + row[1]
    asked = max(1, len(row[1]))
    with torch.no_grad():
        output = model(torch.tensor([ids]), output_hidden_states=True)
        inner = [layers.logits(hidden[0, -asked:]) for hidden in output.hidden_states[:-1]]
        whole = [torch.softmax(logits, dim=-1) for logits in (*inner, output.logits[0, -asked:])]
    model.float()
    return torch.stack([(p @ classes.weights.double()).mean(dim=0) for p in whole]).numpy()


def _check(found: Any, rows: list[Row], model: Any, classes: Classes) -> None:
    seen = {one.index: one.mass for one in found}
    assert sorted(seen) == list(range(len(rows)))
    for index, row in enumerate(rows):
        np.testing.assert_allclose(seen[index], _naive(model, row, classes), atol=2e-5)


_ids = st.lists(st.integers(3, _VOCABULARY - 1), min_size=1, max_size=12)
_groups = st.lists(
    st.tuples(
        _ids, st.lists(st.tuples(_ids, st.lists(st.integers(3, 96), max_size=4)), min_size=1, max_size=3)
    ),
    min_size=1,
    max_size=3,
)


@pytest.mark.parametrize("family", list(FAMILIES))
@settings(max_examples=12, deadline=None)
@given(groups=_groups, rows_at_once=st.integers(1, 9))
def test_the_lens_is_a_naive_one_in_double_precision(
    family: str, groups: list[tuple[list[int], list[Row]]], rows_at_once: int
) -> None:
    """Whatever rows share, wherever they are asked, however they are batched; the last layer is the model's own."""
    model, classes = _model(family), _classes()
    rows = [(context + question, answer) for context, items in groups for question, answer in items]
    lens = Lens(model, classes, 0)
    _check(lens.fast(rows, lambda length, asked: rows_at_once), rows, model, classes)
    _check(lens.exact(rows), rows, model, classes)


def test_real_text_in_several_scripts(tiny: tuple[Any, Any], mirror: Path) -> None:
    model, tokenizer = tiny
    data = [
        example for language in ("hi", "or", "bn", "en") for example in xquad_in(mirror, language, 2, 350)
    ]
    encoder = Encoder(tokenizer, QA)
    rows = [(encoder.prompt_ids(e), encoder.continuation_ids(e, e.answers[0])) for e in data]
    classes = classes_of("script", tokenizer, model.config.vocab_size)
    found = Lens(model, classes, 0).fast(rows, lambda length, asked: 5)
    _check(found, rows, model, classes)


def test_a_head_that_is_more_than_it_shows_is_refused() -> None:
    model = _model("llama")
    head = model.lm_head.forward
    forward = model.forward

    def scaled(*arguments: Any, **named: Any) -> Any:
        output = forward(*arguments, **named)
        output.logits = output.logits * 0.1
        return output

    model.forward, model.lm_head.forward = scaled, head
    with pytest.raises(BadInput, match="do not give its own logits back"):
        list(Lens(model, _classes(), 0).exact([([4, 5, 6], [])]))


def test_layers_that_are_not_found_are_refused() -> None:
    model = _model("llama")
    del model.model.norm
    with pytest.raises(BadInput, match="0 last norms"):
        Layers(model)


def test_scripts_of_tokens(tiny: tuple[Any, Any]) -> None:
    """Each token's class is what one sees in its text; rows share out all of it."""
    model, tokenizer = tiny
    found = classes_of("script", tokenizer, model.config.vocab_size + 3)
    assert torch.allclose(found.weights.sum(dim=1), torch.ones(model.config.vocab_size + 3))
    assert found.names[-1] == PADDING and found.weights[-3:, -1].tolist() == [1.0] * 3

    def named(text: str) -> dict[str, float]:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        mean = found.weights[ids].mean(dim=0)
        return {name: float(mean[at]) for at, name in enumerate(found.names) if mean[at] > 0}

    assert set(named("the")) == {"Latn"} and set(named("Где")) == {"Cyrl"} and set(named("12:")) == {NEUTRAL}
    assert set(named("में")) == {f"{BROKEN} Deva", BROKEN}  # this small vocabulary has it in bytes
    assert named(tokenizer.eos_token) == {SPECIAL: 1.0}
    assert BROKEN in named("𐎀")  # none of the vocabulary's characters: bytes alone


@pytest.mark.parametrize("character", ["କ", "क", "ক", "ق", "中", "é", "𐎀", "€"])
def test_bytes_decide_on_a_script_where_all_that_they_may_become_has_it(character: str) -> None:
    """Against trying all continuations."""
    whole = character.encode()
    for length in range(1, len(whole)):
        rest = len(whole) - length
        found = set()
        for number in range(64**rest) if rest < 3 else ():
            tail = bytes(0x80 | number >> 6 * at & 0x3F for at in reversed(range(rest)))
            found |= {script_of(char) for char in (whole[:length] + tail).decode("utf-8", "ignore")}
        scripts_of_all = found - {None}
        expected = scripts_of_all.pop() if len(scripts_of_all) == 1 else None
        assert decided_script(whole[:length]) == decided_script(b" " + whole[:length]) == expected
        assert decided_script(b"a" + whole[:length]) is None
    assert decided_script(whole[1:]) is None and decided_script(whole) is None and decided_script(b"") is None


def test_a_map_keeps_its_order_and_names_what_it_leaves_out(tiny: tuple[Any, Any], tmp_path: Path) -> None:
    model, tokenizer = tiny
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"7": "de", "3": "en", "5": "de", "9999999": "or"}))
    found = classes_of("map", tokenizer, model.config.vocab_size, path)
    assert found.names[:4] == ("de", "en", "or", UNMAPPED)
    assert [found.names[int(found.weights[at].argmax())] for at in (3, 5, 7, 8)] == [
        "en",
        "de",
        "de",
        UNMAPPED,
    ]
    path.write_text("[1]")
    with pytest.raises(BadInput, match="not a map of token ids"):
        classes_of("map", tokenizer, model.config.vocab_size, path)


def test_langid_is_its_own_rank(tiny: tuple[Any, Any]) -> None:
    """Parity: each row is what the package says of that token; only ASCII punctuation and digits are set apart."""
    langid = pytest.importorskip("langid.langid", reason="langid is not installed")
    model, tokenizer = tiny
    whole = langid.LanguageIdentifier.from_modelstring(langid.model, norm_probs=True)
    found = classes_of("langid", tokenizer, model.config.vocab_size)
    careful = classes_of("langid-whole", tokenizer, model.config.vocab_size)
    for token in range(0, model.config.vocab_size, 41):
        text = tokenizer.decode([token], clean_up_tokenization_spaces=False)
        row = dict(zip(found.names, found.weights[token].tolist(), strict=True))
        if row.get(NEUTRAL, 0.0) == 1.0:
            assert all(not char.isalpha() for char in text)
            continue
        assert row == pytest.approx({**row, **dict(whole.rank(text.strip()))}, abs=1e-5)
        if "\ufffd" in text:
            assert careful.weights[token, careful.names.index(BROKEN)] == 1.0
    assert careful.names == found.names  # one axis for both


def test_all_prompts_of_a_slice(tiny: tuple[Any, Any]) -> None:
    """At the prompt's end, thirty rows on few contexts: mass sums to one in every layer."""
    model, tokenizer = tiny
    encoder = Encoder(tokenizer, QA)
    rows: list[Row] = [(encoder.prompt_ids(e), []) for e in examples(30)]
    lens = Lens(model, classes_of("script", tokenizer, model.config.vocab_size), 0)
    for one in lens.fast(rows, lambda length, asked: 7):
        assert one.mass.shape[0] == len(lens.layers) == model.config.num_hidden_layers + 1
        np.testing.assert_allclose(one.mass.sum(axis=1), 1.0, atol=1e-6)


def test_a_cell_lands_with_its_array(run_job: RunJob, tmp_path: Path) -> None:
    """All variants in one job: the array and its axes; exact and fast see the same; an empty slice is empty."""
    path = tmp_path / "map.json"
    path.write_text(json.dumps({str(token): ["en", "hi"][token % 2] for token in range(500)}))
    cell = CellSpec("base-t", "data", QA, LensTask())
    cells = [
        replace(cell, mode=mode, task=task)
        for task in (LensTask(), LensTask(positions="answer"), LensTask(matrix="map-1"))
        for mode in ("fast", "exact")
    ]
    folder, produced = run_job(cells, examples(9), {"base-t": EMBEDDED, "map-1": path}, batch_tokens=300)
    found = [np.load(folder.cells / key_of("cell", one) / "lens.npz") for one in cells]
    for fast, exact in zip(found[::2], found[1::2], strict=True):
        assert fast["mass"].shape == (9, 4, len(fast["classes"])) and fast["mass"].dtype == np.float32
        np.testing.assert_allclose(fast["mass"], exact["mass"], atol=2e-5)
        assert list(fast["layers"]) == ["embedding", "1", "2", "3"]
    assert list(found[4]["classes"][:3]) == ["en", "hi", UNMAPPED]
    assert not np.allclose(found[0]["mass"], found[2]["mass"], atol=1e-2)
    key = key_of("cell", cells[0])
    assert produced[key] == sha256_file(folder.cells / key / "lens.npz")
    rows = items(folder, cells[2])
    assert [set(row) for row in rows] == [{"id", "prompt_tokens", "positions"}] * 9
    assert all(row["positions"] > 0 for row in rows)
    empty, _ = run_job([cell], [], {"base-t": EMBEDDED}, name="empty")
    assert np.load(empty.cells / key_of("cell", cell) / "lens.npz")["mass"].shape[:2] == (0, 4)


def test_what_a_lens_cannot_look_at_is_refused(run_job: RunJob) -> None:
    cell = CellSpec("base-t", "data", QA, LensTask(positions="answer"))
    with pytest.raises(BadInput, match="has no answer to look at"):
        run_job([cell], [replace(examples(1)[0], answers=())], {"base-t": EMBEDDED})
    with pytest.raises(BadInput, match="There is no matrix 'nonsense'"):
        run_job(
            [replace(cell, task=LensTask("lens", "nonsense"))], examples(1), {"base-t": EMBEDDED}, name="two"
        )
    with pytest.raises(BadInput, match="does not say where map-9 lies"):
        run_job(
            [replace(cell, task=LensTask("lens", "map-9"))], examples(1), {"base-t": EMBEDDED}, name="three"
        )
