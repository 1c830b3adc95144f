"""One view of a decoder's insides, whatever its family: embeddings, blocks, the last norm, the head.

Blocks are found by their number, the norm by the name that the family gives it; where either is not there, or where
norm and head do not give the model's own logits back, the lens has no meaning and the job says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from kit.job.failures import BadInput

_NORMS = ("ln_f", "norm", "final_layernorm", "final_layer_norm", "final_norm", "norm_f")
_HIDDEN = "hidden_states"
_SAME = 1e-2  # the head's logits against the model's own, as a share of their spread


class Layers:
    """A causal model's blocks, and the way from a hidden state to logits.

    Raises:
        BadInput: the model is not of that build.
    """

    def __init__(self, model: Any) -> None:
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        decoder = inner.get_decoder() or inner
        config = decoder.config  # of a model that sees pictures too, that of its text part
        count = config.num_hidden_layers
        lists = [m for m in decoder.modules() if isinstance(m, nn.ModuleList) and len(m) == count]
        norms = [getattr(decoder, name) for name in _NORMS if hasattr(decoder, name)]
        head = inner.get_output_embeddings()
        if not lists or len(norms) != 1 or head is None:
            raise BadInput(
                f"The layers of {type(inner).__name__} are not found: it has {len(lists)} lists of {count} blocks, "
                f"{len(norms)} last norms and {'a' if head is not None else 'no'} head.",
                "Leave the task lens, and `layers`, out for this model.",
            )
        self.body, self.blocks = decoder, lists[0]
        self._norm, self._head, self._name = norms[0], head, type(inner).__name__
        self._softcap = getattr(config, "final_logit_softcapping", None)

    @property
    def names(self) -> tuple[str, ...]:
        """What hidden states are called: `embedding`, then the blocks from 1 on."""
        return ("embedding", *(str(number) for number in range(1, len(self.blocks) + 1)))

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Hidden states of shape (…, hidden), of any layer, as if they were the last block's: (…, vocabulary)."""
        logits: torch.Tensor = self._head(self._norm(hidden))
        return logits if self._softcap is None else self._softcap * torch.tanh(logits / self._softcap)

    @property
    def rows(self) -> torch.Tensor:
        """The head's rows, (vocabulary, hidden)."""
        rows: torch.Tensor = self._head.weight
        return rows

    def check(self, last: torch.Tensor, own: torch.Tensor) -> None:
        """Norm and head must give the model's own logits back; both of shape (positions, …).

        Raises:
            BadInput: they do not, so that a lens has no meaning.
        """
        off = (self.logits(last).float() - own.float()).abs().max()
        if off > _SAME * own.float().std():
            raise BadInput(
                f"Norm and head of {self._name} do not give its own logits back, so a lens through them has no "
                "meaning.",
                "Leave the task lens out for this model.",
            )

    @contextmanager
    def live(self) -> Iterator[list[torch.Tensor]]:
        """Within it, each pass leaves the hidden states themselves in the list, in the order of `names`, as parts of
        its graph, which begins at the embeddings: (rows, columns, hidden) each.
        """
        kept: list[torch.Tensor] = [torch.empty(0)] * (len(self.blocks) + 1)

        def begin(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
            kept[0] = (inputs[0] if inputs else named[_HIDDEN]).detach().requires_grad_()
            return ((kept[0], *inputs[1:]), named) if inputs else (inputs, {**named, _HIDDEN: kept[0]})

        def after(number: int) -> Any:
            def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
                kept[number] = output[0] if isinstance(output, tuple) else output

            return keep

        hooks = [self.blocks[0].register_forward_pre_hook(begin, with_kwargs=True)]
        hooks += [block.register_forward_hook(after(number)) for number, block in enumerate(self.blocks, 1)]
        try:
            yield kept
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def changed(self, block: int, change: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
        """Within it, what `block` (from 1) gives on is changed at the last column: (rows, hidden) to the same."""

        def put(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            hidden[:, -1] = change(hidden[:, -1])
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        hook = self.blocks[block - 1].register_forward_hook(put)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def watched(self, columns: int) -> Iterator[list[torch.Tensor]]:
        """Within it, each pass leaves copies of the hidden states of its last `columns` in the list, in the order of
        `names`: (rows, columns, hidden) each, before the last norm. The next pass replaces them.
        """
        seen: list[torch.Tensor] = [torch.empty(0)] * (len(self.blocks) + 1)

        def before(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            seen[0] = (inputs[0] if inputs else named[_HIDDEN])[:, -columns:].clone()

        def after(number: int) -> Any:
            def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
                seen[number] = (output[0] if isinstance(output, tuple) else output)[:, -columns:].clone()

            return keep

        hooks = [self.blocks[0].register_forward_pre_hook(before, with_kwargs=True)]
        hooks += [block.register_forward_hook(after(number)) for number, block in enumerate(self.blocks, 1)]
        try:
            yield seen
        finally:
            for hook in hooks:
                hook.remove()
