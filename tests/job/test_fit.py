"""A tuned lens: it learns what is there to learn, is judged on other contexts, and unlearnt changes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.data.example import Example, render_slice
from kit.job.failures import BadInput
from kit.job.fit import hidden_states
from kit.job.layers import Layers
from kit.job.translators import Translators, read_translators
from kit.job.work import work
from kit.jobdir import CellSpec, FitSpec, JobFolder, JobSpec, LensTask, digest_of_cell, key_of, sha256_file
from tests.job.conftest import EMBEDDED, QA, RunJob, events, examples, items
from tests.job.test_lens import FAMILIES

SPEC = FitSpec("base-x", ("data",), QA, steps=150, tokens=200, learning_rate=2e-2)
LOOK = CellSpec("base-x", "data", QA, LensTask())
WORDS = ("Kano", "Lima", "Omsk", "Kyiv", "Pune", "Riga", "Oslo", "Nara", "Bonn", "Fes")


def many(contexts: int) -> list[Example]:
    """Two questions on each of so many contexts."""
    return [
        Example(f"q{at}", f"c{at // 2}", f"Mira lives in {word}.", "Where does Mira live?", (word,), "xx")
        for at in range(2 * contexts)
        for word in [WORDS[at // 2 % len(WORDS)]]
    ]


def fitted(folder: Path, model: Path, data: Sequence[Example], spec: FitSpec = SPEC) -> JobFolder:
    """The folder of a job that has fitted a lens; what landed is what lies there."""
    folder.mkdir()
    (folder / "slice.jsonl").write_bytes(render_slice(list(data)))
    job = JobFolder(folder / "job")
    places = {"data": str(folder / "slice.jsonl"), "base-x": str(model)}
    job.write_spec(JobSpec("fit", spec, (key_of("fit", spec),), places))
    job.scratch.mkdir()
    landed: dict[str, str] = {}
    work(job.spec(), job, {}, landed)
    made = job.adapters / str(spec.steps)
    assert landed == {str(spec.steps): sha256_file(made / "translators.safetensors")}
    return job


@pytest.fixture(scope="module")
def shifting(tmp_path_factory: pytest.TempPathFactory, random_model: Path) -> tuple[Path, torch.Tensor]:
    """The random model, whose last block does no more than add one vector: what the lens has to find."""
    folder = tmp_path_factory.mktemp("shifting")
    model = AutoModelForCausalLM.from_pretrained(random_model, dtype=torch.float32)
    block = model.transformer.h[-1]
    shift = torch.randn(32, generator=torch.Generator().manual_seed(3)) * 3
    with torch.no_grad():
        for layer in (block.self_attention.dense, block.mlp.dense_4h_to_h):
            layer.weight.zero_()
            layer.bias.zero_()
        block.mlp.dense_4h_to_h.bias.copy_(shift)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(random_model).save_pretrained(folder)
    return folder, shift


def test_it_finds_a_shift_that_is_there(shifting: tuple[Path, torch.Tensor], tmp_path: Path) -> None:
    model, shift = shifting
    job = fitted(tmp_path / "a", model, many(20))
    found = read_translators(job.adapters / "150")
    (_, plain), (_, mapped) = found.divergence
    assert plain > 0.5 and mapped < 0.05 * plain  # on contexts that it was not fitted on
    told = {one["layer"]: (one["before"], one["after"]) for one in events(job, "lens")}
    assert told["1"] == (round(plain, 4), round(mapped, 4)) and set(told) == {"embedding", "1"}
    steps = events(job, "train")
    assert len(steps) == 150 and steps[-1]["loss"] < steps[0]["loss"]
    # The map is free to do some of it; together with the shift it moves hidden states the way the block does.
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    ids = AutoTokenizer.from_pretrained(model)("Mira lives in Fes.", return_tensors="pt")["input_ids"]
    before = base.transformer(ids, output_hidden_states=True).hidden_states[1][0]
    moved = found.layer(1, before) - before
    assert torch.nn.functional.cosine_similarity(moved.mean(dim=0), shift, dim=0) > 0.9


def test_the_same_spec_gives_the_same_maps_and_another_seed_others(
    random_model: Path, tmp_path: Path
) -> None:
    quick = replace(SPEC, steps=6)
    digests = [
        sha256_file(
            fitted(tmp_path / name, random_model, many(16), spec).adapters / "6" / "translators.safetensors"
        )
        for name, spec in (("a", quick), ("b", quick), ("c", replace(quick, seed=1)))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_no_context_is_learnt_on_and_judged_by(random_model: Path, tmp_path: Path) -> None:
    job = fitted(tmp_path / "a", random_model, many(24), replace(SPEC, steps=1))
    said = json.loads((job.adapters / "1" / "fit.json").read_text())
    assert (said["texts"], said["judged_by"]) == (42, 6)  # both questions of every eighth context


def test_few_contexts_are_refused_with_a_remedy(random_model: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="have 7 contexts; it needs 8") as caught:
        fitted(tmp_path / "a", random_model, many(7))
    assert "lens_texts" in str(caught.value.remedy)


def test_maps_that_have_learnt_nothing_are_the_logit_lens(run_job: RunJob, tmp_path: Path) -> None:
    nothing = Translators.none(3, 128, "cpu")
    (tmp_path / "maps").mkdir()
    nothing.save(tmp_path / "maps", {})
    seen = []
    for name, task in (("plain", LensTask()), ("mapped", LensTask(translators="fit-x@1"))):
        cell = replace(LOOK, task=task)
        inputs = {"base-x": EMBEDDED, "fit-x@1": tmp_path / "maps"}
        folder, _ = run_job([cell], examples(9), inputs, name)
        with np.load(folder.cells / key_of("cell", cell) / "lens.npz") as held:
            seen.append(held["mass"])
    assert np.array_equal(*seen)


def test_through_its_maps_a_layer_sees_what_the_output_says(
    run_job: RunJob, shifting: tuple[Path, torch.Tensor], tmp_path: Path
) -> None:
    model, _ = shifting
    maps = fitted(tmp_path / "fit", model, many(20)).adapters / "150"
    far = {}
    for name, task in (("plain", LensTask()), ("mapped", LensTask(translators="fit-x@150"))):
        cell = replace(LOOK, task=task)
        folder, landed = run_job([cell], many(12), {"base-x": model, "fit-x@150": maps}, name)
        place = folder.cells / key_of("cell", cell)
        assert landed[key_of("cell", cell)] == digest_of_cell(place)
        with np.load(place / "lens.npz") as held:
            mass, divergence = held["mass"], held.get("divergence")
        far[name] = np.abs(mass[:, 1] - mass[:, 2]).sum(axis=1).mean()
        assert (divergence is None) == (name == "plain")
        made_of: dict[str, Any] = json.loads((place / "cell.json").read_text())["adapter_digests"]
        assert made_of == (
            {} if name == "plain" else {"fit-x@150": sha256_file(maps / "translators.safetensors")}
        )
        assert len(items(folder, cell)) == 24
    assert far["mapped"] < 0.5 * far["plain"]


@pytest.mark.parametrize("damage", ["absent", "cut"])
def test_maps_that_cannot_be_read_are_bad_input(run_job: RunJob, tmp_path: Path, damage: str) -> None:
    maps = tmp_path / "maps"
    maps.mkdir()
    if damage == "cut":
        Translators.none(3, 128, "cpu").save(maps, {})
        (maps / "translators.safetensors").write_bytes(b"\x00" * 20)
    cell = replace(LOOK, task=LensTask(translators="fit-x@1"))
    with pytest.raises(BadInput, match="tuned lens cannot be read"):
        run_job([cell], examples(2), {"base-x": EMBEDDED, "fit-x@1": maps})


@pytest.mark.parametrize("family", FAMILIES)
def test_hidden_states_are_the_librarys_in_every_family(family: str) -> None:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(FAMILIES[family](), attn_implementation="eager").eval()
    ids = [5, 17, 3, 40, 41, 8]
    found = hidden_states(Layers(model), ids, "cpu")
    with torch.no_grad():
        output = model(torch.tensor([ids]), output_hidden_states=True)
    *inner, _ = output.hidden_states  # the library's last has gone through the norm
    for ours, theirs in zip(found, inner, strict=False):
        torch.testing.assert_close(ours, theirs[0])
    torch.testing.assert_close(Layers(model).logits(found[-1]), output.logits[0])
