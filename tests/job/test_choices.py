"""Choices by likelihood: equal to a naive loop, to lm-evaluation-harness, and to themselves in any batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.data.example import LETTERS, Example
from kit.data.read import read
from kit.job.failures import BadInput
from kit.job.prompt import Encoder, offered, render
from kit.jobdir import CellSpec, Prompt, ScoreTask, key_of
from kit.results.choices import choice_columns, picks
from kit.results.items import read_scored
from tests.job.conftest import EMBEDDED, QA, RunJob, items
from tests.made_up import belebele_lines

LISTING = Prompt("P: {context}\nQ: {question}\n{choices}\nAnswer:", start_token="none")
CELL = CellSpec("base-t", "data", QA, ScoreTask(continuations="choices"))
LETTER = replace(CELL, prompt=LISTING)
WAYS = [CELL, LETTER]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> list[Example]:
    """Questions of three scripts in Belebele's form, three a passage; the last one has two choices of one text."""
    folder, found = tmp_path_factory.mktemp("choices"), []
    for language in ("en", "or", "ru"):
        path = folder / language
        path.write_text(belebele_lines(language, 6), encoding="utf-8")
        found += [replace(e, id=f"{language}{e.id}") for e in read(path, "belebele", language)]
    last = found[-1]
    assert last.right is not None
    twice = tuple(
        last.choices[last.right] if at == (last.right + 1) % 4 else c for at, c in enumerate(last.choices)
    )
    return [*found[:-1], replace(last, choices=twice)]


def naive(model: Any, encoder: Encoder, example: Example, text: str) -> float:
    """One text after one prompt, alone and token by token, each from a pass over all that stands before it."""
    before, total = encoder.prompt_ids(example), 0.0
    for token in encoder.continuation_ids(example, text):
        with torch.inference_mode():
            logits = model(torch.tensor([before])).logits[0, -1].double()
        total += float(logits.log_softmax(-1)[token])
        before.append(token)
    return total


