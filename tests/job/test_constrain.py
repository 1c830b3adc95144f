"""Constraints on scripts: what is decoded under them, whatever the batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kit.job.classes import classes_of
from kit.job.constrain import Constraint
from kit.job.failures import BadInput
from kit.job.prompt import Encoder
from kit.jobdir import CellSpec, GenerateTask, ScoreTask, key_of
from kit.score.script import scripts
from tests.job.conftest import EMBEDDED, QA, RunJob, examples, items

CELL = CellSpec("base-t", "data", QA, GenerateTask(limit=10))


def test_what_is_allowed_is_what_one_sees_in_the_token(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    classes = classes_of("script", tokenizer, model.config.vocab_size + 2)
    prompt = tokenizer("ମୀରା", add_special_tokens=False)["input_ids"]
    only = Constraint("scripts=Deva+Cyrl", classes).allowed([[], prompt], "cpu")
    ban = Constraint("ban=Cyrl", classes).allowed([[]], "cpu")
    assert only.shape == (2, model.config.vocab_size + 2) and not only[:, -2:].any()
    for token in range(len(tokenizer)):
        found = set(scripts(tokenizer.decode([token]))) if token not in tokenizer.all_special_ids else set()
        broken = "\ufffd" in tokenizer.decode([token])
        if not broken:
            assert bool(only[0, token]) == (found <= {"Deva", "Cyrl"})
            assert bool(ban[0, token]) == ("Cyrl" not in found)
        assert bool(only[1, token]) == (bool(only[0, token]) or token in prompt)
    assert only[0, tokenizer.eos_token_id] and only[0, tokenizer("\n")["input_ids"][-1]]


@pytest.mark.parametrize("constraint", ["scripts=Cyrl", "ban=Latn+Deva+Orya"])
def test_answers_keep_to_it_in_every_batch(run_job: RunJob, tiny: tuple[Any, Any], constraint: str) -> None:
    """Fast and exact say the same; without the constraint something else; and no letter of another script is said but
    what stands in the prompt (`scripts`).
    """
    data = examples(11)
    cells = [replace(CELL, mode=mode, interventions=(constraint,)) for mode in ("fast", "exact")]
    folder, _ = run_job([*cells, CELL], data, {"base-t": EMBEDDED}, batch_tokens=400)
    fast, exact, free = (items(folder, cell) for cell in (*cells, CELL))
    assert fast == exact != free
    _, tokenizer = tiny
    encoder = Encoder(tokenizer, QA)
    for row, example in zip(fast, data, strict=True):
        said = set(scripts(row["raw"].replace("\ufffd", "")))
        if constraint.startswith("ban"):
            assert not said & {"Latn", "Deva", "Orya"}
        else:
            ids = set(encoder.prompt_ids(example))
            assert said - {"Cyrl"} <= set(scripts("".join(tokenizer.decode([token]) for token in ids)))


def test_an_answer_that_keeps_to_it_anyway_is_the_same(run_job: RunJob) -> None:
    free, bound = CELL, replace(CELL, interventions=("ban=Grek",))
    folder, _ = run_job([free, bound], examples(6), {"base-t": EMBEDDED})
    assert items(folder, free) == items(folder, bound)
    assert key_of("generate", free) != key_of("generate", bound)


def test_what_cannot_be_done_is_refused(run_job: RunJob, tiny: tuple[Any, Any]) -> None:
    for cell in (
        replace(CELL, interventions=("ban=Grek", "ban=Latn")),
        replace(CELL, task=ScoreTask(), interventions=("ban=Grek",)),
    ):
        with pytest.raises(BadInput, match="asks for interventions"):
            run_job([cell], examples(1), {"base-t": EMBEDDED}, name=str(len(cell.interventions)))
    model, tokenizer = tiny
    with pytest.raises(BadInput, match="no intervention 'window=3'"):
        Constraint("window=3", classes_of("script", tokenizer, model.config.vocab_size))
