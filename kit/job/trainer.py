"""transformers' Trainer, held to the protocol: our batches in our order, our mean of the loss, our events.

The Trainer does what it is good at (autocast, clipping, schedule, optimizer, scaling of gradients);
everything that its versions have changed between the paper and today is said here explicitly.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from kit.job.failures import BadInput
from kit.job.loss import IGNORED, nats, split
from kit.job.prompt import TrainingText
from kit.job.stream import Step
from kit.jobdir import TrainerSettings, TuneSpec


@dataclass(frozen=True)
class Row:
    """One example as the model is tuned on it: ids, and labels as long (`IGNORED` is out of the loss)."""

    text: TrainingText
    labels: tuple[int, ...]


@dataclass(frozen=True)
class StepReport:
    """What one optimizer step did: its mean loss and rate, and the examples of its micro-batches, by id."""

    step: int
    loss: float
    learning_rate: float
    grad_norm: float
    tokens: int
    seconds: float
    batches: tuple[tuple[str, ...], ...]


class Collator:
    """Rows to tensors, padded on the right; remembers what was taken since it was last asked."""

    def __init__(self, pad: int) -> None:
        self._pad = pad
        self._taken: list[tuple[str, ...]] = []
        self._tokens = 0

    def __call__(self, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
        """`input_ids`, `attention_mask` and `labels`, each of shape (rows, longest)."""
        self._taken.append(tuple(row.text.id for row in rows))
        self._tokens += sum(len(row.labels) for row in rows)
        longest = max(len(row.labels) for row in rows)
        gaps = [longest - len(row.labels) for row in rows]
        pairs = list(zip(rows, gaps, strict=True))
        return {
            "input_ids": torch.tensor([[*row.text.ids, *[self._pad] * gap] for row, gap in pairs]),
            "attention_mask": torch.tensor([[1] * len(row.labels) + [0] * gap for row, gap in pairs]),
            "labels": torch.tensor([[*row.labels, *[IGNORED] * gap] for row, gap in pairs]),
        }

    def take(self) -> tuple[tuple[tuple[str, ...], ...], int]:
        """The examples' ids of each micro-batch since the last call, and their tokens without padding."""
        taken, tokens = tuple(self._taken), self._tokens
        self._taken, self._tokens = [], 0
        return taken, tokens


class StepTrainer(Trainer):
    """Runs planned optimizer steps over rows.

    The Trainer's own epochs are a means here: where accumulation is carried over, the whole tuning is one of
    them; else one of them is one epoch, whose last step may hold fewer micro-batches.
    """

    def __init__(
        self,
        model: Any,
        arguments: TrainingArguments,
        rows: Sequence[Row],
        steps: Sequence[Step],
        collator: Collator,
        mean: Literal["batch", "tokens"],
    ) -> None:
        self._steps = steps
        self._mean = mean
        self._split = split(model)
        super().__init__(
            model=model,
            args=arguments,
            data_collator=collator,
            train_dataset=list(rows),
            compute_loss_func=self._loss,
        )
        self.remove_callback(PrinterCallback)

    def get_train_dataloader(self) -> DataLoader:
        """The planned batches, in this process. accelerate's loader would fetch one batch ahead."""
        planned = _Planned(self._steps, self.args.gradient_accumulation_steps)
        return DataLoader(self.train_dataset, batch_sampler=planned, collate_fn=self.data_collator)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Where the model can be split below its head, the Trainer's way without all logits at once."""
        if self._split is None or return_outputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = inputs.pop("labels")
        with self.accelerator.autocast():
            hidden = self._split.body(**inputs)[0]
            losses = nats(self._split.head, hidden[:, :-1], labels[:, 1:])
        return self._share(losses, labels, num_items_in_batch)

    def _loss(self, outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(
            outputs.logits[:, :-1].float().flatten(0, 1),
            labels[:, 1:].flatten().to(outputs.logits.device),
            ignore_index=IGNORED,
            reduction="sum",
        )
        return self._share(losses, labels, num_items_in_batch)

    def _share(self, losses: torch.Tensor, labels: torch.Tensor, tokens: Any) -> torch.Tensor:
        """A micro-batch's share in its step's loss, in nats; `losses` is its sum, `tokens` are the step's.

        `batch`: its mean over tokens, divided by the number of micro-batches. `tokens`: its sum over tokens,
        divided by the tokens of the whole step. Labels are shifted here, so position 0 is never a target.
        """
        if self._mean == "tokens":
            return losses / torch.as_tensor(tokens, device=losses.device).clamp(min=1)
        return (
            losses / labels[:, 1:].ne(IGNORED).sum().clamp(min=1) / self.current_gradient_accumulation_steps
        )


class StepCallback(TrainerCallback):
    """Hands each finished step on: its report, and then the model that it led to.

    Raises:
        BadInput: the loss is no longer a number.
    """

    def __init__(
        self, collator: Collator, on_step: Callable[[StepReport], None], on_model: Callable[[int, Any], None]
    ) -> None:
        self._collator = collator
        self._on_step = on_step
        self._on_model = on_model
        self._since = time.monotonic()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._since = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any) -> None:
        """The Trainer logs every step; its closing summary has no rate and is no step."""
        if "learning_rate" not in logs:
            return
        if not math.isfinite(logs["loss"]):
            raise BadInput(
                f"The loss is no longer a number at step {state.global_step}.", "Lower the learning rate."
            )
        now = time.monotonic()
        batches, tokens = self._collator.take()
        self._on_step(
            StepReport(
                step=state.global_step,
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                grad_norm=logs["grad_norm"],
                tokens=tokens,
                seconds=now - self._since,
                batches=batches,
            )
        )
        self._on_model(state.global_step, kwargs["model"])
        self._since = time.monotonic()


