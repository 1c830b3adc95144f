"""Tuning ("response alignment"): load, prepare, train, save.

The adapter after optimizer step s is put in place as `adapters/<s>/`, whole or not at all. A tuning that was
cut short starts again: its steps take minutes, and a resumed one would not be the same one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers.models.bloom.modeling_bloom import BloomGelu

from kit.data.example import Example
from kit.job.bases import Emit
from kit.job.chat import notes
from kit.job.evaluate import Desk, read_examples
from kit.job.failures import BadInput, unstopped
from kit.job.loss import IGNORED
from kit.job.model import ADAPTER_FILE, DTYPES, adapter_digest, load_tokenizer, rewrites_base
from kit.job.prompt import Encoder
from kit.job.stream import Step, epoch_ends, plan_steps
from kit.job.trainer import Collator, Row, StepCallback, StepReport, StepTrainer, training_arguments
from kit.jobdir import PARENTS_FILE, JobFolder, JobSpec, Lora, TuneSpec, publish_folder

_VERSION = 1  # of the job kind


def tune(desk: Desk) -> None:
    """Tune an adapter and publish it at the steps asked for.

    Raises:
        BadInput: an input is missing or unfit, or a step is asked for that the tuning does not reach.
    """
    job, adapters = desk.job, desk.folder.adapters
    spec = job.work
    assert isinstance(spec, TuneSpec)
    _check(spec, job)
    desk.emit("phase", name="prepare")
    tokenizer = load_tokenizer(Path(job.inputs[spec.base]))
    examples = read_examples(job, spec.data)
    rows = prepare(spec, tokenizer, examples, desk.emit)
    steps = plan_steps([len(row.text.ids) for row in rows], spec.trainer, spec.seed)
    wanted = _wanted(spec, len(steps))
    if all((adapters / str(step)).is_dir() for step in wanted):
        desk.landed.update({str(step): adapter_digest(adapters / str(step)) for step in wanted})
        return
    parents = [Path(job.inputs[name]) for name in spec.parents]
    base = desk.bases.get(Path(job.inputs[spec.base]), spec.weights, parents)
    shutil.rmtree(adapters, ignore_errors=True)  # of a run cut short: no two runs are mixed
    adapters.mkdir()
    with dressed(base.model, spec) as model:
        desk.emit("phase", name="train", steps=len(steps), epoch_ends=epoch_ends(steps))
        train(desk, model, rows, steps, wanted)
    if why := _spoilt(spec, model):
        desk.bases.spoil(why)


@contextmanager
def dressed(base: Any, spec: TuneSpec) -> Iterator[Any]:
    """The base (its parents merged in) with a fresh LoRA on it; on leaving it is bare again, and as it was before, but
    for what `_spoilt` names. What a failure leaves is no base any more.

    Raises:
        BadInput: the LoRA targets are not in this model.
    """
    settings, environment = dict(vars(base.config)), dict(os.environ)
    base.config.use_cache = False
    replaced = _fuse(base)
    model = dress(base, spec)
    yield model
    model.unload()
    for name, module in replaced.items():
        base.set_submodule(name, module)
    vars(base.config).clear()
    vars(base.config).update(settings)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]  # libraries tell themselves of autocast there
    os.environ.update(environment)
    base.eval()


def dress(base: Any, spec: TuneSpec) -> Any:
    """A fresh LoRA on the base, whose start depends on the seed alone."""
    torch.manual_seed(spec.seed)
    try:
        model = get_peft_model(base, _lora(spec.lora))
    except (ValueError, KeyError) as error:
        raise BadInput(f"LoRA does not fit this model: {error}", "Name its target modules.") from error
    # A content id instead of this machine's path.
    model.peft_config["default"].base_model_name_or_path = spec.base
    return model


def prepare(spec: TuneSpec, tokenizer: Any, examples: Sequence[Example], emit: Emit) -> list[Row]:
    """Token ids and labels of every example, in the order of the file; tells how many the limit has cut.

    Raises:
        BadInput: there are no examples, one has no answer, or the tokenizer has no end token.
    """
    if not examples:
        raise BadInput("There are no examples to tune on.")
    for line in notes(tokenizer, [spec.prompt]):
        emit("note", message=line)
    encoder = Encoder(tokenizer, spec.prompt)
    end = encoder.end
    if end is None:
        raise BadInput("The tokenizer has no end token, which every training text needs.")
    texts = [
        encoder.training_text(example, spec.sequence_limit, spec.truncation, end) for example in examples
    ]
    cut = sum(text.cut for text in texts)
    counts = {
        "examples": len(texts),
        "cut": cut,
        "answers_cut": sum(text.answer_cut for text in texts),
        "supports_cut": sum(text.support_cut for text in texts),
    }
    emit("truncation", rule=spec.truncation, limit=spec.sequence_limit, **counts)
    if cut:
        emit("warning", message=_truncation_warning(spec, counts))
    rows = [Row(text, _labels(spec, text.ids, text.answer_start, end)) for text in texts]
    if all(label == IGNORED for row in rows for label in row.labels[1:]):
        raise BadInput("No token is left to learn from: every label is masked.", "Raise the sequence limit.")
    return rows


def train(desk: Desk, model: Any, rows: Sequence[Row], steps: Sequence[Step], wanted: Sequence[int]) -> None:
    """Run the planned steps, tell of each, and save the adapter after those that are `wanted`."""
    spec = desk.job.work
    assert isinstance(spec, TuneSpec)

    parents = {name: adapter_digest(Path(desk.job.inputs[name])) for name in spec.parents}

    def on_step(report: StepReport) -> None:
        desk.emit("batch", step=report.step, examples=report.batches)
        desk.emit(
            "train",
            step=report.step,
            steps=len(steps),
            loss=report.loss,
            learning_rate=report.learning_rate,
            grad_norm=report.grad_norm,
            tokens_per_s=round(report.tokens / max(report.seconds, 1e-9), 1),
        )

    def on_model(step: int, tuned: Any) -> None:
        if step in wanted:
            with unstopped():
                digest = save(tuned, desk.folder, step, parents)
                desk.landed[str(step)] = digest
            desk.emit("adapter", step=step, digest=digest)

    arguments = training_arguments(spec, len(steps), desk.job.device, desk.folder.scratch / "trainer")
    collator = Collator(pad=0)  # any id will do: padding is masked in attention and loss
    trainer = StepTrainer(model, arguments, rows, steps, collator, spec.trainer.loss_mean)
    trainer.add_callback(StepCallback(collator, on_step, on_model))
    trainer.train()


def save(model: Any, folder: JobFolder, step: int, parents: Mapping[str, str]) -> str:
    """Publish the adapter as it is now, with the digests of its parents; returns the digest of its weights."""
    unfinished = folder.scratch / f"adapter-{step}"
    model.save_pretrained(str(unfinished), save_embedding_layers=False)
    # peft's model card says nothing that is not in the configuration.
    (unfinished / "README.md").unlink(missing_ok=True)
    config_file = unfinished / "adapter_config.json"
    config = json.loads(config_file.read_text(encoding="utf-8"))
    if isinstance(config["target_modules"], list):
        config["target_modules"].sort()  # peft keeps a set
    config_file.write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
    (unfinished / ADAPTER_FILE).chmod(0o644)
    digest = adapter_digest(unfinished)
    (unfinished / "digest.txt").write_text(digest + "\n", encoding="ascii")
    if parents:
        (unfinished / PARENTS_FILE).write_text(json.dumps(parents, indent=1), encoding="ascii")
    publish_folder(unfinished, folder.adapters / str(step))
    return digest


def _labels(spec: TuneSpec, ids: Sequence[int], answer_start: int, end: int) -> tuple[int, ...]:
    """The targets: all tokens or those from the answer on; end tokens in or, everywhere, out (trap 1)."""
    first = answer_start if spec.loss_on == "answer" else 0
    masked = {end} if spec.end_token == "masked" else set()
    return tuple(IGNORED if place < first or token in masked else token for place, token in enumerate(ids))


def _fuse(base: Any) -> dict[str, Any]:
    """BLOOM's activation in one kernel instead of a dozen: a fifth of a step's time on a CPU. In float32 it differs by
    rounding; in 16 bits it rounds once instead of after every operation. Returns what it has replaced, by name.
    """
    replaced = {name: module for name, module in base.named_modules() if isinstance(module, BloomGelu)}
    for name in replaced:
        base.set_submodule(name, torch.nn.GELU(approximate="tanh"))
    return replaced


def _spoilt(spec: TuneSpec, model: Any) -> str:
    """Why a base that was tuned on is not exactly the base any more; empty where it is."""
    if rewrites_base(model.peft_config["default"]):
        return "the tuning before has changed weights of its own"
    if spec.trainer.gradient_checkpointing:
        return "the tuning before has set it up for checkpointing"
    return "its weights are quantised" if spec.weights not in DTYPES else ""


def _lora(lora: Lora) -> LoraConfig:
    return LoraConfig(
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias=lora.bias,
        target_modules=list(lora.targets) or None,
        task_type="CAUSAL_LM",
    )


def _wanted(spec: TuneSpec, last: int) -> tuple[int, ...]:
    steps = tuple(sorted(set(spec.save_steps))) or (last,)
    if steps[0] < 1 or steps[-1] > last:
        raise BadInput(
            f"Checkpoints are asked for at steps {', '.join(map(str, steps))}; there are steps 1 to {last}.",
            "Name steps within it, or `last`; step 0 is the base.",
        )
    return steps


def _truncation_warning(spec: TuneSpec, counts: dict[str, int]) -> str:
    return (
        f"{counts['cut']} of {counts['examples']} training texts exceed {spec.sequence_limit} tokens"
        f" and were cut ({spec.truncation}): {counts['answers_cut']} lost their answer or a part of it,"
        f" {counts['supports_cut']} the answer's place in the context."
    )


def _check(spec: TuneSpec, job: JobSpec) -> None:
    if spec.version != _VERSION:
        raise BadInput(
            f"The job asks for version {spec.version} of tuning; here is {_VERSION}.", "Use that kit."
        )
    dtype = DTYPES.get(spec.weights, torch.bfloat16)  # of what is not quantised
    if dtype != torch.float32 and spec.autocast != "none" and dtype != DTYPES[spec.autocast]:
        raise BadInput(f"Autocast to {spec.autocast} over {spec.weights} weights makes no sense.")
    for name in (spec.base, spec.data, *spec.parents):
        if name not in job.inputs:
            raise BadInput(f"The job does not say where {name} lies.")
