"""`python -m kit.job.check SPEC.json`: what a causal model is, and whether the kit's way with models is right for it.

Prints one JSON object: facts, and findings with a remedy each. The model is loaded once; a few prompts in each language
are run through it in batches and one by one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn

from kit.data.example import Example, read_slice
from kit.job.chat import dialogue
from kit.job.decode import Decoder
from kit.job.failures import BadInput
from kit.job.layers import Layers
from kit.job.memory import rows_that_fit
from kit.job.model import load_base, load_tokenizer
from kit.job.prompt import Encoder
from kit.job.sampling import Chooser
from kit.job.tool import answer
from kit.job.vocabulary import read_vocabulary
from kit.job.work_done import Sizes
from kit.jobdir import GenerateTask, Prompt
from kit.jobdir.spec import Dtype

_LIMIT = 8
_ROWS, _COLUMNS = 8, 1_000
"""Questions at a time, and tokens of each, for which memory is told."""
_SAME = 1e-3
"""Logits by way of the lens against the model's own, as a share of their spread."""
_MANY = 6.0
"""Tokens a word from which on texts get long, and long texts are cut."""
_QKV = ("query_key_value", "qkv_proj", "c_attn", "q_proj", "k_proj", "v_proj", "query", "key", "value")


@dataclass(frozen=True)
class Asked:
    """What is checked: a model's folder, slices of questions by language, the template of the prompt."""

    model: str
    data: Mapping[str, str]
    template: str
    device: str = "cpu"
    dtype: Dtype = "float32"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: `fine`, a `warning` or a `problem`, with its remedy."""

    what: str
    state: str
    says: str
    remedy: str | None = None


def check(asked: Asked) -> dict[str, Any]:
    """Facts and findings. Raises BadInput: the model cannot be loaded at all."""
    transformers.logging.disable_progress_bar()
    started = time.perf_counter()
    model, tokenizer = (
        load_base(Path(asked.model), asked.dtype, asked.device),
        load_tokenizer(Path(asked.model)),
    )
    loaded = time.perf_counter() - started
    examples = {language: read_slice(Path(path), language) for language, path in asked.data.items()}
    prompts = _prompts(tokenizer, Prompt(asked.template), examples)
    facts = {**_facts(model, tokenizer), "seconds_to_load": round(loaded, 2)}
    if unfit := list(_size(tokenizer, model)):  # it would fail at the first token that it does not know
        return {"facts": facts, "findings": [asdict(finding) for finding in unfit]}
    findings = [
        *_vocabulary(tokenizer, model),
        *_chat(tokenizer),
        *_lens(model, prompts),
        *_batches(model, tokenizer, prompts, asked.device, facts),
        *_languages(tokenizer, examples, facts),
    ]
    return {"facts": facts, "findings": [asdict(finding) for finding in findings]}


def _prompts(tokenizer: Any, prompt: Prompt, examples: Mapping[str, Sequence[Example]]) -> list[list[int]]:
    encoder = Encoder(tokenizer, prompt)
    return [encoder.prompt_ids(one) for some in examples.values() for one in some]


def _facts(model: Any, tokenizer: Any) -> dict[str, Any]:
    linear = _linear_names(model)
    config = model.config.get_text_config()
    return {
        "class": type(model).__name__,
        "architecture": str(model.config.model_type),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "layers": int(config.num_hidden_layers),
        "hidden": int(config.hidden_size),
        "vocabulary": int(model.get_output_embeddings().weight.shape[0]),
        "tokens": len(tokenizer),
        "context": getattr(config, "max_position_embeddings", None) or getattr(config, "seq_length", None),
        "memory_gb": _memory(model),
        "targets": {"scripts": linear, "qkv": [name for name in linear if name in _QKV] or linear},
    }


def _memory(model: Any) -> dict[str, float]:
    """Gigabytes of weights, and of the cache of some questions, by data type; tuning takes more (`xlt-kit plan`)."""
    numbers = sum(parameter.numel() for parameter in model.parameters())
    sizes = Sizes.of(model)
    cached = _ROWS * sizes.cache_bytes(_COLUMNS) / sizes.size
    types = {"bfloat16": 2, "float32": 4}
    return {name: round((numbers + cached) * size / 1e9, 3) for name, size in types.items()}


def _linear_names(model: Any) -> list[str]:
    """The last parts of the names of linear modules within blocks, in the order of a block: what LoRA can adapt."""
    head = model.get_output_embeddings()
    found = {
        name.rpartition(".")[2]: None
        for name, module in model.named_modules()
        if (isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D")
        and module is not head
        and any(part.isdigit() for part in name.split("."))
    }
    return list(found)


def _vocabulary(tokenizer: Any, model: Any) -> Iterator[Finding]:
    try:
        vocabulary = read_vocabulary(tokenizer, model)
    except BadInput as problem:
        yield Finding(
            "end token", "problem", problem.message, "set eos_token in tokenizer_config.json of its folder"
        )
        return
    names = ", ".join(repr(tokenizer.convert_ids_to_tokens(i)) for i in vocabulary.end)
    yield Finding("end token", "fine", f"{names}; {len(vocabulary.new_line)} tokens begin a new line")
    pad = tokenizer.pad_token_id
    if pad is None:
        yield Finding(
            "pad token", "fine", "none: the kit pads with the end token and masks by length, not by token"
        )
    elif pad in vocabulary.end:
        yield Finding(
            "pad token",
            "warning",
            "it is the end token: a collator that masks pads never lets the end be learnt (trap 1)",
            "leave `end_token: learnt` as it is in `fidelity: sound`",
        )
    else:
        yield Finding("pad token", "fine", repr(tokenizer.convert_ids_to_tokens(pad)))


def _size(tokenizer: Any, model: Any) -> Iterator[Finding]:
    rows = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > rows:
        yield Finding(
            "vocabulary",
            "problem",
            f"the tokenizer has {len(tokenizer)} tokens, and the model embeds {rows}",
            "take the tokenizer of this very model",
        )


def _chat(tokenizer: Any) -> Iterator[Finding]:
    template = getattr(tokenizer, "chat_template", None)
    if not template:
        yield Finding("chat template", "fine", "none: plain prompts, as the paper's")
        return
    try:
        found = dialogue(tokenizer)
    except BadInput as problem:
        yield Finding(
            "chat template", "warning", f"it has one: {problem.message}", "leave `chat` out of its prompts"
        )
        return
    thinks = "; it can think before it answers, which is switched off" if found and found.thinking else ""
    yield Finding(
        "chat template",
        "warning",
        f"it has one, so it was tuned on conversations{thinks}; plain prompts, as the paper's, do not use it",
        "ask in both ways: prompts: [qa, {prompt: qa, chat: template}]",
    )


def _lens(model: Any, prompts: Sequence[Sequence[int]]) -> Iterator[Finding]:
    try:
        layers = Layers(model)
    except BadInput as problem:
        yield Finding("layers", "warning", problem.message, problem.remedy)
        return
    ids = torch.tensor([list(prompts[0])], device=next(model.parameters()).device)
    with layers.live() as kept:
        own = model(input_ids=ids).logits[0, -1].detach().float()
    with torch.no_grad():
        through = layers.logits(kept[-1].detach()[:, -1]).float()[0]
    apart = float((own - through).abs().max() / own.std().clamp_min(1e-9))
    where = f"{len(layers.blocks)} blocks, norm and head found"
    if apart > _SAME:
        yield Finding(
            "lens",
            "problem",
            f"{where}, but the last block through them is {apart:.2g} of a spread away from the model's own logits",
            "leave the task lens out for this model",
        )
    else:
        yield Finding("lens", "fine", f"{where}; the last layer gives the model's own logits")


def _batches(
    model: Any, tokenizer: Any, prompts: Sequence[list[int]], device: str, facts: dict[str, Any]
) -> Iterator[Finding]:
    """Padding and shared prefixes: the same answers as one prompt at a time."""
    try:
        vocabulary = read_vocabulary(tokenizer, model)
    except BadInput:
        return
    task, names = GenerateTask(stop="newline", limit=_LIMIT), [str(at) for at in range(len(prompts))]

    def answers(batched: bool) -> tuple[list[tuple[int, ...]], float]:
        decoder = Decoder(model, tokenizer, vocabulary, task, Chooser(task, 0, device, batched=batched))
        fit = rows_that_fit(model, _LIMIT, None, device)
        start = time.perf_counter()
        stream = decoder.fast(names, prompts, fit) if batched else decoder.exact(names, prompts)
        found = sorted(stream, key=lambda one: one.index)
        return [tuple(one.ids) for one in found], time.perf_counter() - start

    (fast, seconds), (alone, slow) = answers(True), answers(False)
    same = sum(one == two for one, two in zip(fast, alone, strict=True))
    facts["seconds_a_question"] = {
        "batches": round(seconds / len(prompts), 4),
        "alone": round(slow / len(prompts), 4),
    }
    says = f"{same} of {len(prompts)} answers are those of one prompt at a time"
    if same == len(prompts):
        yield Finding("padding and shared prefixes", "fine", says)
    else:
        yield Finding(
            "padding and shared prefixes",
            "warning",
            says,
            "set `switches.mode: exact`, or see whether float32 agrees: --dtype float32",
        )


def _languages(
    tokenizer: Any, examples: Mapping[str, Sequence[Example]], facts: dict[str, Any]
) -> Iterator[Finding]:
    """Tokens a word, and whether a text comes back from its tokens."""
    fertility, lost = {}, []
    for language, some in examples.items():
        texts = [f"{one.context} {one.question}" for one in some]
        ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        fertility[language] = round(sum(map(len, ids)) / max(1, sum(len(text.split()) for text in texts)), 2)
        back = [tokenizer.decode(one, clean_up_tokenization_spaces=False) for one in ids]
        if any("".join(one.split()) != "".join(text.split()) for one, text in zip(back, texts, strict=True)):
            lost.append(language)
    facts["tokens_a_word"] = fertility
    told = ", ".join(f"{language} {value:g}" for language, value in fertility.items())
    if lost:
        yield Finding(
            "languages",
            "warning",
            f"texts in {', '.join(lost)} do not come back from their tokens, so it cannot write them; tokens a word: "
            f"{told}",
            "leave these languages out",
        )
    elif many := [language for language, value in fertility.items() if value > _MANY]:
        yield Finding(
            "languages",
            "warning",
            f"tokens a word: {told}; in {', '.join(many)} texts get long",
            "look at `truncation` of the tunings, and raise `sequence_limit`",
        )
    else:
        yield Finding("languages", "fine", f"all come back from their tokens; tokens a word: {told}")


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1:], lambda asked: check(Asked(**asked))))
