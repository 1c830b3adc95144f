"""The loss below a frozen head, a few tokens at a time.

Logits of all tokens are the largest tensor of a tuning by far: 2 GB for 4 x 512 tokens of BLOOM's 250,880 entries in
float32, and the plain way holds several copies. The head is frozen, so what its input needs is known as soon as a
token's logits are: loss and gradient are taken together, and the logits are gone before the next chunk's are there.
Nothing is computed twice (checkpointing would run the head again, a quarter of all work for BLOOM-560m).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

IGNORED = -100

_CHUNK_BYTES = 2**28  # of one chunk of logits in float32; with larger ones a step is no faster
# Of the gradient at the logits: a power of two, so float32 and bfloat16 come out as without it; it keeps small
# probabilities above the floor of float16.
_SCALE = 1024.0


@dataclass(frozen=True)
class Split:
    """A causal language model as its parts: `head(body(ids)[0])` are its logits."""

    body: torch.nn.Module
    head: torch.nn.Linear


def split(model: Any) -> Split | None:
    """The parts of a model under peft; None where its logits are more than a frozen linear layer of its body.

    That is so for a soft-cap or a scale on the logits, and for a tuned head. Rather than by a list of families it is
    found out, on sixteen tokens from all over the vocabulary (one alone may be the padding, embedded as nought).
    Leaves the model in evaluation mode.
    """
    base = model.eval().get_base_model()
    body, head = base.base_model, base.get_output_embeddings()
    if body is base or type(head) is not torch.nn.Linear or any(p.requires_grad for p in head.parameters()):
        return None
    ids = torch.linspace(0, head.out_features - 1, 16, device=head.weight.device).long()[None]
    with torch.no_grad():
        same = torch.equal(base(input_ids=ids).logits.float(), head(body(input_ids=ids)[0]).float())
    return Split(body, head) if same else None


def nats(head: torch.nn.Linear, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """The cross entropy of all targets that are not `IGNORED`, summed, in float32; the head obeys autocast.

    `hidden`: (rows, length, width), what the body says of each place; `targets`: (rows, length), what comes next.
    """
    learnt = targets.ne(IGNORED)
    tokens = max(1, _CHUNK_BYTES // (4 * head.out_features))
    return _Nats.apply(hidden[learnt], targets[learnt], head, tokens)


class _Nats(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, targets: torch.Tensor, head: torch.nn.Linear, tokens: int
    ) -> torch.Tensor:
        device = hidden.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else head.weight.dtype
        weight = head.weight.to(dtype)  # once: autocast keeps no copy of frozen weights
        bias = None if head.bias is None else head.bias.to(dtype)
        total = torch.zeros((), device=hidden.device)
        gradient = torch.empty_like(hidden, dtype=torch.float32)
        for start in range(0, len(hidden), tokens):
            part = slice(start, start + tokens)
            gold = targets[part, None]
            logits = torch.nn.functional.linear(hidden[part].to(dtype), weight, bias).float()
            logits -= logits.amax(1, keepdim=True)
            total -= logits.gather(1, gold).sum()
            sums = logits.exp_().sum(1, keepdim=True)
            total += sums.log().sum()
            logits *= _SCALE / sums
            logits.scatter_add_(1, gold, torch.full_like(sums, -_SCALE))
            gradient[part] = (logits.to(dtype) @ weight).float() / _SCALE
        ctx.save_for_backward(gradient)
        ctx.dtype = hidden.dtype
        return total

    @staticmethod
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return (gradient * upstream).to(ctx.dtype), None, None, None
