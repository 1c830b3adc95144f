"""The lens against its naive forms: the same masses, seconds of each, in turns.

`python -m tests.bench.lens [QUESTIONS] [ROUNDS]`, by default 5 and 7. All sides have a random BLOOM of 110 million
parameters with BLOOM's own vocabulary of 250,880, two threads, float32, and XQuAD-IN's English test questions in the
order of their file. *Whole sequences*: the library's hidden states of one prompt at a time, each layer's whole sequence
through norm, head and softmax, then the last token's row times the matrix. *Last token*: the same, and no more of it
than the last token. Every round checks that the masses are the same. The mirror is the one of XLT_KIT_MIRROR.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import BloomConfig, BloomForCausalLM

from kit.job.classes import Classes, classes_of
from kit.job.layers import Layers
from kit.job.lens import Lens
from kit.job.memory import rows_that_fit
from kit.job.model import load_tokenizer
from kit.job.prompt import Encoder
from kit.job.scoring import Row
from tests.bench.record import keep, spread
from tests.bench.subject import EMBEDDED, PROMPT, questions

Masses = NDArray[np.float32]
_BAR = 20.0
_VOCABULARY, _HIDDEN, _LAYERS = 250_880, 384, 8


def ours(model: Any, classes: Classes, rows: Sequence[Row]) -> Masses:
    """As the job does it."""
    found = Lens(model, classes, 0).fast(rows, rows_that_fit(model, 0, None, "cpu"))
    return np.stack([one.mass for one in sorted(found, key=lambda one: one.index)])


@torch.inference_mode()
def naive(model: Any, classes: Classes, rows: Sequence[Row], last_only: bool) -> Masses:
    """One prompt at a time from `output_hidden_states`, the last token's states or all of them through the head."""
    layers = Layers(model)
    found = []
    for prompt, _ in rows:
        keep_all = {"output_hidden_states": True, "use_cache": False, "logits_to_keep": int(last_only)}
        hidden = model(torch.tensor([prompt]), **keep_all).hidden_states
        masses = []
        for number, one in enumerate(hidden):
            states = one[:, -1:] if last_only else one
            is_last = number == len(hidden) - 1  # the library has normalised it already
            logits = model.get_output_embeddings()(states) if is_last else layers.logits(states)
            masses.append((torch.softmax(logits, dim=-1) @ classes.weights)[0, -1])
        found.append(torch.stack(masses).numpy())
    return np.stack(found)


def main() -> None:
    """Rounds of all sides in turns."""
    count, rounds = (int(word) for word in (*sys.argv[1:3], *("5", "7")[len(sys.argv) - 1 :]))
    torch.set_num_threads(2)
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=_VOCABULARY, hidden_size=_HIDDEN, n_layer=_LAYERS, n_head=6)
    model = BloomForCausalLM(config).eval()
    tokenizer = load_tokenizer(EMBEDDED)
    encoder = Encoder(tokenizer, PROMPT)
    asked = questions(Path(os.environ["XLT_KIT_MIRROR"]), "en", count)
    rows: list[Row] = [(encoder.prompt_ids(one), []) for one in asked]
    classes = classes_of("script", tokenizer, _VOCABULARY)
    sides: dict[str, Callable[[], Masses]] = {
        "kit": lambda: ours(model, classes, rows),
        "naive, last token": lambda: naive(model, classes, rows, True),
        "naive, whole sequences": lambda: naive(model, classes, rows, False),
    }
    taken: dict[str, list[float]] = {name: [] for name in sides}
    ours(model, classes, rows[:2])  # warms up
    for number in range(rounds):
        found = {}
        for name in list(sides)[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            found[name] = sides[name]()
            taken[name].append(time.perf_counter() - start)
            print(f"round {number + 1}: {name} {taken[name][-1]:.2f} s", flush=True)
        for masses in found.values():
            np.testing.assert_allclose(masses, found["kit"], atol=2e-5)
    ratios = {
        name: statistics.median(other / own for other, own in zip(seconds, taken["kit"], strict=True))
        for name, seconds in taken.items()
    }
    table = [(name, spread(taken[name]), "" if name == "kit" else f"{ratios[name]:.3g}") for name in sides]
    parameters = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    words = (
        f"The logit lens at the last token of {count} prompts of {sum(len(p) for p, _ in rows) // count} tokens, "
        f"{_LAYERS + 1} layers, a vocabulary of {_VOCABULARY:,}, {parameters:.0f}M parameters, float32, two threads; "
        f"{rounds} rounds, ratios round by round. Bar: {_BAR:g} times the naive form over whole sequences."
    )
    keep("lens", "Lens", ("side", "seconds", "kit is faster, times"), table, words)
    if ratios["naive, whole sequences"] < _BAR:
        sys.exit(f"below the bar of {_BAR:g}")


if __name__ == "__main__":
    main()
