"""What a model prefers of the test itself to counterfactuals, against scoring each text alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kit.data.example import Example
from kit.job.contrast import contrasts
from kit.job.counterfactual import Counterfactuals
from kit.job.prompt import Encoder
from kit.jobdir import CellSpec, ScoreTask
from tests.job.conftest import EMBEDDED, QA, RunJob, items
from tests.job.test_counterfactual import SLICE

CONTEXT = CellSpec("base-t", "data", QA, ScoreTask(continuations="context", counterfactuals=3))
CLOSED = replace(CONTEXT, task=ScoreTask(continuations="permuted", context="withheld", counterfactuals=3))
SWAPPED = replace(CONTEXT, task=ScoreTask(continuations="permuted", context="swapped", counterfactuals=3))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(AutoTokenizer.from_pretrained(EMBEDDED), QA)


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    return AutoModelForCausalLM.from_pretrained(EMBEDDED, dtype=torch.float32).eval()


def alone(model: torch.nn.Module, encoder: Encoder, before: str, text: str) -> float:
    """Log-likelihood of a text after another, in nats; of the first token of all there is none."""
    head, whole = encoder.ids(before), encoder.ids(before + text)
    with torch.inference_mode():
        logs = model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(logs[at - 1, whole[at]]) for at in range(max(len(head), 1), len(whole)))


@pytest.mark.parametrize("mode", ["fast", "exact"])
def test_a_context_is_contrasted_as_each_text_alone(
    run_job: RunJob, encoder: Encoder, model: torch.nn.Module, mode: str
) -> None:
    cell = replace(CONTEXT, mode=mode)  # type: ignore[arg-type]
    folder, _ = run_job([cell], SLICE, {"base-t": EMBEDDED})
    rows = items(folder, cell)
    for places, swaps, others in Counterfactuals(SLICE).contexts(3):
        truth = alone(model, encoder, "", SLICE[places[0]].context)
        for at in places:
            found = rows[at]["contrast"]
            if not others:
                assert found is None
                continue
            assert found["swaps"] == swaps
            expected = [truth - alone(model, encoder, "", other) for other in others]
            assert [found["own"] - one for one in found["others"]] == pytest.approx(expected, abs=1e-3)
    assert rows[5]["contrast"] is None, "its only answer stands at the very beginning"
    assert all(row["continuations"] == [] for row in rows), "no text of the data set is stored"


@pytest.mark.parametrize("cell", [CLOSED, SWAPPED])
def test_answers_are_contrasted_with_those_of_others(
    run_job: RunJob, encoder: Encoder, model: torch.nn.Module, cell: CellSpec
) -> None:
    folder, _ = run_job([cell], SLICE, {"base-t": EMBEDDED})
    counter = Counterfactuals(SLICE)
    assert isinstance(cell.task, ScoreTask)
    for at, (row, example) in enumerate(zip(items(folder, cell), SLICE, strict=True)):
        context = counter.other_context(at) if cell.task.context == "swapped" else ""
        assert context is not None
        before = f"{context}\n\nQ: {example.question}\nA:".lstrip()
        texts = [example.answers[0], *counter.foils(at, context, 3)]
        expected = [alone(model, encoder, before, f" {text}") for text in texts]
        found = row["contrast"]
        if len(texts) == 1:
            assert found is None
            continue
        assert [found["own"], *found["others"]] == pytest.approx(expected, abs=1e-3)
        assert not any(answer in context for answer in example.answers)


def test_what_differs_in_the_very_first_token_is_not_measured(encoder: Encoder) -> None:
    slice_ = [
        Example("q0", "c0", "日本は東京。", "何?", ("本",), "ja"),
        Example("q1", "c1", "Kanoへ。", "国?", ("へ",), "ja"),
    ]
    word = Encoder(_OneToken(), replace(QA, start_token="none"))
    assert list(contrasts(word, slice_, ScoreTask(continuations="context"))) == []
    assert [one.items for one in contrasts(encoder, slice_, ScoreTask(continuations="context"))] == [
        (0,),
        (1,),
    ]


class _OneToken:
    """A tokenizer to which every text is one token."""

    bos_token_id = None

    def __call__(self, text: str, **_: object) -> dict[str, list[int]]:
        return {"input_ids": [sum(map(ord, text))]}
