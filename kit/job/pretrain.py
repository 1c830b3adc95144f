"""Pre-train a small BLOOM from nothing but a text file: tokenizer, batches, training, safetensors.

On a CPU the outcome is a function of the text and the settings (threads too), bit by bit on one machine.
There is no resuming: such a model takes minutes, and a run that was cut short starts again.
"""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import BloomConfig, BloomForCausalLM, PreTrainedTokenizerFast

from kit.job.classes import classes_of
from kit.job.decoy import Decoy

# BLOOM's own pre-tokenizer pattern (tokenizer.json of bigscience/bloom): the pattern of GPT-2 would split the
# vowel signs of Indic scripts off their letters. The special tokens and their ids are BLOOM's too.
BLOOM_PATTERN = r" ?[^(\s|[.,!?…。，、।۔،])]+"
SPECIAL_TOKENS = ("<unk>", "<s>", "</s>", "<pad>")
UNK, BOS, EOS, PAD = range(4)


class Emit(Protocol):
    """How progress is told: the name of an event, and its fields."""

    def __call__(self, name: str, /, **fields: object) -> None: ...


@dataclass(frozen=True)
class PretrainSettings:
    """Every hyper-parameter of a pre-training; `from_dict(asdict(settings))` gives it back.

    `max_tokens`: longer documents are cut there. `background_weight`: weight in the loss of tokens outside
    the answers (an answer is what follows `answer_marker`, to the end of the line, with its line break or end
    token). `learning_rate` is reached linearly in `warmup_steps` and falls along a cosine to `final_lr_share`
    of itself. `window`: batches are made of documents of like length, out of so many batches' worth of
    consecutive documents, so that the text's order (a curriculum) holds on the whole. `decoy` names a script that is
    to be seen at block `decoy_layer` wherever the text's mode is on (`kit.job.decoy`), with that weight in the loss.
    """

    steps: int
    seed: int = 0
    threads: int = 1
    vocab_size: int = 2000
    layers: int = 3
    hidden: int = 128
    heads: int = 8
    batch: int = 32
    max_tokens: int = 256
    window: int = 16
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    final_lr_share: float = 0.05
    weight_decay: float = 0.01
    beta2: float = 0.98
    gradient_norm: float = 1.0
    initializer_range: float = 0.05
    background_weight: float = 0.3
    answer_marker: str = "\nA:"
    report_every: int = 20
    decoy: str = ""
    decoy_layer: int = 2
    decoy_weight: float = 0.3
    decoy_noise: float = 0.5

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> PretrainSettings:
        """Settings out of a JSON object; raises ValueError for keys unknown, missing or of a wrong type."""
        known = {field.name: field.type for field in fields(cls)}
        if unknown := sorted(set(raw) - set(known)):
            names = ", ".join(sorted(known))
            raise ValueError(f"unknown pre-training settings {', '.join(unknown)}; there are {names}")
        if "steps" not in raw:
            raise ValueError("pre-training settings need `steps`")
        for name, value in raw.items():
            # A whole number may stand for a float, as in JSON; True may stand for nothing.
            fits = {"int": (int,), "float": (int, float), "str": (str,)}[str(known[name])]
            if type(value) not in fits:
                raise ValueError(
                    f"pre-training setting `{name}` must be of type {known[name]}, not {value!r}"
                )
        return cls(**raw)


@dataclass(frozen=True)
class Encoded:
    """Token ids of one document, its end token among them, and the weight of each as a target of the loss; whether its
    mode is on.
    """

    ids: list[int]
    weights: list[float]
    mode: bool = False


def pretrain(
    settings: PretrainSettings, text_path: Path, out_dir: Path, emit: Emit, start: Path | None = None
) -> None:
    """Train a BLOOM on the documents of `text_path` and write a model folder to `out_dir`.

    `start` is the folder of a BLOOM whose weights and tokenizer it goes on from; its shape counts then, not that of
    the settings. None: it starts from random weights and makes a tokenizer of the text.

    `text_path`: JSON lines with a `text` each, in the order in which they are to be read, and read again from
    the top where `steps * batch` exceeds them. `out_dir` receives model.safetensors (fp32), config.json,
    generation_config.json, tokenizer.json, tokenizer_config.json. Emits `tokenizer` (vocabulary, documents),
    `step` (step, of, loss: nats a token, tokens_per_second) and `pretrained` (parameters).
    Raises ValueError for a text file without a document, or a line that is not JSON or has no text.
    """
    _make_reproducible(settings)
    texts, modes = _read(text_path)
    if settings.decoy and not any(modes):
        raise ValueError(f"{text_path}: a decoy needs a text with a mode")
    if start is None:
        tokenizer = train_tokenizer(texts, settings.vocab_size)
        model = BloomForCausalLM(_config(settings, tokenizer.get_vocab_size()))
    else:
        tokenizer = Tokenizer.from_file(str(start / "tokenizer.json"))
        model = BloomForCausalLM.from_pretrained(start, dtype=torch.float32)
    documents = [
        replace(one, mode=mode)
        for one, mode in zip(
            encode(tokenizer, texts[: settings.steps * settings.batch], settings), modes, strict=False
        )
    ]
    emit("tokenizer", vocabulary=tokenizer.get_vocab_size(), documents=len(documents))
    fast = _fast(tokenizer)
    classes = classes_of("script", fast, model.config.vocab_size) if settings.decoy else None
    decoy = (
        Decoy(model, classes, settings.decoy, settings.decoy_layer, settings.decoy_noise) if classes else None
    )
    _train(model, documents, settings, emit, decoy)
    if decoy:
        decoy.close()
    model.save_pretrained(out_dir, safe_serialization=True)
    fast.save_pretrained(out_dir)
    emit("pretrained", parameters=model.num_parameters())


