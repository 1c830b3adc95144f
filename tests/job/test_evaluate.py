"""Cells: what lands in them, in which order, on one base, once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.job import evaluate as evaluation
from kit.job import model as models
from kit.job.decode import Decoder
from kit.job.failures import BadInput
from kit.job.prompt import Encoder
from kit.jobdir import CellSpec, GenerateTask, ScoreTask, decode, key_of, read_json, sha256_file
from tests.job.conftest import EMBEDDED, QA, RunJob, events, examples, items

GENERATE = CellSpec("base-t", "data", QA, GenerateTask(limit=12))
SCORE = replace(GENERATE, task=ScoreTask())
DATA = examples(7)


@pytest.fixture(scope="module")
def adapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three adapters with weights that matter; one has biases, which lie in the base's own modules."""
    made = {}
    for number, bias in enumerate(("none", "none", "lora_only")):
        torch.manual_seed(number)
        base = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32)
        config = LoraConfig(
            r=4, lora_alpha=8, target_modules=["query_key_value"], bias=bias, task_type="CAUSAL_LM"
        )  # type: ignore[arg-type]
        model = get_peft_model(base, config)
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.data = torch.randn_like(parameter) * (0.3 if "lora" in name else 0.5)
        made[f"adapter-{number}"] = tmp_path_factory.mktemp("adapter")
        model.save_pretrained(made[f"adapter-{number}"])
    return made


def test_a_cell_holds_its_items_in_order_and_says_where_it_came_from(
    run_job: RunJob, adapters: dict[str, Path]
) -> None:
    cell = replace(GENERATE, adapters=("adapter-0",), label="any")
    folder, produced = run_job([cell], DATA, {"base-t": EMBEDDED, **adapters})
    key = key_of("cell", cell)
    assert produced == {key: sha256_file(folder.cells / key / "items.jsonl")}
    assert sorted(path.name for path in (folder.cells / key).iterdir()) == ["cell.json", "items.jsonl"]
    rows = items(folder, cell)
    assert [row["id"] for row in rows] == [example.id for example in DATA]
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    for row, example in zip(rows, DATA, strict=True):
        assert set(row) == {"id", "raw", "tokens", "stop", "prompt_tokens"}
        assert row["prompt_tokens"] == len(Encoder(tokenizer, QA).prompt_ids(example))
        assert 1 <= row["tokens"] <= 12
        assert (row["stop"] == "limit") <= (row["tokens"] == 12)
        assert (row["stop"] == "newline") <= ("\n" in row["raw"].lstrip())
    about = read_json(folder.cells / key / "cell.json")
    assert (about["schema"], about["key"], about["n"]) == (1, key, 7)
    assert decode(CellSpec, about["spec"]) == cell
    assert about["adapter_digests"] == {"adapter-0": sha256_file(adapters["adapter-0"] / models.ADAPTER_FILE)}
    assert [event["key"] for event in events(folder, "cell")] == [key]
    assert list(folder.scratch.iterdir()) == []


def test_an_empty_slice_makes_empty_cells(run_job: RunJob) -> None:
    cells = [replace(cell, mode=mode) for cell in (GENERATE, SCORE) for mode in ("fast", "exact")]
    folder, _ = run_job(cells, [], {"base-t": EMBEDDED})
    assert [items(folder, cell) for cell in cells] == [[], [], [], []]


def test_scores_cover_the_distinct_golds_of_every_item(run_job: RunJob) -> None:
    data = [replace(DATA[0], answers=("Kano", "in Kano", "Kano")), replace(DATA[1], answers=()), DATA[2]]
    first = replace(SCORE, task=ScoreTask(continuations="first-gold"))
    folder, _ = run_job([SCORE, first], data, {"base-t": EMBEDDED})
    rows = items(folder, SCORE)
    assert [[one["text"] for one in row["continuations"]] for row in rows] == [
        ["Kano", "in Kano"],
        [],
        [DATA[2].answers[0]],
    ]
    assert [[one["text"] for one in row["continuations"]] for row in items(folder, first)] == [
        ["Kano"],
        [],
        [DATA[2].answers[0]],
    ]
    for one in (one for row in rows for one in row["continuations"]):
        assert set(one) == {"text", "tokens", "end", "newline"}
        assert all(value <= 0 for value in (*one["tokens"], one["end"], one["newline"]))


