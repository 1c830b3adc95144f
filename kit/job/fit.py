"""Fits a tuned lens to a base: maps for all layers at once, each by itself, towards what the base goes on to say.

The loss is the Kullback–Leibler divergence of a layer's prediction from the model's own, over all tokens of texts that
nobody evaluates. An eighth of their contexts is kept out, and says afterwards what the maps are worth. Nothing of the
base is learnt. Source: Belrose et al. 2023, arXiv 2303.08112; Adam with a warm-up over a fifth of the steps is the
choice of the authors' own code where it does not use momentum.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from kit.job.evaluate import Desk, read_examples
from kit.job.failures import BadInput, unstopped
from kit.job.layers import Layers
from kit.job.model import context_length
from kit.job.prompt import Encoder
from kit.job.translators import TRANSLATORS_FILE, Translators
from kit.jobdir import FitSpec, publish_folder, sha256_file

_VERSION = 1  # of the job kind
_KEPT_OUT = 8  # one context in so many is kept out of the fit
_JUDGED = 64  # texts, at most, by which a lens is judged
_WARM_UP = 0.2  # of the steps
_CHUNK_BYTES = {
    "cpu": 2**26,
    "cuda": 2**29,
}  # of one tensor of logits in float32; some four are there at a time

Ids = list[int]


def fit(desk: Desk) -> None:
    """Publish the maps of the job's lens under its last step.

    Raises:
        BadInput: the texts are too few, or the model's layers are not found.
    """
    spec = desk.job.work
    assert isinstance(spec, FitSpec)
    if spec.version != _VERSION:
        raise BadInput(
            f"The job asks for version {spec.version} of a lens; here is {_VERSION}.", "Use that kit."
        )
    final = desk.folder.adapters / str(spec.steps)
    if not final.is_dir():
        unfinished = desk.folder.scratch / "lens"
        unfinished.mkdir(parents=True, exist_ok=True)
        _fitted(spec, desk, unfinished)
        digest = sha256_file(unfinished / TRANSLATORS_FILE)
        (unfinished / "digest.txt").write_text(digest + "\n", encoding="ascii")
        with unstopped():
            desk.folder.adapters.mkdir(exist_ok=True)
            publish_folder(unfinished, final)
    digest = (final / "digest.txt").read_text(encoding="ascii").strip()
    desk.landed[str(spec.steps)] = digest
    desk.emit("adapter", step=spec.steps, digest=digest)


def _fitted(spec: FitSpec, desk: Desk, folder: Path) -> None:
    """Learn the maps, judge them, and write them."""
    base = desk.bases.get(Path(desk.job.inputs[spec.base]), spec.dtype)
    model, device = base.model.eval().requires_grad_(False), desk.job.device
    learnt, judged = _texts(spec, desk, base)
    layers = Layers(model)
    layers.check(*_ends(model, layers, judged[0], device))
    width = model.get_output_embeddings().weight.shape[1]
    maps = Translators.none(len(layers.blocks), width, device)
    desk.emit("phase", name="fit")
    _learn(spec, desk, layers, maps, learnt)
    desk.emit("phase", name="judge")
    with torch.no_grad():
        nothing = Translators.none(len(layers.blocks), width, device)
        sides = [_judged(layers, one, judged, device) for one in (nothing, maps)]
    done = Translators(maps.maps, maps.shifts, (tuple(sides[0]), tuple(sides[1])))
    done.save(folder, {"texts": len(learnt), "judged_by": len(judged), "steps": spec.steps})
    for name, before, after in zip(layers.names, *sides, strict=False):
        desk.emit("lens", layer=name, before=round(before, 4), after=round(after, 4))


def _texts(spec: FitSpec, desk: Desk, base: Any) -> tuple[list[Ids], list[Ids]]:
    """Token ids of the texts that are learnt on, and of those that judge: contexts of the two are not the same."""
    encoder, limit = Encoder(base.tokenizer, spec.prompt), context_length(base.model)
    sides: tuple[list[Ids], list[Ids]] = ([], [])
    places: dict[str, int] = {}
    for data in spec.data:
        for example in read_examples(desk.job, data):
            place = places.setdefault(example.context_id, len(places))
            ids = encoder.prompt_ids(example)
            if example.answers:
                ids = ids + encoder.continuation_ids(example, example.answers[0])
            sides[place % _KEPT_OUT == _KEPT_OUT - 1].append(ids[:limit])
    if len(places) < _KEPT_OUT:
        raise BadInput(
            f"The texts of the lens have {len(places)} contexts; it needs {_KEPT_OUT}, of which one judges it.",
            "Name more, or larger, sets under lens_texts.",
        )
    learnt, judged = sides
    return learnt, judged[:: -(-len(judged) // _JUDGED)]


def _batches(texts: Sequence[Ids], tokens: int, seed: int) -> Iterator[list[Ids]]:
    """Without end: texts in random order, each as often as any other, at least `tokens` tokens together."""
    drawn = torch.Generator().manual_seed(seed)
    batch: list[Ids] = []
    while True:
        for at in torch.randperm(len(texts), generator=drawn).tolist():
            batch.append(texts[at])
            if sum(map(len, batch)) >= tokens:
                yield batch
                batch = []


def _learn(spec: FitSpec, desk: Desk, layers: Layers, maps: Translators, texts: Sequence[Ids]) -> None:
    optimizer = torch.optim.Adam([maps.maps, maps.shifts], lr=spec.learning_rate)
    warm = max(1, round(spec.steps * _WARM_UP))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (spec.steps - step) / max(1, spec.steps - warm))
    )
    batches = _batches(texts, spec.tokens, spec.seed)
    for step in range(1, spec.steps + 1):
        started, batch = time.monotonic(), next(batches)
        count = sum(map(len, batch))
        nats = torch.zeros(len(layers.blocks))
        for ids in batch:
            nats += _divergence(
                layers, maps, hidden_states(layers, ids, desk.job.device), backward=1.0 / count
            )
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        seconds = max(time.monotonic() - started, 1e-9)
        loss, rate = float(nats.mean()) / count, count / seconds
        desk.emit("train", step=step, steps=spec.steps, loss=round(loss, 5), tokens_per_s=round(rate, 1))


def _judged(layers: Layers, maps: Translators, texts: Sequence[Ids], device: str) -> list[float]:
    """Mean nats a token, by layer."""
    nats = torch.zeros(len(layers.blocks))
    for ids in texts:
        nats += _divergence(layers, maps, hidden_states(layers, ids, device))
    return (nats / sum(map(len, texts))).tolist()


def hidden_states(layers: Layers, ids: Ids, device: str) -> torch.Tensor:
    """(layers, tokens, hidden) of a text: what each layer gives on, before the last norm."""
    with torch.no_grad(), layers.watched(len(ids)) as seen:
        layers.body(input_ids=torch.tensor([ids], device=device), use_cache=False)
        return torch.stack([one[0] for one in seen])


def _divergence(
    layers: Layers, maps: Translators, hidden: torch.Tensor, backward: float = 0.0
) -> torch.Tensor:
    """(layers but the last,) nats summed over tokens; with `backward` their gradients too, times so much."""
    vocabulary = len(layers.rows)
    tokens = max(1, _CHUNK_BYTES[hidden.device.type] // (4 * vocabulary))
    found = torch.zeros(len(hidden) - 1)
    for part in hidden.split(tokens, dim=1):
        with torch.no_grad():
            own = layers.logits(part[-1]).float().log_softmax(dim=-1)
        for number in range(len(hidden) - 1):
            said = layers.logits(maps.layer(number, part[number])).float().log_softmax(dim=-1)
            nats = torch.nn.functional.kl_div(said, own, reduction="sum", log_target=True)
            if backward:
                (nats * backward).backward()
            found[number] += nats.detach().cpu()
    return found


def _ends(model: Any, layers: Layers, ids: Ids, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Of a text's last token: the last block's hidden state, and the model's own logits."""
    with torch.no_grad(), layers.watched(1) as seen:
        own = model(input_ids=torch.tensor([ids], device=device), use_cache=False).logits[:, -1]
        return seen[-1][0], own
