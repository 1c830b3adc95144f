"""Prompts behind solved examples: their text, and that answers are those of each prompt alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from kit.catalog import Catalog
from kit.data.example import Example, render_slice, slice_id
from kit.job.failures import BadInput
from kit.job.prompt import Encoder
from kit.jobdir import CellSpec, GenerateTask, LensTask, ScoreTask, key_of, key_parts, read_json
from tests.job.conftest import EMBEDDED, QA, RunJob, events, examples, items, xquad_in

SHOT = "{context}\n\nQ: {question}\nA: {answer}\n\n"
TEST = examples(9)
SHOTS = [
    Example("s1", "s1", "Ada lives in Rome.", "Where does {answer} live?", ("Rome", "in Rome"), "xx"),
    Example("s2", "s2", "Уна живёт в Туле.", "Где живёт Уна?", ("в Туле",), "xx"),
]
KSHOT = replace(QA, shots="shots", shot=SHOT)
GENERATE = CellSpec("base-t", "data", KSHOT, GenerateTask(limit=12))


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    path = tmp_path / "shots.jsonl"
    path.write_bytes(render_slice(SHOTS))
    return path


def test_the_text_is_that_of_the_papers_script() -> None:
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    item, solved = TEST[2], SHOTS[0]
    written = {
        "qa": f"{solved.context}\n\nQ: {solved.question}\nA: Rome\n\n" * 2
        + f"{item.context}\n\nQ: {item.question}\nA:",
        "instruction": "Instruction: Answer the question based on the context.\nInput: Context: "
        f"{solved.context} Question: {solved.question}\nOutput: Rome\n\n"
        * 2
        + f"Instruction: Answer the question based on the context.\nInput: Context: {item.context} Question: "
        f"{item.question}\\Output:",
    }
    ask = "Now answer the following question in a short span. Please do not hallucinate, and answer based on the above "
    ask += "provided context.\n"
    written["short-span"] = written["qa"].replace("Q: ", f"{ask}Q: ")
    for name, text in written.items():
        entry = Catalog.load().prompts[name]
        encoder = Encoder(tokenizer, replace(entry.prompt, shot=entry.solved), [solved, solved])
        assert encoder.text(item) == text
        assert encoder.prompt_ids(item) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_the_start_token_stands_before_the_shots_and_once() -> None:
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    encoder = Encoder(tokenizer, replace(KSHOT, start_token="written"), SHOTS)
    ids = encoder.prompt_ids(TEST[0])
    assert ids[0] == tokenizer.bos_token_id and ids.count(tokenizer.bos_token_id) == 1
    assert ids[1:] == tokenizer(encoder.text(TEST[0]), add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize(
    "task",
    [
        GenerateTask(limit=12),
        ScoreTask(),
        ScoreTask(continuations="spans", lead="own-words", limit=12),
        LensTask(),
    ],
    ids=lambda task: task.kind,
)
def test_batches_that_share_the_shots_say_what_each_prompt_says_alone(
    run_job: RunJob, shots: Path, task: GenerateTask | ScoreTask | LensTask
) -> None:
    fast = replace(GENERATE, task=task)
    exact = replace(fast, mode="exact")
    folder, _ = run_job([fast, exact], TEST, {"base-t": EMBEDDED, "shots": shots}, batch_tokens=900)
    one, other = items(folder, fast), items(folder, exact)
    if task.kind == "generate":
        assert one == other
    assert [row["id"] for row in one] == [row["id"] for row in other] == [example.id for example in TEST]
    for mine, theirs in zip(one, other, strict=True):
        assert mine["prompt_tokens"] == theirs["prompt_tokens"]
        for left, right in zip(mine.get("continuations", []), theirs.get("continuations", []), strict=True):
            assert left["text"] == right["text"] and left["tokens"] == pytest.approx(
                right["tokens"], abs=1e-4
            )


def test_real_odia_behind_real_shots(run_job: RunJob, mirror: Path, tmp_path: Path) -> None:
    real = xquad_in(mirror, "or", 9, 400)
    path = tmp_path / "or.jsonl"
    path.write_bytes(render_slice(real[:2]))
    cells = [replace(GENERATE, mode=mode) for mode in ("fast", "exact")]
    folder, _ = run_job(cells, real[2:], {"base-t": EMBEDDED, "shots": path}, batch_tokens=20_000)
    assert items(folder, cells[0]) == items(folder, cells[1])
    assert all(row["prompt_tokens"] > 900 for row in items(folder, cells[0]))


def test_shots_change_answers_and_the_key_names_their_content(run_job: RunJob, shots: Path) -> None:
    plain = replace(GENERATE, prompt=QA)
    folder, _ = run_job([GENERATE, plain], TEST, {"base-t": EMBEDDED, "shots": shots})
    assert [row["raw"] for row in items(folder, GENERATE)] != [row["raw"] for row in items(folder, plain)]
    named = replace(GENERATE, prompt=replace(KSHOT, shots=slice_id(render_slice(SHOTS))))
    reordered = replace(GENERATE, prompt=replace(KSHOT, shots=slice_id(render_slice(SHOTS[::-1]))))
    other = replace(named, prompt=replace(named.prompt, shot=SHOT + "\n"))
    assert len({key_of("generate", cell) for cell in (plain, named, reordered, other)}) == 4
    assert "shots" not in key_parts(plain)["prompt"]


def test_prompts_that_the_model_was_not_made_for_are_counted_and_said(
    run_job: RunJob, shots: Path, tmp_path: Path
) -> None:
    base = tmp_path / "short"
    shutil.copytree(EMBEDDED, base)
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "seq_length": 110}))
    plain = replace(GENERATE, prompt=QA, label="plain")
    cell = replace(GENERATE, label="with shots")
    folder, _ = run_job([cell, plain], TEST, {"base-t": base, "shots": shots})
    lengths = [row["prompt_tokens"] for row in items(folder, cell)]
    over = sum(length > 110 for length in lengths)
    assert 0 < over < len(TEST)
    about = read_json(folder.cells / key_of("cell", cell) / "cell.json")
    assert about["over_long"] == {"prompts": over, "limit": 110, "longest": max(lengths)}
    assert "over_long" not in read_json(folder.cells / key_of("cell", plain) / "cell.json")
    [warning] = events(folder, "warning")
    assert f"{over} of 9 prompts are longer than the 110 tokens" in warning["message"]


def test_shots_that_cannot_be_used_are_refused(run_job: RunJob, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not say where shots lies"):
        run_job([GENERATE], TEST, {"base-t": EMBEDDED}, name="absent")
    path = tmp_path / "bare.jsonl"
    path.write_bytes(render_slice([replace(SHOTS[0], answers=())]))
    with pytest.raises(BadInput, match="'s1' has no answer"):
        run_job([GENERATE], TEST, {"base-t": EMBEDDED, "shots": path}, name="bare")
