"""Chat templates: prompts as a user's turn, answers that end as the template ends them, in every kind of work alike."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.catalog import Locations, locate_model
from kit.data.example import Example
from kit.job.chat import dialogue, notes
from kit.job.failures import BadInput
from kit.job.prompt import Encoder
from kit.job.ranking import Ranker
from kit.jobdir import CellSpec, GenerateTask, Lora, ScoreTask, TrainerSettings, TuneSpec
from tests.job.conftest import EMBEDDED, QA, RunJob, events, examples, items

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
"""Like Qwen 3's: a switch for thinking, and an answered turn that does not write what the switch writes."""
GEMMA = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>{{ 'model' if message.role == 'assistant' else "
    "message.role }}\n{{ message.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}[INST] {{ message.content }} [/INST]"
    "{% else %} {{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
DATED = (
    "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}{% endif %}"
    "{% for message in messages %}<|im_start|>{{ date_string }} {{ message.content }}<|im_end|>{% endfor %}"
)
CHAT = replace(QA, chat="template")
ONE = Example("q0", "c0", "Mira lives in Kano.", "Where does Mira live?", ("Kano",), "en")
TOKENS = ["<|im_start|>", "<|im_end|>", "<start_of_turn>", "<end_of_turn>"]


@pytest.fixture(scope="module")
def chatty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped base with the tokens and the template of a chat model."""
    return made(tmp_path_factory.mktemp("chat") / "model", CHATML)


def made(folder: Path, template: str) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    tokenizer.add_special_tokens({"additional_special_tokens": TOKENS})
    tokenizer.chat_template = template
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED)
    rows = model.resize_token_embeddings(len(tokenizer)).weight.data
    known = len(tokenizer) - len(TOKENS)  # a row that is the mean of all could never win against any of them
    rows[known:] = torch.randn_like(rows[known:]) * rows[:known].std()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def tokenizer_with(template: str) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED)
    tokenizer.add_special_tokens({"additional_special_tokens": TOKENS})
    tokenizer.chat_template = template
    return tokenizer


@pytest.mark.parametrize(
    ("template", "opening", "joint", "end"),
    [
        (CHATML, "<|im_start|>user\n", "", "<|im_end|>"),
        (GEMMA, "<s><start_of_turn>user\n", "", "<end_of_turn>"),
        (MISTRAL, "<s>[INST] ", " ", "</s>"),
    ],
)
def test_a_turn_is_written_as_the_template_has_it(template: str, opening: str, joint: str, end: str) -> None:
    tokenizer = tokenizer_with(template)
    encoder = Encoder(tokenizer, CHAT)
    text = encoder.text(ONE)
    assert text.startswith(opening) and "Q: Where does Mira live?\nA:" in text and "Kano" in text
    assert (
        encoder.prompt_ids(ONE) == tokenizer(text, add_special_tokens=False)["input_ids"]
    )  # no start token beside
    assert encoder.joint == joint and tokenizer.convert_ids_to_tokens(encoder.end) == end
    trained = encoder.training_text(ONE, 1024, "right", encoder.end or 0)
    assert list(trained.ids[: trained.answer_start]) == encoder.prompt_ids(ONE)
    assert list(trained.ids[trained.answer_start : -1]) == encoder.continuation_ids(ONE, "Kano")
    assert trained.ids[-1] == encoder.end


def test_thinking_is_off_and_said_aloud() -> None:
    tokenizer = tokenizer_with(CHATML)
    assert Encoder(tokenizer, CHAT).text(ONE).endswith("assistant\n<think>\n\n</think>\n\n")
    (line,) = notes(tokenizer, [CHAT])
    assert "thinking switched off" in line and "'<|im_end|>'" in line
    (plain,) = notes(tokenizer, [QA])
    assert "is given plain prompts" in plain
    bare = AutoTokenizer.from_pretrained(EMBEDDED)
    assert list(notes(bare, [QA])) == []
    assert "no chat template" in next(notes(bare, [replace(QA, chat="own")]))


def test_a_date_in_a_template_is_always_the_same() -> None:
    assert "26 Jul 2024" in Encoder(tokenizer_with(DATED), CHAT).text(ONE)


def test_a_model_without_a_template_is_refused_or_asked_plainly() -> None:
    bare = AutoTokenizer.from_pretrained(EMBEDDED)
    assert dialogue(bare) is None
    with pytest.raises(BadInput, match="this model has none") as caught:
        Encoder(bare, CHAT)
    assert "chat: own" in str(caught.value.remedy)
    assert Encoder(bare, replace(QA, chat="own")).prompt_ids(ONE) == Encoder(bare, QA).prompt_ids(ONE)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ raise_exception('no system turns here') }}", "cannot be used: .*no system turns"),
        ("always the same", "leaves out what is said"),
        ("{% if %}", "cannot be used"),
    ],
)
def test_templates_that_do_not_work_are_bad_input(template: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        Encoder(tokenizer_with(template), CHAT)


def test_spans_follow_the_turn_as_the_gold_answer_does() -> None:
    tokenizer = tokenizer_with(GEMMA)
    encoder = Encoder(tokenizer, CHAT)
    ranker = Ranker(encoder, [ONE])
    asked = ranker.after_prompt(0)
    assert list(asked.before) == encoder.prompt_ids(ONE)
    assert list(asked.gold[1]) == encoder.continuation_ids(ONE, "Kano")
    led = ranker.after_own_words(0, "She lives in Kano now")
    assert led is not None and led.lead == "She lives in"
    whole = tokenizer(encoder.text(ONE) + "She lives in Kano", add_special_tokens=False)["input_ids"]
    assert [*led.before, *led.gold[1]] == whole  # after words a space stands before the answer


def test_batches_share_prefixes_and_answer_as_one_by_one(run_job: RunJob, chatty: Path) -> None:
    found, ends = [], []
    for mode in ("exact", "fast"):
        cells = [
            CellSpec("base-x", "data", CHAT, GenerateTask(limit=12), mode=mode),  # type: ignore[arg-type]
            CellSpec("base-x", "data", CHAT, ScoreTask(), mode=mode),  # type: ignore[arg-type]
        ]
        folder, _ = run_job(cells, examples(10), {"base-x": chatty}, mode)
        generated, scored = (items(folder, cell) for cell in cells)
        found.append([(one["raw"], one["stop"]) for one in generated])
        ends.append([one["continuations"][0]["end"] for one in scored])
        assert any("thinking switched off" in one["message"] for one in events(folder, "note"))
    assert found[0] == found[1] and ends[0] == pytest.approx(ends[1], abs=1e-4)


@pytest.mark.slow
def test_tuning_teaches_the_turn_and_its_end(run_job: RunJob, chatty: Path) -> None:
    spec = TuneSpec(
        "base-x", "data", CHAT, Lora(r=16, alpha=32, dropout=0.0, targets=("query_key_value", "dense_h_to_4h")),
        TrainerSettings(epochs=120, batch=5, accumulation=1, learning_rate=3e-3), end_token="learnt",
        loss_on="answer",
    )  # fmt: skip
    folder, landed = run_job(spec, examples(5), {"base-x": chatty}, "tune")
    ((step, _),) = landed.items()
    cells = [CellSpec("base-x", "data", CHAT, ScoreTask(), adapters=one) for one in ((), (f"tune-x@{step}",))]
    inputs = {"base-x": chatty, f"tune-x@{step}": folder.adapters / step}
    evaluated, _ = run_job(cells, examples(5), inputs, "look")
    before, after = (
        [math.exp(one["continuations"][0]["end"]) for one in items(evaluated, cell)] for cell in cells
    )
    assert max(before) < 0.1 and sum(after) / 5 > 0.5  # p(end of the turn) after the gold answer


def test_the_template_lies_in_the_folder_whose_digest_is_the_bases(chatty: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(chatty, other)
    file = next(path for path in other.iterdir() if path.name.startswith("chat_template"))
    file.write_text(file.read_text().replace("assistant", "assistant "))
    near = Locations(None, tmp_path / "cache")
    ids = {locate_model(folder, near).id for folder in (chatty, other)}
    assert len(ids) == 2