def test_fast_and_exact_cells_hold_the_same(run_job: RunJob, adapters: dict[str, Path]) -> None:
    cells = [
        replace(cell, mode=mode, adapters=names)
        for cell in (GENERATE, SCORE)
        for names in ((), ("adapter-0",))
        for mode in ("fast", "exact")
    ]
    folder, _ = run_job(cells, DATA, {"base-t": EMBEDDED, **adapters}, batch_tokens=300)
    for fast, exact in zip(cells[::2], cells[1::2], strict=True):
        if fast.task.kind == "generate":
            assert items(folder, fast) == items(folder, exact)
            continue
        for one, other in zip(items(folder, fast), items(folder, exact), strict=True):
            for left, right in zip(one["continuations"], other["continuations"], strict=True):
                # float32: logits of tens are rounded in their sixth digit, by each machine's kernels in its own way
                assert left["tokens"] == pytest.approx(right["tokens"], rel=1e-5, abs=1e-5)
    assert items(folder, cells[0]) != items(folder, cells[2])


def _count_loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    loads: list[str] = []
    load = models.load_base

    def counted(folder: Path, dtype: Any, device: str, parents: Any = ()) -> Any:
        loads.append(dtype)
        return load(folder, dtype, device, parents)

    monkeypatch.setattr(models, "load_base", counted)
    return loads


def test_one_base_in_memory_serves_all_adapters_and_cells(
    run_job: RunJob, adapters: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = _count_loads(monkeypatch)
    names = [(), ("adapter-0",), ("adapter-1",)]
    cells = [
        replace(cell, adapters=name) for cell in (GENERATE, SCORE) for name in names
    ]  # adapters alternate
    folder, produced = run_job(cells, DATA, {"base-t": EMBEDDED, **adapters})
    assert loads == ["float32"]
    assert len({json.dumps(items(folder, cell)) for cell in cells}) == len(cells) == len(produced)


@pytest.mark.parametrize("other", ["adapter-0", "adapter-2"], ids=["plain", "with biases"])
def test_the_base_and_an_adapter_are_the_same_after_another_one(
    run_job: RunJob, adapters: dict[str, Path], other: str
) -> None:
    inputs = {"base-t": EMBEDDED, **adapters}
    mine = replace(SCORE, adapters=("adapter-1",))
    alone, _ = run_job([SCORE, mine], DATA, inputs, name="alone")
    base = models.Base(EMBEDDED, "float32", "cpu")
    before = {name: value.clone() for name, value in base.model.state_dict().items()}
    with base.wearing(adapters[other]) as worn:
        assert any(name.endswith("lora_A.default.weight") for name, _ in worn.named_parameters())
    after = base.model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    mixed, _ = run_job([replace(SCORE, adapters=(other,)), mine, SCORE], DATA, inputs, name="mixed")
    assert items(mixed, SCORE) == items(alone, SCORE)
    assert items(mixed, mine) == items(alone, mine)


def test_ordered_adapters_are_the_first_merged_and_the_last_on_top(
    run_job: RunJob, adapters: dict[str, Path]
) -> None:
    chain = replace(SCORE, adapters=("adapter-0", "adapter-1"))
    folder, _ = run_job([chain], DATA, {"base-t": EMBEDDED, **adapters})
    model: Any = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, str(adapters["adapter-0"])).merge_and_unload()
    model = PeftModel.from_pretrained(model, str(adapters["adapter-1"])).eval()
    encoder = Encoder(AutoTokenizer.from_pretrained(EMBEDDED), QA)
    for row, example in zip(items(folder, chain), DATA, strict=True):
        prompt, tail = encoder.prompt_ids(example), encoder.continuation_ids(example, example.answers[0])
        with torch.no_grad():
            logs = torch.log_softmax(model(torch.tensor([prompt + tail])).logits[0], dim=-1)
        expected = [logs[len(prompt) - 1 + i, token].item() for i, token in enumerate(tail)]
        assert row["continuations"][0]["tokens"] == pytest.approx(expected, abs=1e-4)


