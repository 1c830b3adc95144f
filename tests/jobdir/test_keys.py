"""Keys: golden values, and the rules that keep stored cells valid."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from kit.jobdir import (
    CellSpec,
    GenerateTask,
    Lora,
    PretrainSpec,
    Prompt,
    ScoreTask,
    TrainerSettings,
    TuneSpec,
    canonical,
    key_of,
    key_parts,
)

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
CELL = CellSpec("base-0", "data-0", PROMPT, GenerateTask())
TUNE = TuneSpec("base-0", "data-0", PROMPT)

# These must never change: a changed key throws away every cell that anybody has stored.
GOLDEN = {
    "plain cell": ("generate", CELL, "generate-24be77942fff94b6816f"),
    "score cell": ("score", replace(CELL, task=ScoreTask()), "score-142089427851a896eea2"),
    "paper's cell": (
        "generate",
        replace(
            CELL,
            adapters=("tune-0@60",),
            dtype="bfloat16",
            mode="exact",
            task=GenerateTask(stop="end", temperature=0.1),
        ),
        "generate-611f4d64db67cfdc094e",
    ),
    "paper's tuning": (
        "tune",
        replace(TUNE, lora=Lora(targets=("query_key_value",)), autocast="bfloat16"),
        "tune-beeb64e6eeb1a0791e50",
    ),
    "short tuning": (
        "tune",
        replace(TUNE, trainer=TrainerSettings(epochs=5, accumulation=2), end_token="learnt"),
        "tune-78d5157b1a06d0920264",
    ),
    "pre-training": ("pretrain", PretrainSpec("data-0", {"steps": 10}), "pretrain-58423ec35f8491a6e222"),
}


def test_golden_keys() -> None:
    assert {name: key_of(kind, spec) for name, (kind, spec, _) in GOLDEN.items()} == {
        name: key for name, (_, _, key) in GOLDEN.items()
    }


def test_a_new_field_with_a_default_changes_no_key() -> None:
    @dataclass(frozen=True)
    class Later(CellSpec):
        novelty: str = "as ever"

    later = Later("base-0", "data-0", PROMPT, GenerateTask())
    assert key_of("generate", later) == key_of("generate", CELL)
    assert key_of("generate", replace(later, novelty="new")) != key_of("generate", CELL)


def test_labels_and_saved_steps_do_not_count() -> None:
    assert key_of("generate", replace(CELL, label="any")) == key_of("generate", CELL)
    assert key_of("tune", replace(TUNE, save_steps=(13, 60), label="any")) == key_of("tune", TUNE)


def test_whatever_changes_the_meaning_counts() -> None:
    changed = [
        replace(CELL, base="base-1"),
        replace(CELL, data="data-1"),
        replace(CELL, adapters=("a@1",)),
        replace(CELL, adapters=("a@1", "b@1")),
        replace(CELL, adapters=("b@1", "a@1")),
        replace(CELL, prompt=replace(PROMPT, start_token="none")),
        replace(CELL, task=GenerateTask(stop="end")),
        replace(CELL, task=GenerateTask(limit=8)),
        replace(CELL, task=ScoreTask()),
        replace(CELL, task=ScoreTask(continuations="context")),
        replace(CELL, task=ScoreTask(continuations="context", counterfactuals=3)),
        replace(CELL, task=ScoreTask(continuations="permuted", context="withheld")),
        replace(CELL, task=ScoreTask(continuations="permuted", context="swapped")),
        replace(CELL, dtype="bfloat16"),
        replace(CELL, mode="exact"),
        replace(CELL, seed=1),
        replace(CELL, replicate=1),
        replace(CELL, version=2),
        replace(CELL, interventions=("window:0-5",)),
    ]
    keys = [key_of("cell", spec) for spec in (CELL, *changed)]
    assert len(set(keys)) == len(keys)


def test_the_parts_name_only_what_differs_from_the_defaults() -> None:
    assert key_parts(replace(CELL, mode="exact")) == {
        "base": "base-0",
        "data": "data-0",
        "prompt": {"template": PROMPT.template},
        "task": {"kind": "generate"},
        "mode": "exact",
    }


@given(
    st.dictionaries(
        st.text(max_size=5), st.one_of(st.integers(), st.text(max_size=5), st.booleans()), max_size=6
    )
)
def test_the_order_of_a_mapping_does_not_count(mapping: dict[str, object]) -> None:
    assert canonical(mapping) == canonical(dict(reversed(list(mapping.items()))))
