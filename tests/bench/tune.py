"""Tuning against TRL's SFTTrainer: seconds a step and memory, each side in processes of its own, in turns.

Both get the same random BLOOM, the same LoRA at the same start, the same token ids in the same batches and the same
settings; that batches and losses are equal is asserted. Needs the extra `bench`. `--rounds 5` is the default.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    BloomForCausalLM,
    PreTrainedTokenizerFast,
    TrainerCallback,
)

from kit.job.bases import Bases
from kit.job.evaluate import Desk
from kit.job.prompt import TrainingText
from kit.job.stream import Step, plan_steps
from kit.job.trainer import Row
from kit.job.tune import dressed, train
from kit.job.work import set_up
from kit.jobdir import JobFolder, JobSpec, Lora, Prompt, TrainerSettings, TuneSpec
from tests.bench.record import keep
from tests.kit_command import ROOT


@dataclass(frozen=True)
class Shape:
    """A BLOOM and the examples that it is tuned on; lengths are even within the two bounds."""

    layers: int
    hidden: int
    vocabulary: int
    lengths: tuple[int, int]
    accumulation: int
    steps: int


SHAPES = {
    "layers": Shape(8, 512, 2000, (64, 256), accumulation=4, steps=3),  # the protocol's micro-batches
    "vocabulary": Shape(2, 256, 250_880, (384, 512), accumulation=1, steps=2),
}


@dataclass(frozen=True)
class Side:
    """What one process saw: a digest of its batches, the loss and seconds of each step, and its memory."""

    batches: str
    losses: list[float]
    seconds: list[float]
    peak_mb: float
    """Above what was resident before training."""


class Watch:
    """Losses and seconds of steps, batches, and the peak of resident memory since it was made."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")  # the kernel's own peak starts anew
        self._before = _resident("VmHWM")
        self._batches: list[list[list[int]]] = []
        self._losses: list[float] = []
        self._ends = [time.perf_counter()]

    def step(self, loss: float) -> None:
        """A step has ended."""
        self._losses.append(loss)
        self._ends.append(time.perf_counter())

    def batch(self, ids: list[list[int]]) -> None:
        """A micro-batch was taken: its rows without padding."""
        self._batches.append(ids)

    def side(self) -> Side:
        """The first step warms up and does not count."""
        digest = hashlib.sha256(json.dumps(self._batches).encode()).hexdigest()
        seconds = [end - begin for begin, end in zip(self._ends[1:], self._ends[2:], strict=False)]
        return Side(digest, self._losses, seconds, _resident("VmHWM") - self._before)


def ours(job: JobSpec, rows: list[Row], steps: list[Step], home: Path) -> Side:
    """As the job does it, events and the adapter's saving included."""
    folder = JobFolder(home)
    folder.write_spec(job)
    for place in (folder.scratch, folder.adapters):
        place.mkdir()
    assert isinstance(job.work, TuneSpec)
    set_up(job)
    bases = Bases(job.device, folder.emit)
    base = bases.get(Path(job.inputs[job.work.base]), job.work.weights)
    by_id = {row.text.id: list(row.text.ids) for row in rows}
    watch = Watch()

    def emit(kind: str, /, **data: Any) -> None:
        folder.emit(kind, **data)
        if kind == "train":
            watch.step(data["loss"])
        for batch in data["examples"] if kind == "batch" else ():
            watch.batch([by_id[name] for name in batch])

    with dressed(base.model, job.work) as model:
        train(Desk(job, folder, {}, emit, bases, {}), model, rows, steps, (len(steps),))
    return watch.side()


def theirs(job: JobSpec, rows: list[Row], steps: list[Step], home: Path) -> Side:
    """SFTTrainer over the planned examples in a row, on the model as the libraries load it."""
    from datasets import Dataset  # here, so that the other side's process does not carry them
    from trl import SFTConfig, SFTTrainer

    class Steps(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **kwargs: Any) -> None:
            if "loss" in logs:
                watch.step(logs["loss"])

    assert isinstance(job.work, TuneSpec)
    settings, lora = job.work.trainer, job.work.lora
    base = AutoModelForCausalLM.from_pretrained(job.inputs["base"], dtype=torch.float32)
    torch.manual_seed(job.work.seed)
    config = LoraConfig(
        r=lora.r, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets),
        task_type="CAUSAL_LM",
    )  # fmt: skip
    order = [list(rows[i].text.ids) for step in steps for batch in step.batches for i in batch.examples]
    arguments = SFTConfig(
        output_dir=str(home), max_steps=len(steps), per_device_train_batch_size=settings.batch,
        gradient_accumulation_steps=settings.accumulation, learning_rate=settings.learning_rate,
        lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=settings.max_grad_norm, optim="adamw_torch",
        bf16=False, gradient_checkpointing=False, seed=job.work.seed, use_cpu=True, save_strategy="no",
        logging_steps=1, report_to=[], disable_tqdm=True, train_sampling_strategy="sequential", max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True}, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=get_peft_model(base, config),
        args=arguments,
        train_dataset=Dataset.from_dict({"input_ids": order, "labels": order}),
        processing_class=PreTrainedTokenizerFast.from_pretrained(job.inputs["tokenizer"]),
        callbacks=[Steps()],
    )
    collate = trainer.data_collator

    def watched(examples: Sequence[Any]) -> Any:
        made = collate(examples)
        masked = zip(made["input_ids"], made["attention_mask"], strict=True)
        watch.batch([ids[mask.bool()].tolist() for ids, mask in masked])
        return made

    trainer.data_collator = watched
    watch = Watch()
    trainer.train()
    return watch.side()


