"""From a job's spec to the kind of work that it asks for, on a device set up for it."""

from __future__ import annotations

import time
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers

from kit.job.bases import Bases
from kit.job.derive import derive
from kit.job.environment import describe
from kit.job.evaluate import Desk, evaluate
from kit.job.failures import BadInput, unstopped
from kit.job.fit import fit
from kit.job.model import check_device
from kit.job.pretrain import PretrainSettings, pretrain
from kit.job.series import series
from kit.job.tune import tune
from kit.job.usage import measured
from kit.jobdir import (
    DeriveSpec,
    EvaluateSpec,
    FitSpec,
    JobFolder,
    JobSpec,
    PretrainSpec,
    SeriesSpec,
    TuneSpec,
    publish_folder,
    tree_digest,
)

_LOG_EVERY = 10  # optimizer steps between two lines of the log


def work(job: JobSpec, folder: JobFolder, environment: dict[str, Any], landed: dict[str, str]) -> None:
    """Do the job's work. Fills `environment` before it begins, and `landed` with the digest of what lands.

    Raises:
        BadInput: an input is missing or unfit. Anything else that the libraries raise goes through as it is.
    """
    set_up(job)
    environment.update(describe(job.device))

    def emit(kind: str, /, **data: Any) -> None:
        tell(folder, kind, data)

    desk = Desk(job, folder, dict(environment), emit, Bases(job.device, emit), landed)
    with measured(folder, job.device, environment):
        if isinstance(job.work, EvaluateSpec):
            evaluate(desk)
        elif isinstance(job.work, TuneSpec):
            tune(desk)
        elif isinstance(job.work, DeriveSpec):
            derive(desk)
        elif isinstance(job.work, FitSpec):
            fit(desk)
        elif isinstance(job.work, SeriesSpec):
            series(desk)
        else:
            _pretrain(job, job.work, folder, landed)


def set_up(job: JobSpec) -> None:
    """Threads, determinism on a CPU, quiet libraries; raises BadInput where the device is not there."""
    torch.set_num_threads(job.threads)
    if torch.get_num_interop_threads() != 1:
        torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(job.device == "cpu")
    # It would also fill every new tensor, for operations that read what was never written: no model has one, and it is
    # a thirtieth of the time of a tuning.
    torch.utils.deterministic.fill_uninitialized_memory = False
    transformers.logging.set_verbosity_warning()
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    transformers.logging.disable_progress_bar()
    check_device(job.device)


def _pretrain(job: JobSpec, spec: PretrainSpec, folder: JobFolder, landed: dict[str, str]) -> None:
    """Publish the model; its digest is taken before, for the host moves it away as soon as it is there."""
    if folder.model.is_dir():
        landed["model"] = tree_digest(folder.model)
        return
    try:
        settings = PretrainSettings.from_dict({**spec.settings, "seed": spec.seed, "threads": job.threads})
    except (TypeError, ValueError) as error:
        raise BadInput(f"The settings of the pre-training do not fit: {error}") from error
    text = Path(job.inputs.get(spec.data, ""))
    if not text.is_file():
        raise BadInput(f"{text}: there is no text to train on.")
    unfinished = folder.scratch / "model"
    unfinished.mkdir()

    def emit(name: str, /, **fields: Any) -> None:
        _tell_step(folder, name, fields)

    start = Path(job.inputs[spec.start]) if spec.start else None
    pretrain(settings, text, unfinished, emit, start)
    digest = tree_digest(unfinished)
    with unstopped():
        publish_folder(unfinished, folder.model)
        landed["model"] = digest


def _tell_step(folder: JobFolder, kind: str, fields: dict[str, Any]) -> None:
    """Steps of a pre-training are told as `train` events, like those of a tuning; the rest goes through."""
    if kind != "step":
        tell(folder, kind, fields)
        return
    rate = round(fields["tokens_per_second"], 1)
    told = {"step": fields["step"], "steps": fields["of"], "loss": fields["loss"], "tokens_per_s": rate}
    tell(folder, "train", told)


def tell(folder: JobFolder, kind: str, data: dict[str, Any]) -> None:
    """An event for the host, and for people a line in the log where there is something to say."""
    folder.emit(kind, **data)
    if line := _line(kind, data):
        print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)


def _line(kind: str, data: dict[str, Any]) -> str | None:
    match kind:
        case "piece":
            return f"piece {data['number']}/{data['of']}: {data['name']}"
        case "phase":
            return str(data["name"])
        case "train" if data["step"] % _LOG_EVERY == 0 or data["step"] == data["steps"]:
            return f"step {data['step']}/{data['steps']}  loss {data['loss']:.4f}  {data['tokens_per_s']:.0f} tokens/s"
        case "adapter":
            return f"adapter of step {data['step']} saved"
        case "cell":
            return f"{data['n']} items in {data['seconds']:.1f} s  {data['name'] or data['key']}"
        case "lens":
            layer, before, after = data["layer"], data["before"], data["after"]
            return f"layer {layer}: {before:.3f} nats from the output, {after:.3f} through its map"
        case "note":
            return f"note: {data['message']}"
        case "warning":
            return f"warning: {data['message']}"
    return None