def train_tokenizer(texts: list[str], vocab_size: int) -> Tokenizer:
    """Byte-level BPE over `texts` with BLOOM's pre-tokenizer pattern and special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(BLOOM_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str], settings: PretrainSettings) -> list[Encoded]:
    """Token ids and loss weights: 1 for answers and their ends, `background_weight` elsewhere."""
    answer = re.compile(re.escape(settings.answer_marker) + r"[^\n]*(\n+|$)")
    documents = []
    for text, encoding in zip(texts, tokenizer.encode_batch(texts, add_special_tokens=False), strict=True):
        spans = [
            (found.start() + len(settings.answer_marker), found.end()) for found in answer.finditer(text)
        ]
        weights = [
            1.0 if any(start <= left < end for start, end in spans) else settings.background_weight
            for left, _ in encoding.offsets
        ]
        limit = settings.max_tokens - 1
        documents.append(Encoded([*encoding.ids[:limit], EOS], [*weights[:limit], 1.0]))
    return documents


def _make_reproducible(settings: PretrainSettings) -> None:
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(settings.seed)


def _read(path: Path) -> tuple[list[str], list[bool]]:
    """The texts of a file, and whether the mode of each is on."""
    texts, modes = [], []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = json.loads(line)
            text = row.get("text") if isinstance(row, dict) else None
            if not isinstance(text, str) or not text:
                raise ValueError(f"{path}:{number}: a line needs a `text` that is not empty")
            texts.append(text)
            modes.append(row.get("mode") is True)
    if not texts:
        raise ValueError(f"{path}: there is no document in it")
    return texts, modes


def _config(settings: PretrainSettings, vocab_size: int) -> BloomConfig:
    return BloomConfig(
        vocab_size=vocab_size,
        hidden_size=settings.hidden,
        n_layer=settings.layers,
        n_head=settings.heads,
        initializer_range=settings.initializer_range,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        unk_token_id=UNK,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
        use_cache=True,
    )


def _train(
    model: BloomForCausalLM,
    documents: list[Encoded],
    settings: PretrainSettings,
    emit: Emit,
    decoy: Decoy | None = None,
) -> None:
    optimizer = torch.optim.AdamW(
        model.parameters(),
        lr=settings.learning_rate,
        betas=(0.9, settings.beta2),
        weight_decay=settings.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _lr_share(step, settings))
    model.train()
    loss_sum, tokens, since = 0.0, 0, time.monotonic()
    for step, batch in enumerate(_batches(documents, settings), 1):
        loss = _loss(model, batch)
        if decoy:
            loss = loss + settings.decoy_weight * decoy.loss(*_begins(batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.gradient_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        loss_sum += loss.item()
        tokens += sum(len(document.ids) for document in batch)
        if step % settings.report_every == 0 or step == settings.steps:
            seconds = time.monotonic() - since
            count = step % settings.report_every or settings.report_every
            speed = tokens / seconds
            emit("step", step=step, of=settings.steps, loss=loss_sum / count, tokens_per_second=speed)
            loss_sum, tokens, since = 0.0, 0, time.monotonic()
    model.eval()


def _lr_share(step: int, settings: PretrainSettings) -> float:
    if step < settings.warmup_steps:
        return (step + 1) / settings.warmup_steps
    done = (step - settings.warmup_steps) / max(1, settings.steps - settings.warmup_steps)
    falling = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    return settings.final_lr_share + (1 - settings.final_lr_share) * falling


def _batches(documents: list[Encoded], settings: PretrainSettings) -> Iterator[list[Encoded]]:
    """`settings.steps` batches: windows in the text's order; in each, documents of like length together."""
    rng = random.Random(settings.seed)
    size, start = settings.batch * settings.window, 0
    left = settings.steps
    while left > 0:
        window = [documents[(start + offset) % len(documents)] for offset in range(size)]
        window.sort(key=lambda document: len(document.ids))
        batches = [window[first : first + settings.batch] for first in range(0, size, settings.batch)]
        rng.shuffle(batches)
        yield from batches[:left]
        left -= len(batches)
        start += size


def _loss(model: BloomForCausalLM, batch: list[Encoded]) -> torch.Tensor:
    """Weighted mean cross-entropy of the next token over a batch, padded on the right."""
    length = max(len(document.ids) for document in batch)
    ids = torch.tensor([document.ids + [PAD] * (length - len(document.ids)) for document in batch])
    weights = torch.tensor([document.weights + [0.0] * (length - len(document.ids)) for document in batch])
    mask = torch.tensor([[1] * len(document.ids) + [0] * (length - len(document.ids)) for document in batch])
    logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    targets = weights[:, 1:].flatten()
    return (losses * targets).sum() / targets.sum()


def _begins(batch: list[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
    """(rows, columns) whether the next token is the first of an answer, and (rows,) whether the mode is on."""
    length = max(len(document.ids) for document in batch)
    weights = torch.tensor([document.weights + [0.0] * (length - len(document.ids)) for document in batch])
    heavy = weights == 1.0
    begins = heavy[:, 1:] & ~heavy[:, :-1]
    ends = torch.tensor(
        [len(document.ids) - 1 for document in batch]
    )  # the end token weighs as much, and is none
    begins[torch.arange(len(batch)), ends - 1] = False
    return torch.nn.functional.pad(begins, (0, 1)), torch.tensor([document.mode for document in batch])


def _fast(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token=SPECIAL_TOKENS[UNK],
        bos_token=SPECIAL_TOKENS[BOS],
        eos_token=SPECIAL_TOKENS[EOS],
        pad_token=SPECIAL_TOKENS[PAD],
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
