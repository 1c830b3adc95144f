"""A random BLOOM with a tokenizer of its own, the shipped base, real text, and jobs run in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BloomConfig,
    BloomForCausalLM,
    PreTrainedTokenizerFast,
)

import kit
from kit.data.example import Example, render_slice
from kit.job.pretrain import BOS, EOS, PAD, UNK, train_tokenizer
from kit.job.work import work
from kit.jobdir import CellSpec, EvaluateSpec, JobFolder, JobSpec, Prompt, TuneSpec, key_of

with suppress(RuntimeError):  # it can be set once a process, before anything runs
    torch.set_num_interop_threads(1)
torch.set_num_threads(1)

QA = Prompt("{context}\n\nQ: {question}\nA:", joint=" ", start_token="none")
EMBEDDED = Path(kit.__file__).parent / "catalog" / "embedded" / "tiny-bloom"
XQUAD_IN = "github/Sachi-27/Multilingual-NLP/73022a94dcd093935e093fe67e61ae18ab6679d7/datasets/xquad_in"

_FACTS = [
    ("Mira lives in Kano.", "Where does Mira live?", "Kano"),
    ("Jon lives in Lima, near the sea.", "Where does Jon live?", "Lima, near the sea"),
    ("मीरा काठमांडू में रहती है।", "मीरा कहाँ रहती है?", "काठमांडू"),
    ("ମୀରା କଟକରେ ରହନ୍ତି।", "ମୀରା କେଉଁଠି ରହନ୍ତି?", "କଟକ"),
    ("Мира живёт в Омске.", "Где живёт Мира?", "Омск"),
]


def examples(count: int) -> list[Example]:
    """Small questions in four scripts, of unlike length."""
    made = []
    for number in range(count):
        context, question, answer = _FACTS[number % len(_FACTS)]
        text = context * (1 + number % 3)
        made.append(Example(f"q{number}", f"c{number % 7}", text, question, (answer,), "xx"))
    return made


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BLOOM of two layers with random weights, whose tokenizer knows our few sentences."""
    folder = tmp_path_factory.mktemp("random-bloom")
    texts = [f"{context}\n\nQ: {question}\nA: {answer}\n" for context, question, answer in _FACTS]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=train_tokenizer(texts, 400),
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
    )
    torch.manual_seed(1)
    config = BloomConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.3,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        unk_token_id=UNK,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    BloomForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny() -> tuple[Any, Any]:
    """The shipped base and its tokenizer, loaded plainly, in float32."""
    model = AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32, attn_implementation="eager")
    return model.eval(), AutoTokenizer.from_pretrained(EMBEDDED)


def xquad_in(mirror: Path, language: str, count: int, longest: int = 700) -> list[Example]:
    """The first real test items of a language whose context is not too long for a test."""
    rows = json.loads((mirror / XQUAD_IN / language / f"xquad_{language}_test.json").read_bytes())["examples"]
    short = [row for row in rows if len(row["context"]) <= longest][:count]
    return [
        Example(r["id"], r["title"], r["context"], r["question"], (r["answers"][0]["text"],), language)
        for r in short
    ]


RunJob = Callable[..., tuple[JobFolder, dict[str, str]]]


@pytest.fixture
def run_job(tmp_path: Path) -> RunJob:
    """Writes slices and a job folder, does the work in this process, returns the folder and what landed."""

    def run(
        spec: TuneSpec | list[CellSpec],
        data: list[Example],
        inputs: dict[str, Path],
        name: str = "job",
        **job: Any,
    ) -> tuple[JobFolder, dict[str, str]]:
        slice_file = tmp_path / "slice.jsonl"
        slice_file.write_bytes(render_slice(data))
        if isinstance(spec, TuneSpec):
            body, keys = spec, (key_of("tune", spec),)
        else:
            body, keys = EvaluateSpec(spec[0].base, tuple(spec)), tuple(key_of("cell", cell) for cell in spec)
        places = {"data": str(slice_file), **{key: str(path) for key, path in inputs.items()}}
        folder = JobFolder(tmp_path / name)
        folder.write_spec(JobSpec(name, body, keys, places, **job))
        folder.scratch.mkdir()
        landed: dict[str, str] = {}
        work(folder.spec(), folder, {}, landed)
        return folder, landed

    return run


def items(folder: JobFolder, cell: CellSpec) -> list[dict[str, Any]]:
    """The rows of a finished cell."""
    lines = (folder.cells / key_of("cell", cell) / "items.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def events(folder: JobFolder, kind: str) -> list[dict[str, Any]]:
    """The data of all events of one kind."""
    return [event.data for event in folder.read_events()[0] if event.kind == kind]
