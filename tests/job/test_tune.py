"""Tuning against a loop written by hand, trap by trap, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, DataCollatorForLanguageModeling
from transformers.models.bloom.modeling_bloom import BloomGelu

from kit.job.failures import BadInput
from kit.job.loss import IGNORED
from kit.job.model import ADAPTER_FILE, load_base, load_tokenizer
from kit.job.stream import plan_steps
from kit.job.trainer import training_arguments
from kit.job.tune import dressed, prepare
from kit.jobdir import Lora, TrainerSettings, TuneSpec, key_of, sha256_file
from tests.job.conftest import QA, RunJob, events, examples

TRAINER = TrainerSettings(epochs=2, batch=2, accumulation=3, learning_rate=0.01)
SPEC = TuneSpec(
    base="base-x",
    data="data",
    prompt=replace(QA, start_token="written"),
    lora=Lora(r=4, alpha=8, dropout=0.0, targets=("query_key_value", "dense")),
    trainer=TRAINER,
    sequence_limit=200,
)


def _by_hand(model_folder: Path, spec: TuneSpec, count: int) -> tuple[list[float], dict[str, torch.Tensor]]:
    """Each step's loss and the adapter's last weights, by a loop over single examples without padding."""
    model = dressed(load_base(model_folder, "float32", "cpu"), spec).__enter__()
    rows = prepare(spec, load_tokenizer(model_folder), examples(count), lambda kind, /, **data: None)
    steps = plan_steps([len(row.text.ids) for row in rows], spec.trainer, spec.seed)
    learnt = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=spec.trainer.learning_rate, weight_decay=0.0)
    told = []
    for step in steps:
        sums, counts = [], []
        for batch in step.batches:
            nats = [_nats(model, rows[i].text.ids, rows[i].labels) for i in batch.examples]
            sums.append(torch.cat(nats).sum())
            counts.append(sum(len(one) for one in nats))
        if spec.trainer.loss_mean == "tokens":
            loss = torch.stack(sums).sum() / sum(counts)
        else:
            loss = torch.stack([one / count for one, count in zip(sums, counts, strict=True)]).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt, spec.trainer.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        told.append(loss.item())
    return told, {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def _nats(model: Any, ids: tuple[int, ...], labels: tuple[int, ...]) -> torch.Tensor:
    logs = torch.log_softmax(model(torch.tensor([ids])).logits[0], dim=-1)
    return torch.stack([-logs[i - 1, label] for i, label in enumerate(labels) if i and label != IGNORED])


@pytest.mark.parametrize("mean", ["batch", "tokens"])
@pytest.mark.parametrize("accumulate", ["carried", "per-epoch"])
def test_losses_and_weights_are_those_of_a_loop_written_by_hand(
    random_model: Path,
    run_job: RunJob,
    mean: Literal["batch", "tokens"],
    accumulate: Literal["carried", "per-epoch"],
) -> None:
    spec = replace(SPEC, trainer=replace(TRAINER, loss_mean=mean, accumulate=accumulate))
    folder, _ = run_job(spec, examples(9), {"base-x": random_model})
    told = events(folder, "train")
    losses, weights = _by_hand(random_model, spec, 9)
    assert len(losses) == {"carried": 2, "per-epoch": 4}[accumulate]  # five batches an epoch, three to a step
    assert [event["loss"] for event in told] == pytest.approx(losses, abs=1e-5)
    saved = load_file(folder.adapters / str(len(losses)) / ADAPTER_FILE)
    for name, weight in weights.items():
        torch.testing.assert_close(saved[name.replace(".default", "")], weight, atol=1e-5, rtol=1e-4)


def test_the_two_means_differ(random_model: Path) -> None:
    other = replace(SPEC, trainer=replace(TRAINER, loss_mean="tokens"))
    assert _by_hand(random_model, SPEC, 9)[0] != pytest.approx(_by_hand(random_model, other, 9)[0], abs=1e-3)


def test_the_papers_run_takes_sixty_steps_over_its_planned_batches(
    random_model: Path, run_job: RunJob
) -> None:
    data = examples(103)
    spec = replace(SPEC, trainer=TrainerSettings(), save_steps=(13, 26, 60))
    folder, produced = run_job(spec, data, {"base-x": random_model})
    told = events(folder, "train")
    assert [event["step"] for event in told] == list(range(1, 61))
    assert {(event["steps"], event["learning_rate"]) for event in told} == {(60, 2e-4)}
    assert events(folder, "phase")[-1]["epoch_ends"] == [6, 13, 19, 26, 32, 39, 45, 52, 58]
    used = [batch for event in events(folder, "batch") for batch in event["examples"]]
    assert len(used) == 240
    assert [len(batch) for batch in used[:26]] == [4] * 25 + [3]
    rows = prepare(spec, load_tokenizer(random_model), data, lambda kind, /, **fields: None)
    planned = plan_steps([len(row.text.ids) for row in rows], spec.trainer, spec.seed)
    assert used == [[data[i].id for i in batch.examples] for step in planned for batch in step.batches]
    assert list(produced) == ["13", "26", "60"]
    assert sorted(path.name for path in folder.adapters.iterdir()) == ["13", "26", "60"]


def test_tuning_twice_gives_the_same_bytes_and_another_seed_others(
    random_model: Path, run_job: RunJob
) -> None:
    spec = replace(SPEC, lora=replace(SPEC.lora, dropout=0.2))  # dropout draws random numbers too
    first, again, other = (
        run_job(one, examples(9), {"base-x": random_model}, name=name)[1]
        for name, one in (("a", spec), ("b", spec), ("c", replace(spec, seed=43)))
    )
    assert first == again
    assert first != other


def test_an_adapter_lands_whole_and_names_no_path(random_model: Path, run_job: RunJob) -> None:
    folder, produced = run_job(replace(SPEC, save_steps=(1, 2)), examples(9), {"base-x": random_model})
    for step, digest in produced.items():
        landed = folder.adapters / step
        names = {"adapter_config.json", ADAPTER_FILE, "digest.txt"}
        assert {path.name for path in landed.iterdir()} == names
        assert (landed / "digest.txt").read_text().strip() == digest == sha256_file(landed / ADAPTER_FILE)
        config = json.loads((landed / "adapter_config.json").read_text())
        assert config["base_model_name_or_path"] == "base-x"
        assert str(random_model) not in json.dumps(config)
    assert produced["1"] != produced["2"]
    assert [event["step"] for event in events(folder, "adapter")] == [1, 2]


def _labels(folder: Path, spec: TuneSpec) -> list[tuple[int, ...]]:
    rows = prepare(spec, load_tokenizer(folder), examples(4), lambda kind, /, **data: None)
    return [row.labels for row in rows]


def test_a_masked_end_token_is_what_the_papers_collator_left(random_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(random_model)
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "right"
    rows = prepare(SPEC, tokenizer, examples(4), lambda kind, /, **data: None)
    collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    theirs = collate(
        [{"input_ids": list(row.text.ids), "attention_mask": [1] * len(row.text.ids)} for row in rows]
    )
    for row, labels in zip(rows, theirs["labels"].tolist(), strict=True):
        assert list(row.labels) == labels[: len(row.labels)]
        assert set(labels[len(row.labels) :]) <= {IGNORED}


def test_the_end_token_is_in_the_loss_where_it_is_learnt(random_model: Path) -> None:
    end = load_tokenizer(random_model).eos_token_id
    learnt = _labels(random_model, replace(SPEC, end_token="learnt"))
    masked = _labels(random_model, SPEC)
    assert all(labels[-1] == end for labels in learnt)
    assert all(labels[-1] == IGNORED for labels in masked)
    assert [labels[:-1] for labels in learnt] == [labels[:-1] for labels in masked]


def test_loss_on_the_answer_begins_with_the_joint(random_model: Path) -> None:
    tokenizer = load_tokenizer(random_model)
    for labels, example in zip(
        _labels(random_model, replace(SPEC, loss_on="answer", end_token="learnt")), examples(4), strict=True
    ):
        kept = [label for label in labels if label != IGNORED]
        assert tokenizer.decode(kept) == f" {example.answers[0]}</s>"


def test_what_the_limit_cuts_is_counted_and_told(random_model: Path, run_job: RunJob) -> None:
    spec = replace(SPEC, sequence_limit=30, trainer=replace(TRAINER, steps=1))
    folder, _ = run_job(spec, examples(9), {"base-x": random_model})
    told = events(folder, "truncation")[0]
    assert told["examples"] == 9
    assert 0 < told["answers_cut"] <= told["cut"] <= 9
    assert f"{told['cut']} of 9" in events(folder, "warning")[0]["message"]
    roomy, _ = run_job(replace(spec, sequence_limit=500), examples(9), {"base-x": random_model}, name="roomy")
    assert events(roomy, "truncation")[0]["cut"] == 0
    assert events(roomy, "warning") == []


def test_nothing_left_to_learn_is_refused(random_model: Path, run_job: RunJob) -> None:
    spec = replace(SPEC, sequence_limit=8, loss_on="answer")
    with pytest.raises(BadInput, match="every label is masked"):
        run_job(spec, examples(3), {"base-x": random_model})


def test_checkpointing_and_autocast_change_what_they_should(random_model: Path, run_job: RunJob) -> None:
    def losses(spec: TuneSpec, name: str) -> list[float]:
        folder, _ = run_job(spec, examples(9), {"base-x": random_model}, name=name)
        return [event["loss"] for event in events(folder, "train")]

    plain = losses(SPEC, "plain")
    saved = replace(SPEC, trainer=replace(TRAINER, gradient_checkpointing=True))
    assert losses(saved, "saved") == pytest.approx(plain, abs=1e-6)
    cast = losses(replace(SPEC, autocast="bfloat16"), "cast")
    assert cast != pytest.approx(plain, abs=1e-6)
    assert cast == pytest.approx(plain, rel=0.05)


def test_schedules_lead_from_the_rate_to_nought(random_model: Path, run_job: RunJob) -> None:
    trainer = replace(TRAINER, schedule="linear", steps=4)
    folder, _ = run_job(replace(SPEC, trainer=trainer), examples(9), {"base-x": random_model})
    assert [event["learning_rate"] for event in events(folder, "train")] == pytest.approx(
        [0.01, 0.0075, 0.005, 0.0025]
    )


def test_the_fused_activation_is_blooms_own(random_model: Path) -> None:
    ids = torch.arange(40)[None]
    ours = dressed(load_base(random_model, "float32", "cpu"), SPEC).__enter__()
    plain = load_base(random_model, "float32", "cpu")
    assert not any(isinstance(module, BloomGelu) for module in ours.modules())
    torch.testing.assert_close(ours.eval()(ids).logits, plain(ids).logits, rtol=1e-5, atol=1e-5)
    x = torch.linspace(-8, 8, 1001, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.nn.GELU(approximate="tanh")(x).sum(), x)
    (wanted,) = torch.autograd.grad(BloomGelu()(x).sum(), x)
    torch.testing.assert_close(slope, wanted, rtol=1e-5, atol=1e-5)


def test_the_optimizer_is_fused_on_a_gpu_alone_and_takes_the_same_steps(tmp_path: Path) -> None:
    def last(device: str) -> torch.Tensor:
        kind = training_arguments(SPEC, 1, device, tmp_path).optim
        assert kind == {"cpu": "adamw_torch", "cuda": "adamw_torch_fused"}[device]
        weight = torch.nn.Parameter(torch.linspace(-1, 1, 1000))
        optimizer = torch.optim.AdamW([weight], lr=0.01, weight_decay=0.1, fused=kind.endswith("fused"))
        for step in range(20):
            weight.grad = torch.cos(step * weight.detach())
            optimizer.step()
        return weight.detach()

    torch.testing.assert_close(last("cpu"), last("cuda"), rtol=1e-5, atol=1e-6)


def test_a_tuning_on_a_parent_starts_where_the_parent_ended(random_model: Path, run_job: RunJob) -> None:
    first, _ = run_job(SPEC, examples(9), {"base-x": random_model}, name="parent")
    last = first.adapters / "2"
    alone = events(first, "train")[0]["loss"]
    spec = replace(SPEC, parents=("tune-p@2",))
    second, _ = run_job(spec, examples(9), {"base-x": random_model, "tune-p@2": last}, name="child")
    assert events(second, "train")[0]["loss"] < alone - 0.01
    assert key_of("tune", spec) != key_of("tune", SPEC)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"save_steps": (2, 3)}, "steps 1 to 2"),
        ({"trainer": replace(TRAINER, optimizer="paged-adamw")}, "needs CUDA"),
        ({"autocast": "float16"}, "needs CUDA"),
        ({"weights": "nf4"}, "nf4 need a CUDA GPU"),
        ({"weights": "int8", "autocast": "float16"}, "makes no sense"),
        ({"lora": Lora(targets=("no_such_module",))}, "LoRA does not fit"),
        ({"version": 2}, "version 2"),
        ({"base": "base-elsewhere"}, "where base-elsewhere lies"),
        (
            {"trainer": replace(TRAINER, learning_rate=1e30, max_grad_norm=1e30, steps=9)},
            "no longer a number",
        ),
    ],
)
def test_what_cannot_be_done_is_said(
    random_model: Path, run_job: RunJob, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        run_job(replace(SPEC, **change), examples(9), {"base-x": random_model})


def test_an_example_without_an_answer_is_refused_by_its_id(random_model: Path, run_job: RunJob) -> None:
    with pytest.raises(BadInput, match="'q1' has no answer"):
        run_job(SPEC, [examples(1)[0], replace(examples(2)[1], answers=())], {"base-x": random_model})