def test_a_dtype_is_said_and_changes_the_scores(run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = _count_loads(monkeypatch)
    half = replace(SCORE, dtype="bfloat16")
    folder, _ = run_job([SCORE, half], DATA, {"base-t": EMBEDDED})
    assert sorted(loads) == ["bfloat16", "float32"]
    whole, rounded = (items(folder, cell)[0]["continuations"][0]["tokens"] for cell in (SCORE, half))
    assert whole != rounded
    assert sum(whole) == pytest.approx(sum(rounded), rel=0.1)


def test_a_restart_skips_what_is_finished(run_job: RunJob) -> None:
    inputs = {"base-t": EMBEDDED}
    folder, produced = run_job([GENERATE], DATA, inputs)
    marker = folder.cells / key_of("cell", GENERATE) / "items.jsonl"
    marker.write_text("kept\n", encoding="utf-8")
    folder.scratch.rmdir()
    _, again = run_job([GENERATE, SCORE], DATA, inputs)
    assert marker.read_text(encoding="utf-8") == "kept\n"
    assert again[key_of("cell", GENERATE)] == sha256_file(marker) != produced[key_of("cell", GENERATE)]
    assert len(items(folder, SCORE)) == 7
    assert [event["key"] for event in events(folder, "cell")] == [
        key_of("cell", c) for c in (GENERATE, SCORE)
    ]


def test_a_job_with_nothing_left_loads_nothing(run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, produced = run_job([GENERATE], DATA, {"base-t": EMBEDDED})
    loads = _count_loads(monkeypatch)
    folder.scratch.rmdir()
    assert run_job([GENERATE], DATA, {"base-t": EMBEDDED})[1] == produced
    assert loads == []


def test_what_fails_halfway_lands_not_at_all(
    run_job: RunJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = Decoder.fast

    def halfway(self: Decoder, *arguments: Any) -> Any:
        for number, one in enumerate(done(self, *arguments)):
            if number == 3:
                raise MemoryError
            yield one

    monkeypatch.setattr(Decoder, "fast", halfway)
    with pytest.raises(MemoryError):
        run_job([SCORE, GENERATE], DATA, {"base-t": EMBEDDED})
    landed = [path.name for path in (tmp_path / "job" / "cells").iterdir()]
    assert key_of("cell", GENERATE) not in landed


def test_progress_is_told_up_to_the_last_item(run_job: RunJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_TELL_EVERY", 0.0)
    folder, _ = run_job([GENERATE, SCORE], DATA, {"base-t": EMBEDDED})
    for cell, unit in ((GENERATE, "items"), (SCORE, "continuations")):
        told = [event for event in events(folder, "progress") if event["cell"] == key_of("cell", cell)]
        assert [event["done"] for event in told] == list(range(1, 8))
        assert {(event["total"], event["unit"]) for event in told} == {(7, unit)}
        assert all(event["tokens_per_s"] > 0 for event in told)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (replace(GENERATE, version=2), "version 2"),
        (replace(GENERATE, interventions=("window",)), "no intervention 'window'"),
        (replace(GENERATE, adapters=("adapter-9",)), "where adapter-9 lies"),
        (replace(GENERATE, task=GenerateTask(temperature=0.1)), "depends on order and batch"),
    ],
)
def test_what_cannot_be_done_is_said(run_job: RunJob, cell: CellSpec, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        run_job([cell], DATA, {"base-t": EMBEDDED})


def test_a_slice_that_cannot_be_read_is_named(run_job: RunJob, tmp_path: Path) -> None:
    (tmp_path / "other.jsonl").write_text('{"id": "1"}\n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"other\.jsonl: the slice cannot be read"):
        run_job([replace(GENERATE, data="d")], DATA, {"base-t": EMBEDDED, "d": tmp_path / "other.jsonl"})
