"""An adapter at work in a window of layers (experiment S4 of the protocol).

`layers=0-4` means blocks by number, from 0, both ends counted; `layers=1/6` the first of six windows of as near as may
be the same size, which together hold every block once; where there are fewer blocks than windows, some hold none. In
the other blocks the adapter's layers let the base through, to the bit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer

from kit.job.failures import BadInput
from kit.job.layers import Layers
from kit.job.model import rewrites_base
from kit.jobdir.cell import LAYERS

_WINDOW = re.compile(r"(\d+)([-/])(\d+)")


def window_of(interventions: tuple[str, ...]) -> str:
    """The window that the first intervention names, as it is written; empty where it is of another kind."""
    first = interventions[0] if interventions else ""
    return first.removeprefix(LAYERS) if first.startswith(LAYERS) else ""


def blocks_in(window: str, count: int) -> range:
    """The blocks of a window, in a model of `count` blocks.

    Raises:
        BadInput: it is not written so, or names blocks that are not there.
    """
    found = _WINDOW.fullmatch(window)
    first, last = (int(found[1]), int(found[3])) if found else (1, 0)
    if found and found[2] == "/" and 1 <= first <= last:
        return range((first - 1) * count // last, first * count // last)
    if found and found[2] == "-" and first <= last < count:
        return range(first, last + 1)
    raise BadInput(
        f"There is no window of layers {window!r} in a model of {count} (0-{count - 1}).",
        f"Use layers such as 0-{count - 1}, or 1/6.",
    )


@contextmanager
def at_work_in(window: str, model: Any) -> Iterator[None]:
    """The adapter that a model wears, in these layers alone; on leaving it is at work everywhere again.

    Raises:
        BadInput: there is no such window, no adapter, or it changes more of the model than its blocks.
    """
    if not hasattr(model, "peft_config"):
        raise BadInput(f"A base has no adapter that could be at work in layers {window}.")
    blocks = Layers(model).blocks
    chosen = blocks_in(window, len(blocks))
    adapted = [[m for m in block.modules() if isinstance(m, BaseTunerLayer)] for block in blocks]
    _check(model, sum(map(len, adapted)))
    off = [layer for number, own in enumerate(adapted) if number not in chosen for layer in own]
    for layer in off:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in off:
            layer.enable_adapters(True)
            for name in layer.adapter_layer_names:  # it would be trained now, were there a tuning
                getattr(layer, name).requires_grad_(False)


def _check(model: Any, in_blocks: int) -> None:
    config = model.peft_config["default"]
    everywhere = sum(isinstance(module, BaseTunerLayer) for module in model.modules())
    if everywhere == in_blocks and not rewrites_base(config) and not config.modules_to_save:
        return
    raise BadInput(
        "The adapter changes more of the model than linear maps within its blocks (biases, embeddings, head, whole "
        "modules), which no window of layers takes away.",
        "Leave `layers` out for this adapter.",
    )
