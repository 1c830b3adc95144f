"""`python -m kit.job.measure SPEC.json`: how fast this machine evaluates a model, and how near that is to what it can.

Prints one JSON object. The same questions are answered one at a time (a few of them) and in batches; the answers are
compared; the shares are of the arithmetic and of the memory traffic that this machine reaches on plain large products
and copies, measured just before.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from kit.data.example import read_slice
from kit.job.decode import Decoded, Decoder
from kit.job.memory import rows_that_fit
from kit.job.model import DTYPES, check_device, load_base, load_tokenizer
from kit.job.prefix import batches, groups
from kit.job.prompt import Encoder
from kit.job.sampling import Chooser
from kit.job.tool import answer as answer_with
from kit.job.vocabulary import read_vocabulary
from kit.job.work_done import Sizes, alone, decoding_bytes, together
from kit.jobdir import GenerateTask, Prompt
from kit.jobdir.spec import Dtype

_ROUNDS = 3


@dataclass(frozen=True)
class Asked:
    """What is measured. `one_by_one`: how many of the questions are also answered alone."""

    model: str
    data: str
    template: str
    device: str
    dtype: Dtype
    threads: int
    limit: int
    one_by_one: int


def measure(asked: Asked) -> dict[str, Any]:
    """All figures. Raises BadInput: the model or the device is not there."""
    torch.set_num_threads(asked.threads)
    transformers.logging.disable_progress_bar()
    check_device(asked.device)
    model = load_base(Path(asked.model), asked.dtype, asked.device)
    tokenizer = load_tokenizer(Path(asked.model))
    encoder = Encoder(tokenizer, Prompt(asked.template))
    prompts = [encoder.prompt_ids(one) for one in read_slice(Path(asked.data))]
    names = [str(at) for at in range(len(prompts))]
    vocabulary, sizes = read_vocabulary(tokenizer, model), Sizes.of(model)
    fit = rows_that_fit(model, asked.limit, None, asked.device)

    def answer(limit: int, count: int | None = None) -> list[Decoded]:
        """In batches, or the first `count` alone."""
        task = GenerateTask(stop="newline", limit=limit)
        chooser = Chooser(task, 0, asked.device, batched=count is None)
        decoder = Decoder(model, tokenizer, vocabulary, task, chooser)
        stream = decoder.fast(names, prompts, fit) if count is None else decoder.exact(names, prompts[:count])
        return sorted(stream, key=lambda one: one.index)

    answer(1)  # warms
    first, _ = _timed(lambda: answer(1), asked.device)
    whole, found = _timed(lambda: answer(asked.limit), asked.device)
    one, single = _timed(lambda: answer(asked.limit, asked.one_by_one), asked.device, rounds=1)
    lengths = [len(prompt) for prompt in prompts]
    operations = together(sizes, lengths, groups(prompts))
    new = [len(item.ids) for item in found]
    read = sum(
        decoding_bytes(sizes, [(lengths[row], new[row]) for row in batch])
        for batch in batches(prompts, lengths, fit)
    )
    peak, traffic = peaks(asked.device, DTYPES[asked.dtype])
    return {
        "questions": len(prompts),
        "prompt_tokens": sum(lengths),
        "new_tokens": sum(new),
        "seconds": whole,
        "first_token_seconds": first,
        "one_by_one": {"questions": len(single), "seconds": one},
        "same_answers": sum(a.ids == b.ids for a, b in zip(single, found, strict=False)),
        "times_faster": one / max(1, len(single)) * len(prompts) / whole,
        "saved_by_sharing": alone(sizes, lengths) / operations,
        "operations": operations,
        "arithmetic": {"peak": peak, "reached": operations / first, "share": operations / first / peak},
        "memory": _traffic(read, whole - first, traffic),
        "device": torch.cuda.get_device_name(0) if asked.device == "cuda" else "cpu",
    }


def _traffic(read: int, seconds: float, peak: float) -> dict[str, float] | None:
    """None where decoding took no time to speak of."""
    if seconds <= 0 or read == 0:
        return None
    return {"peak": peak, "reached": read / seconds, "share": read / seconds / peak}


def peaks(device: str, dtype: torch.dtype) -> tuple[float, float]:
    """Operations a second of a large matrix product, and bytes a second of a large copy, read and written."""
    side, length = (8192, 1 << 28) if device == "cuda" else (2048, 1 << 25)
    one = torch.randn(side, side, device=device).to(dtype)
    long = torch.zeros(length, dtype=torch.float32, device=device)
    target = torch.empty_like(long)
    product = min(_timed(lambda: one @ one, device, rounds=1)[0] for _ in range(5))
    copy = min(_timed(lambda: target.copy_(long), device, rounds=1)[0] for _ in range(5))
    return 2 * side**3 / product, 2 * 4 * length / copy


def _timed(act: Callable[[], Any], device: str, rounds: int = _ROUNDS) -> tuple[float, Any]:
    """Median seconds, and what came last."""
    taken, found = [], None
    for _ in range(rounds):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        found = act()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken), found


if __name__ == "__main__":
    sys.exit(answer_with(sys.argv[1:], lambda asked: measure(Asked(**asked))))
