"""Generation against the loop that papers are run with, and against lm-evaluation-harness.

`python -m tests.bench.generate [QUESTIONS] [ROUNDS]`, by default 20 (four contexts) and 7. float32, greedy, the end
token suppressed on all sides, XQuAD-IN's Hindi test questions in the order of their file; the sides take turns, every
round checks that their answers are the same. The mirror is the one of XLT_KIT_MIRROR.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import pipeline

from kit.job.decode import Decoder
from kit.job.measure import peaks
from kit.job.memory import rows_that_fit
from kit.job.prefix import batches, groups
from kit.job.prompt import Encoder, render
from kit.job.sampling import Chooser
from kit.job.vocabulary import decode_text, read_vocabulary
from kit.job.work_done import Sizes, decoding_bytes, together
from kit.jobdir import GenerateTask
from kit.score.answer import cut
from tests.bench.record import keep, spread
from tests.bench.subject import PROMPT, questions, widened

LONG, SHORT = 100, 8
_BATCHES = (1, 2, 4, 8)


@dataclass(frozen=True)
class Subject:
    """The model and what it is asked."""

    model: Any
    tokenizer: Any
    texts: list[str]
    prompts: list[list[int]]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of new tokens."""
        return decode_text(self.tokenizer, list(ids))


def subject(mirror: Path, count: int, languages: Sequence[str] = ("hi",), layers: int = 8) -> Subject:
    """The widened base, its end token suppressed for every side alike, and the first questions of each language."""
    model, tokenizer = widened(layers)
    end = tokenizer.eos_token_id

    def suppress(module: Any, inputs: Any, logits: torch.Tensor) -> torch.Tensor:
        logits[..., end] = torch.finfo(logits.dtype).min
        return logits

    model.lm_head.register_forward_hook(suppress)
    data = [one for language in languages for one in questions(mirror, language, count)]
    encoder = Encoder(tokenizer, PROMPT)
    return Subject(
        model,
        tokenizer,
        [render(PROMPT, one) for one in data],
        [encoder.prompt_ids(one) for one in data],
    )


def ours(asked: Subject, task: GenerateTask) -> list[str]:
    """The kit's fast mode, batches as it finds them."""
    vocabulary = read_vocabulary(asked.tokenizer, asked.model)
    decoder = Decoder(asked.model, asked.tokenizer, vocabulary, task, Chooser(task, 0, "cpu", batched=True))
    fit = rows_that_fit(asked.model, task.limit, None, "cpu")
    names = [str(at) for at in range(len(asked.prompts))]
    found = {one.index: asked.decode(one.ids) for one in decoder.fast(names, asked.prompts, fit)}
    return [found[at] for at in range(len(names))]


def plain(asked: Subject, limit: int) -> list[str]:
    """The protocol's loop: a pipeline, one prompt at a time."""
    generate = pipeline("text-generation", model=asked.model, tokenizer=asked.tokenizer, device="cpu")
    found = []
    for text, prompt in zip(asked.texts, asked.prompts, strict=True):
        settings = {"max_new_tokens": limit, "do_sample": False, "return_tensors": True}
        ids = generate(text, **settings)[0]["generated_token_ids"]
        assert list(ids[: len(prompt)]) == prompt, "the same token ids on both sides"
        found.append(asked.decode(ids[len(prompt) :]))
    return found


def harness(asked: Subject, batch: int) -> list[str]:
    """lm-evaluation-harness' own loop over the same requests, until the first newline."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    runner = HFLM(
        pretrained=asked.model, tokenizer=asked.tokenizer, batch_size=batch, device="cpu", add_bos_token=False
    )
    for text, prompt in zip(asked.texts, asked.prompts, strict=True):
        assert runner.tok_encode(text) == prompt, "the same token ids on both sides"
    wanted = {"until": ["\n"], "max_gen_toks": LONG, "do_sample": False}
    made = [Instance("generate_until", {}, (text, wanted), at) for at, text in enumerate(asked.texts)]
    return list(runner.generate_until(made, disable_tqdm=True))


def timed(run: Callable[[], list[str]]) -> tuple[float, list[str]]:
    """Seconds, and the answers as they are compared: the first line."""
    start = time.perf_counter()
    answers = run()
    return time.perf_counter() - start, answers


def interleaved(sides: dict[str, Callable[[], list[str]]], rounds: int) -> dict[str, list[float]]:
    """Each side in turn, so many rounds; the answers' first lines are the same in each."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for at in range(rounds):
        answers = {}
        for name, run in sides.items():
            seconds, found = timed(run)
            taken[name].append(seconds)
            answers[name] = [cut(text) for text in found]
            print(f"round {at + 1}  {name:40} {seconds:7.2f} s", flush=True)
        first = next(iter(answers.values()))
        for name, found in answers.items():
            assert found == first, f"{name} answers otherwise: {found} against {first}"
    return taken