def training_arguments(spec: TuneSpec, steps: int, device: str, scratch: Path) -> TrainingArguments:
    """The Trainer's arguments for a tuning of `steps` optimizer steps; nothing that matters is a default.

    Raises:
        BadInput: a paged optimizer without CUDA or bitsandbytes, or float16 autocast without CUDA.
    """
    settings = spec.trainer
    if settings.optimizer == "paged-adamw" and (device == "cpu" or find_spec("bitsandbytes") is None):
        remedy = "Use optimizer adamw: it does the same steps in more memory."
        raise BadInput("The paged optimizer needs CUDA and the package bitsandbytes.", remedy)
    if device == "cpu" and spec.autocast == "float16":
        raise BadInput("Autocast to float16 needs CUDA.", "Use autocast none or bfloat16.")
    return TrainingArguments(
        output_dir=str(scratch),
        max_steps=steps,
        per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulation,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=_schedule(settings),
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        optim=_optimizer(settings, device),
        bf16=spec.autocast == "bfloat16",
        fp16=spec.autocast == "float16",
        **_checkpointing(settings),
        seed=spec.seed,
        use_cpu=device == "cpu",
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="steps",
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


class _Planned:
    """A batch sampler of planned steps; each pass yields the batches of the Trainer's next epoch.

    Steps of full accumulation are all one such epoch, whatever epochs of the data they span. Smaller ones can
    only close an epoch of the data, so with them an epoch here is one there.
    """

    def __init__(self, steps: Sequence[Step], accumulation: int) -> None:
        batches = [batch for step in steps for batch in step.batches]
        if all(len(step.batches) == accumulation for step in steps):
            parts = [batches]
        else:
            parts = [list(part) for _, part in groupby(batches, key=lambda batch: batch.epoch)]
        self._parts = parts
        self._next = iter(parts)

    def __len__(self) -> int:
        return len(self._parts[0])

    def __iter__(self) -> Iterator[list[int]]:
        return (list(batch.examples) for batch in next(self._next, []))


def _checkpointing(settings: TrainerSettings) -> dict[str, Any]:
    """Reentrant checkpointing would need gradients at the frozen embeddings, so the other kind is used."""
    if not settings.gradient_checkpointing:
        return {}
    return {"gradient_checkpointing": True, "gradient_checkpointing_kwargs": {"use_reentrant": False}}


def _optimizer(settings: TrainerSettings, device: str) -> str:
    """The fused kernel rounds otherwise. On a GPU it saves hundreds of launches a step; on a CPU adapters are so small
    that it saves no time that could be measured, and digests of stored adapters would change for nothing.
    """
    if settings.optimizer == "paged-adamw":
        return "paged_adamw_32bit"
    return "adamw_torch_fused" if device == "cuda" else "adamw_torch"


def _schedule(settings: TrainerSettings) -> str:
    if settings.schedule == "constant" and settings.warmup_steps:
        return "constant_with_warmup"
    return settings.schedule