@pytest.mark.parametrize("folder", ["random", "embedded"])
@pytest.mark.parametrize("cell", WAYS, ids=["texts", "letters"])
def test_likelihoods_are_those_of_a_naive_loop_in_any_batch(
    cell: CellSpec, folder: str, random_model: Path, asked: list[Example], run_job: RunJob
) -> None:
    place = random_model if folder == "random" else EMBEDDED
    some = [*asked[:4], *asked[6:9], asked[-1]]
    exact = replace(cell, mode="exact")
    together, _ = run_job([cell, exact], some, {"base-t": place})
    apart, _ = run_job([cell], some, {"base-t": place}, name="narrow", batch_tokens=1)
    model = AutoModelForCausalLM.from_pretrained(
        place, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    encoder = Encoder(AutoTokenizer.from_pretrained(place), cell.prompt)
    found = [items(together, cell), items(together, exact), items(apart, cell)]
    for at, example in enumerate(some):
        texts = list(LETTERS[:4]) if cell is LETTER else list(example.choices)
        expected = [naive(model, encoder, example, text) for text in texts]
        for rows in found:
            row = rows[at]
            assert (row["id"], row["context_id"], row["right"]) == (
                example.id,
                example.context_id,
                example.right,
            )
            assert [one["text"] for one in row["continuations"]] == texts
            assert [sum(one["tokens"]) for one in row["continuations"]] == pytest.approx(expected, abs=2e-4)


def test_choices_of_one_text_tie_and_share_the_first_rank(asked: list[Example], run_job: RunJob) -> None:
    folder, _ = run_job([CELL], asked[-1:], {"base-t": EMBEDDED})
    (row,) = items(folder, CELL)
    right = asked[-1].right
    assert right is not None
    one, other = row["continuations"][right], row["continuations"][(right + 1) % 4]
    assert one == other
    columns = choice_columns(read_scored(folder.cells / key_of("cell", CELL), 1, choices=True))
    assert columns["acc"][0] in (0.0, 0.5) and columns["choice_ties"][0] == (columns["acc"][0] > 0)


def test_prompts_that_list_choices() -> None:
    example = Example("q", "c", "{choices}", "Which {context}?", ("b",), "en", ("{question}", "b"), 1)
    assert render(LISTING, example) == "P: {choices}\nQ: Which {context}?\nA: {question}\nB: b\nAnswer:"
    assert offered(LISTING, example) == ("A", "B") and offered(QA, example) == example.choices
    bare = replace(example, choices=(), right=None)
    for prompt in (QA, LISTING):
        with pytest.raises(BadInput, match="'q' has no choices"):
            offered(prompt, bare)
    with pytest.raises(BadInput, match="'q' has no choices"):
        render(LISTING, bare)


HARNESS_TASK = """\
task: made_up
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: multiple_choice
doc_to_target: "{{{{['1', '2', '3', '4'].index(correct_answer_num)}}}}"
metric_list: [{{metric: acc}}, {{metric: acc_norm}}, {{metric: acc_bytes}}]
doc_to_text: {text}
doc_to_choice: {choices}
"""
TEXTS = (
    '"{{flores_passage}}\\n\\nQ: {{question}}\\nA:"',
    '"{{[mc_answer1, mc_answer2, mc_answer3, mc_answer4]}}"',
)
LETTERED = (
    '"P: {{flores_passage}}\\nQ: {{question.strip()}}\\nA: {{mc_answer1}}\\nB: {{mc_answer2}}\\nC: {{mc_answer3}}\\n'
    'D: {{mc_answer4}}\\nAnswer:"',
    '["A", "B", "C", "D"]',
)
"""As in the harness' own task (lm_eval/tasks/belebele/_default_template_yaml, 0.4.13)."""


@pytest.mark.parametrize(("cell", "words"), [(CELL, TEXTS), (LETTER, LETTERED)], ids=["texts", "letters"])
def test_likelihoods_and_accuracies_are_those_of_the_harness(
    cell: CellSpec,
    words: tuple[str, str],
    random_model: Path,
    run_job: RunJob,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not here (the extra `bench`)")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "made_up.jsonl"
    path.write_text(
        belebele_lines("en", 12) + belebele_lines("hi", 12).replace("tiny-", "hi-"), encoding="utf-8"
    )
    folder, _ = run_job([cell], read(path, "belebele", "en"), {"base-t": random_model})
    ours = read_scored(folder.cells / key_of("cell", cell), 24, choices=True)
    theirs, metrics = harness(random_model, HARNESS_TASK.format(path=path, text=words[0], choices=words[1]))
    for item, expected in zip(ours, theirs, strict=True):
        assert [sum(c.tokens) for c in item.continuations] == pytest.approx(expected, abs=2e-4)
    columns = choice_columns(ours)
    assert not columns["choice_ties"].any()
    for name in ("acc", "acc_norm", "acc_bytes"):
        assert np.mean(columns[name]) == pytest.approx(metrics[name]), name
    assert {round(float(np.mean(columns[n])), 6) for n in ("acc", "acc_norm")} - {0.0, 1.0}, (
        "something to tell apart"
    )
    assert picks(ours) == [int(np.argmax(each)) for each in theirs]


def harness(place: Path, task: str) -> tuple[list[list[float]], dict[str, float]]:
    """Log-likelihoods of each question's choices, and mean metrics, by the harness' own task and model."""
    import yaml
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM

    made = ConfigurableTask(config=yaml.safe_load(task))
    made.build_all_requests(rank=0, world_size=1)
    runner = HFLM(
        pretrained=AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32).eval(),
        tokenizer=AutoTokenizer.from_pretrained(place),
        batch_size=5,
        device="cpu",
    )
    found = runner.loglikelihood(made.instances, disable_tqdm=True)
    answers = [found[at : at + 4] for at in range(0, len(found), 4)]
    documents = [one.doc for one in made.instances[::4]]
    assert all(one.idx == at % 4 for at, one in enumerate(made.instances))
    scores = [made.process_results(doc, answer) for doc, answer in zip(documents, answers, strict=True)]
    likelihoods = [[float(one) for one, _ in answer] for answer in answers]
    return likelihoods, {name: float(np.mean([score[name] for score in scores])) for name in scores[0]}
