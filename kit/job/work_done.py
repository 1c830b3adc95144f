"""How many operations and bytes an evaluation takes at the least, from sizes alone; docs/speed.md derives them. Pure.

Operations are multiplications and additions of matrix products, two a pair of numbers; what is left out (norms,
softmax, biases) is below a hundredth. Padding and waiting do not count: what they cost shows in the share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kit.job.prefix import Group


@dataclass(frozen=True)
class Sizes:
    """Of a decoder: numbers in its layers' matrices, in its head, layers, width of all heads' queries and of keys and
    values together, bytes a number.
    """

    body: int
    head: int
    layers: int
    queries: int
    cached: int
    size: int

    @classmethod
    def of(cls, model: object) -> Sizes:
        """Those of a loaded model of transformers."""
        config = model.config.get_text_config()  # type: ignore[attr-defined]
        heads = config.num_attention_heads
        wide = getattr(config, "head_dim", None) or config.hidden_size // heads
        shared = getattr(config, "num_key_value_heads", None) or heads
        parameters = list(model.parameters())  # type: ignore[attr-defined]
        table = model.get_output_embeddings().weight  # type: ignore[attr-defined]
        tables = {id(table): table, id(one := model.get_input_embeddings().weight): one}  # type: ignore[attr-defined]
        body = sum(one.numel() for one in parameters if one.dim() > 1) - sum(
            one.numel() for one in tables.values()
        )
        return cls(
            body,
            table.numel(),
            config.num_hidden_layers,
            heads * wide,
            2 * shared * wide,
            table.element_size(),
        )

    def operations(self, new: int, before: int, heads: int) -> int:
        """Of `new` columns of one row after `before` others, with the logits of `heads` of them."""
        seen = new * before + new * (new + 1) // 2
        return 2 * self.body * new + 4 * self.layers * self.queries * seen + 2 * self.head * heads

    @property
    def weight_bytes(self) -> int:
        """Read once by every pass."""
        return (self.body + self.head) * self.size

    def cache_bytes(self, columns: int) -> int:
        """Keys and values of so many columns of one row."""
        return self.layers * self.cached * columns * self.size


def alone(sizes: Sizes, prompts: Sequence[int]) -> int:
    """Operations until the first new token of each prompt (of these lengths), each run by itself."""
    return sum(sizes.operations(length, 0, 1) for length in prompts)


def together(sizes: Sizes, prompts: Sequence[int], shared: Sequence[Group]) -> int:
    """The same, what groups share being run once."""
    return sum(
        sizes.operations(group.length, 0, 0)
        + sum(sizes.operations(prompts[row] - group.length, group.length, 1) for row in group.rows)
        for group in shared
    )


def decoding_bytes(sizes: Sizes, batch: Sequence[tuple[int, int]]) -> int:
    """Bytes read while a batch is decoded, from (prompt, new tokens) of each row: every step reads the weights once,
    and what each running row has cached. The first new token comes with the prompt.
    """
    steps = max(new for _, new in batch) - 1
    cached = sum(sizes.cache_bytes(prompt + at) for prompt, new in batch for at in range(1, new))
    return steps * sizes.weight_bytes + cached