def best_batch(asked: Subject) -> int:
    """The harness' best of some fixed batches, on all the questions."""
    seconds = {batch: timed(lambda batch=batch: harness(asked, batch))[0] for batch in _BATCHES}  # type: ignore[misc]
    print(
        "lm-evaluation-harness, seconds by batch:", {b: round(s, 1) for b, s in seconds.items()}, flush=True
    )
    return min(seconds, key=seconds.__getitem__)


def ceiling(prompts: Sequence[Sequence[int]], new: int) -> float:
    """How many times fewer token positions run through the model where prefixes are shared."""
    alone = sum(len(prompt) + new - 1 for prompt in prompts)
    shared = groups(prompts)
    together = sum(
        group.length + sum(len(prompts[row]) - group.length + new - 1 for row in group.rows)
        for group in shared
    )
    return alone / together


def roofline(asked: Subject, rounds: int) -> list[tuple[str, ...]]:
    """What the kit reaches of what this machine does on plain products and copies: prompts, then decoding.

    Counts are those of docs/speed.md. Decoding is the time of `SHORT` tokens less that of one, round by round.
    """
    sizes, lengths = Sizes.of(asked.model), [len(prompt) for prompt in asked.prompts]
    fit = rows_that_fit(asked.model, SHORT, None, "cpu")
    operations = together(sizes, lengths, groups(asked.prompts))
    rows = batches(asked.prompts, lengths, fit)
    read = sum(decoding_bytes(sizes, [(lengths[row], SHORT) for row in batch]) for batch in rows)
    peak, traffic = peaks("cpu", torch.float32)
    first, more = [], []
    for _ in range(rounds):
        first.append(timed(lambda: ours(asked, GenerateTask(stop="end", limit=1)))[0])
        whole = timed(lambda: ours(asked, GenerateTask(stop="end", limit=SHORT)))[0]
        more.append(max(whole - first[-1], 1e-9))
    prompts, decoding = operations / statistics.median(first), read / statistics.median(more)
    counted = f"{operations / 1e9:,.0f}e9 operations", f"{read / 1e9:.2f}e9 bytes"
    return [
        ("prompts", counted[0], spread(first), f"{prompts / 1e9:.0f}e9/s", f"{prompts / peak:.0%}"),
        (
            f"{SHORT - 1} more tokens",
            counted[1],
            spread(more),
            f"{decoding / 1e9:.1f}e9/s",
            f"{decoding / traffic:.0%}",
        ),
    ]


def main() -> None:
    """Measure and keep."""
    count, rounds = (int(word) for word in (*sys.argv[1:], *("20", "7")[len(sys.argv) - 1 :]))
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    asked = subject(Path(os.environ["XLT_KIT_MIRROR"]), count)
    newline, short = GenerateTask(stop="newline", limit=LONG), GenerateTask(stop="end", limit=SHORT)
    ours(asked, short)  # warms
    batch = best_batch(asked)
    long = interleaved(
        {
            "kit": lambda: ours(asked, newline),
            "pipeline": lambda: plain(asked, LONG),
            "harness": lambda: harness(asked, batch),
        },
        rounds,
    )
    brief = interleaved({"kit": lambda: ours(asked, short), "pipeline": lambda: plain(asked, SHORT)}, rounds)
    best = ceiling(asked.prompts, SHORT)
    about = (
        f"{count} questions of XQuAD-IN Hindi ({sum(map(len, asked.prompts)) / count:.0f} tokens a prompt), "
    )
    about += f"{asked.model.num_parameters() / 1e6:.0f} million parameters, float32, greedy; "
    keep(
        "roofline",
        "How near generation is to what the machine does",
        ("part", "at the least", "taken", "reached", "share"),
        roofline(asked, rounds),
        f"{about}shares of a large matrix product and of a large copy, measured just before; medians of {rounds}.",
    )
    keep(
        "generate",
        "Generation",
        ("the same answers", "the other", "xlt-kit", "times faster", "bar"),
        [
            _row("pipeline, 100 tokens, cut afterwards", long["pipeline"], long["kit"], "8"),
            _row(f"lm-evaluation-harness, batch {batch}", long["harness"], long["kit"], "2"),
            _row("pipeline, both 8 tokens", brief["pipeline"], brief["kit"], f"2.5; by tokens {best:.2f}"),
        ],
        f"{about}medians of {rounds} rounds in turn, least to most in brackets.",
    )


def _row(name: str, theirs: list[float], kit: list[float], bar: str) -> tuple[str, ...]:
    ratios = [a / b for a, b in zip(theirs, kit, strict=True)]
    ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return name, spread(theirs), spread(kit), ratio, bar


if __name__ == "__main__":
    main()