def in_this_process(side: Callable[..., Side], shape: Shape, base: Path, threads: int) -> Side:
    """Tune `base` by one side, in a folder that is thrown away."""
    trainer = TrainerSettings(accumulation=shape.accumulation, loss_mean="tokens", steps=shape.steps)
    spec = TuneSpec("base", "data", Prompt(""), Lora(targets=("query_key_value", "dense")), trainer)
    tokenizer = ROOT / "kit" / "catalog" / "embedded" / "tiny-bloom"
    job = JobSpec("bench", spec, ("k",), {"base": str(base), "tokenizer": str(tokenizer)}, threads=threads)
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    lengths = torch.linspace(*shape.lengths, 4 * shape.accumulation * shape.steps).long().tolist()
    drawn = [
        torch.randint(4, shape.vocabulary, (length,), generator=generator).tolist() for length in lengths
    ]
    rows = [Row(TrainingText(str(number), tuple(ids), 0), tuple(ids)) for number, ids in enumerate(drawn)]
    steps = plan_steps(lengths, trainer, spec.seed)
    with tempfile.TemporaryDirectory() as name:
        return side(job, rows, steps, Path(name) / "job")


def compare(shape_name: str, rounds: int, threads: int) -> list[tuple[str, ...]]:
    """Both sides in turns: medians, spreads and ratios."""
    shape = SHAPES[shape_name]
    with tempfile.TemporaryDirectory() as name:
        torch.manual_seed(0)
        heads = shape.hidden // 64
        config = BloomConfig(
            vocab_size=shape.vocabulary, hidden_size=shape.hidden, n_layer=shape.layers, n_head=heads
        )
        BloomForCausalLM(config).save_pretrained(name)
        found: dict[str, list[Side]] = {"ours": [], "theirs": []}
        for number in range(rounds):
            for side in ("ours", "theirs") if number % 2 else ("theirs", "ours"):
                words = [sys.executable, "-m", "tests.bench.tune", "--shape", shape_name, "--side", side]
                words += ["--base", name, "--threads", str(threads)]
                done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
                found[side].append(Side(**json.loads(done.stdout.splitlines()[-1])))
    first = found["ours"][0]
    for one in found["ours"] + found["theirs"]:
        assert one.batches == first.batches, "the sides were given different batches"
        assert all(abs(a - b) < 1e-4 for a, b in zip(one.losses, first.losses, strict=True)), (one, first)
    times = {side: [statistics.median(one.seconds) for one in runs] for side, runs in found.items()}
    peaks = {side: [one.peak_mb for one in runs] for side, runs in found.items()}
    size = f"{shape.layers} layers of {shape.hidden}, {shape.vocabulary:,} entries"
    return [_row(f"seconds a step, {size}", times), _row(f"MB above the start, {size}", peaks)]


def _row(what: str, sides: dict[str, list[float]]) -> tuple[str, ...]:
    told = [
        f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
        for values in (sides["theirs"], sides["ours"])
    ]
    ratio = statistics.median(sides["ours"]) / statistics.median(sides["theirs"])
    return (what, *told, f"{ratio:.2f}", "1")


def _resident(name: str) -> float:
    """A line of this process's status in MB; Linux only."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def main() -> None:
    """Compare on every shape or one; or, in a child, run one side and print what it saw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--side", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    parser.add_argument("--base", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        side = {"ours": ours, "theirs": theirs}[asked.side]
        print(json.dumps(vars(in_this_process(side, SHAPES[asked.shape], asked.base, asked.threads))))
        return
    shapes = [asked.shape] if asked.shape else list(SHAPES)
    rows = [row for shape in shapes for row in compare(shape, asked.rounds, asked.threads)]
    words = (
        "LoRA on a random BLOOM in float32, batches of 4, the protocol's other arguments; the same batches, start and "
        f"losses on both sides; medians of {asked.rounds}, least to most in brackets, {asked.threads} threads."
    )
    keep("tune", "Tuning", ("what", "TRL's SFTTrainer", "xlt-kit", "ratio", "bar"), rows, words)


if __name__ == "__main__":
    main()
