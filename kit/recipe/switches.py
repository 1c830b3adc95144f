"""The switches on which the paper's protocol and a sound one differ, and the two groups of their values.

Each switch answers to a trap of `docs/protocol.md`; `docs/switches.md` gives the reason for both values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from kit.jobdir.spec import Dtype, Weights

Fidelity = Literal["paper", "sound"]


def _optional(schema: dict[str, Any]) -> None:
    """In a file every switch may be left out: the group fills it in."""
    schema.pop("required", None)


class Switches(BaseModel):
    """One value for every switch: always complete, however few of them the recipe names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, json_schema_extra=_optional)

    end_token: Literal["masked", "learnt"] = Field(
        description="The end-of-text token in the training loss: `masked` out of it, or `learnt` (trap 1)."
    )
    loss_on: Literal["all", "answer"] = Field(
        description="Training loss over the sequence (`all`) or the `answer` and its end alone (trap 1)."
    )
    start_token: Literal["train-only", "both", "none"] = Field(
        description="Where `<s>` is written in front: `train-only`, in `both` training and evaluation, or "
        "nowhere (`none`) (trap 2)."
    )
    truncation: Literal["right", "context"] = Field(
        description="How training texts over `sequence_limit` are cut: from the `right`, answer and all, or "
        "in the `context`, so that question and answer survive (trap 3)."
    )
    accumulate: Literal["carried", "per-epoch"] = Field(
        description="Gradient accumulation: `carried` across epochs (60 steps for 103 examples) or closed at "
        "the end of each epoch (`per-epoch`: 70) (trap 4)."
    )
    loss_mean: Literal["batch", "tokens"] = Field(
        description="Mean of the loss in an optimizer step: over each `batch`, then over those, or over all "
        "`tokens` of the step (trap 4)."
    )
    weights: Weights = Field(
        description="Data type of the base's weights in training (trap 5); `int8` and `nf4` quantise its layers "
        "on a CUDA GPU."
    )
    autocast: Literal["none", "bfloat16", "float16"] = Field(
        description="Data type of mixed precision in training, or `none` (trap 5)."
    )
    dtype: Dtype = Field(description="Data type of the model in evaluation (traps 5 and 6).")
    mode: Literal["exact", "fast"] = Field(
        description="Evaluation of one prompt at a time with the adapter unmerged (`exact`), or in batches "
        "that share prefixes (`fast`) (trap 6)."
    )
    decoding: Literal["sampled", "greedy"] = Field(
        description="Answers are `sampled` (see `sampling`) or `greedy`: always the likeliest (trap 6)."
    )
    stream: Literal["cell", "item"] = Field(
        description="Random numbers of sampling: one stream a `cell`, in the order of the file, or one an "
        "`item` (trap 6). Greedy decoding draws none."
    )
    stop: Literal["end", "newline"] = Field(
        description="Answers run to the `end` token, or stop where their first line is complete (`newline`) "
        "(traps 8 and 19)."
    )
    shots_from: Literal["train", "test-repeated"] = Field(
        description="Where a prompt's `shots` come from: drawn from the `train` split, or the first item of the test "
        "itself, repeated, the test being shorter by so many (`test-repeated`) (trap 10)."
    )


PAPER = Switches(
    end_token="masked",
    loss_on="all",
    start_token="train-only",
    truncation="right",
    accumulate="carried",
    loss_mean="batch",
    weights="float32",
    autocast="bfloat16",
    dtype="bfloat16",
    mode="exact",
    decoding="sampled",
    stream="cell",
    stop="end",
    shots_from="test-repeated",
)
"""What the authors' scripts did."""

SOUND = Switches(
    end_token="learnt",
    loss_on="all",
    start_token="none",
    truncation="context",
    accumulate="carried",
    loss_mean="tokens",
    weights="float32",
    autocast="none",
    dtype="float32",
    mode="fast",
    decoding="greedy",
    stream="item",
    stop="newline",
    shots_from="train",
)
"""What answers the paper's question with the least room for artefacts."""

GROUPS: Mapping[Fidelity, Switches] = {"paper": PAPER, "sound": SOUND}
assert set(GROUPS) == set(get_args(Fidelity))
