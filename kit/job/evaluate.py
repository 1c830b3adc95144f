"""Evaluation: one base in memory, and one finished cell after the other.

Cells that share dtype and parent adapters share the base in memory; within it, cells of one adapter come
together. A cell is written to the job's scratch folder and put in place by one rename: it is there whole, or
not at all.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from kit.data.example import Example, read_slice, slice_id
from kit.job.bases import Bases, Emit
from kit.job.chat import notes
from kit.job.choices import Offers, continuation
from kit.job.classes import Classes
from kit.job.constrain import Constraint
from kit.job.contrast import contrasts, told
from kit.job.decode import Decoder
from kit.job.failures import BadInput, unstopped
from kit.job.interchange import Interchange, Swapped
from kit.job.lens import Lens, Look, Seen
from kit.job.memory import rows_that_fit
from kit.job.model import Base, adapter_digest, context_length
from kit.job.prompt import Encoder
from kit.job.ranking import Ranker, in_parts, ranked
from kit.job.sampling import Chooser
from kit.job.scoring import Row, Scored, Scorer
from kit.job.translators import read_translators
from kit.job.vocabulary import Vocabulary, decode_text, read_vocabulary
from kit.job.window import at_work_in, window_of
from kit.jobdir import (
    CELL_SCHEMA,
    ITEMS_FILE,
    LENS_FILE,
    CellSpec,
    EvaluateSpec,
    GenerateTask,
    InterchangeTask,
    JobFolder,
    JobSpec,
    LensTask,
    Prompt,
    ScoreTask,
    digest_of_cell,
    encode,
    is_map,
    publish_folder,
)
from kit.jobdir.spec import Dtype
from kit.score import cut

_VERSION = 1  # of the job kind
_ROWS_AT_ONCE = 2_048  # spans that are scored together
_TELL_EVERY = 1.0  # seconds between two progress events


@dataclass(frozen=True)
class Desk:
    """What a job works with from beginning to end: `bases` has the base in memory, `landed` takes the digest of each
    thing that lands.
    """

    job: JobSpec
    folder: JobFolder
    environment: Mapping[str, Any]
    emit: Emit
    bases: Bases
    landed: dict[str, str]


@dataclass(frozen=True)
class _Stage:
    """What the cells of one subject share while it stands in memory."""

    model: Any
    tokenizer: Any
    vocabulary: Vocabulary
    desk: Desk
    base: Base
    """Under what is worn: the model with the subject's last adapter."""

    def classes(self, matrix: str) -> Classes:
        """The classes of tokens under that name, or under the content id of a map."""
        place = self.desk.job.inputs.get(matrix)
        return self.base.classes(matrix, Path(place) if place else None)

    def ends(self, prompt: Prompt) -> Vocabulary:
        """The vocabulary with what ends an answer to that prompt first among the ends."""
        if prompt.chat == "plain":
            return self.vocabulary
        return Encoder(self.tokenizer, replace(prompt, shots="", shot="")).ends(self.vocabulary)

    def encoder(self, prompt: Prompt) -> Encoder:
        """What makes token ids of items under a prompt, its shots read."""
        shots = read_examples(self.desk.job, prompt.shots) if prompt.shots else []
        return Encoder(self.tokenizer, prompt, shots)


def evaluate(desk: Desk) -> None:
    """Produce the job's cells that are not in its folder yet.

    Raises:
        BadInput: an input is missing, cannot be loaded, or a cell asks for what this version cannot do.
    """
    job, cells = desk.job, desk.folder.cells
    assert isinstance(job.work, EvaluateSpec)
    # Digests are taken when a cell is ready, not at the end: the host moves cells away while the job goes on.
    there = [key for key in job.keys if (cells / key).is_dir()]
    desk.landed.update({key: digest_of_cell(cells / key) for key in there})
    todo = [pair for pair in zip(job.keys, job.work.cells, strict=True) if pair[0] not in there]
    for _, cell in todo:
        _check(cell, job)
    cells.mkdir(exist_ok=True)
    ordered = sorted(todo, key=lambda pair: (_base_of(pair[1]), pair[1].adapters))
    for _, same in groupby(ordered, key=lambda pair: _base_of(pair[1])):
        _evaluate_on_one_base(list(same), desk)


def _evaluate_on_one_base(cells: Sequence[tuple[str, CellSpec]], desk: Desk) -> None:
    job = desk.job
    name, dtype, parents = _base_of(cells[0][1])
    base = desk.bases.get(Path(job.inputs[name]), dtype, [Path(job.inputs[p]) for p in parents])
    vocabulary = read_vocabulary(base.tokenizer, base.model)
    desk.emit("phase", name="evaluate")
    for line in notes(base.tokenizer, [cell.prompt for _, cell in cells]):
        desk.emit("note", message=line)
    for adapter, same in groupby(cells, key=lambda pair: pair[1].adapters[-1:]):
        with base.wearing(Path(job.inputs[adapter[0]]) if adapter else None) as model:
            stage = _Stage(model, base.tokenizer, vocabulary, desk, base)
            for key, cell in same:
                with _intervened(cell, model):
                    _produce(key, cell, stage)


def _intervened(cell: CellSpec, model: Any) -> AbstractContextManager[None]:
    """The model as the cell asks for it."""
    window = window_of(cell.interventions)
    return at_work_in(window, model) if window else nullcontext()


def _constraints(cell: CellSpec) -> tuple[str, ...]:
    """The interventions that bear on what is said, not on the model."""
    return cell.interventions[1:] if window_of(cell.interventions) else cell.interventions


def _produce(key: str, cell: CellSpec, stage: _Stage) -> None:
    started = time.monotonic()
    desk, inputs = stage.desk, stage.desk.job.inputs
    examples = read_examples(desk.job, cell.data)
    unfinished = desk.folder.scratch / key
    unfinished.mkdir(parents=True)
    items = _make(cell)(cell, examples, stage, Progress(desk.emit, key, len(examples)))
    if isinstance(items, Look):
        items.save(unfinished / LENS_FILE)
        items = items.items
    over_long = _over_long(items, context_length(stage.model))
    if over_long:
        desk.emit("warning", message=_of_over_long(over_long, len(items), cell.label))
    lines = (json.dumps(item, ensure_ascii=False, separators=(",", ":")) + "\n" for item in items)
    with (unfinished / ITEMS_FILE).open("w", encoding="utf-8") as stream:
        stream.writelines(lines)
    seconds = time.monotonic() - started
    about = {
        "schema": CELL_SCHEMA,
        "key": key,
        "spec": encode(cell),
        "adapter_digests": {name: adapter_digest(Path(inputs[name])) for name in cell.learnt},
        "n": len(examples),
        "seconds": seconds,
        "environment": dict(desk.environment),
        **({"over_long": over_long} if over_long else {}),
    }
    (unfinished / "cell.json").write_text(json.dumps(about, ensure_ascii=False, indent=1), encoding="utf-8")
    digest = digest_of_cell(unfinished)
    with unstopped():
        publish_folder(unfinished, desk.folder.cells / key)
        desk.landed[key] = digest
    desk.emit("cell", key=key, name=cell.label, seconds=round(seconds, 3), n=len(examples), digest=digest)


def _over_long(items: Sequence[Mapping[str, Any]], limit: int | None) -> dict[str, int]:
    """How many prompts are longer than the model was made for (`limit` tokens), and the longest; empty: none is."""
    lengths = [int(item["prompt_tokens"]) for item in items]
    over = sum(length > limit for length in lengths) if limit else 0
    return {"prompts": over, "limit": limit or 0, "longest": max(lengths)} if over else {}


def _of_over_long(found: Mapping[str, int], of: int, label: str) -> str:
    return (
        f"{found['prompts']} of {of} prompts are longer than the {found['limit']} tokens that the model was made for, "
        f"the longest has {found['longest']}; none was cut: {label}"
    )


Make = Callable[[CellSpec, Sequence[Example], "_Stage", "Progress"], "list[dict[str, Any]] | Look"]


def _make(cell: CellSpec) -> Make:
    """What produces a cell's rows."""
    if isinstance(cell.task, GenerateTask):
        return _generate
    if isinstance(cell.task, LensTask):
        return _look
    if isinstance(cell.task, InterchangeTask):
        return _interchange
    makers = {"spans": _rank, "choices": _choose, "context": _contrast, "permuted": _contrast}
    return makers.get(cell.task.continuations, _score)


def _generate(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of a `generate` cell, in the order of the slice."""
    assert isinstance(cell.task, GenerateTask)
    return _outputs(cell, cell.task, examples, stage, progress)


def _outputs(
    cell: CellSpec, task: GenerateTask, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """Decoded outputs, one an example, in their order."""
    encoder = stage.encoder(cell.prompt)
    prompts = [encoder.prompt_ids(example) for example in examples]
    chooser = Chooser(task, cell.seed, stage.desk.job.device, batched=cell.mode == "fast")
    constraint = next((Constraint(one, stage.classes("script")) for one in _constraints(cell)), None)
    decoder = Decoder(stage.model, stage.tokenizer, stage.ends(cell.prompt), task, chooser, constraint)
    ids = [example.id for example in examples]
    if cell.mode == "exact":
        stream = decoder.exact(ids, prompts)
    else:
        fit = rows_that_fit(stage.model, task.limit, stage.desk.job.batch_tokens, stage.desk.job.device)
        stream = decoder.fast(ids, prompts, fit)
    rows: dict[int, dict[str, Any]] = {}
    for done in stream:
        rows[done.index] = {
            "id": ids[done.index],
            "raw": decode_text(stage.tokenizer, list(done.ids)),
            "tokens": len(done.ids),
            "stop": done.stop,
            "prompt_tokens": len(prompts[done.index]),
        }
        progress.add(1, len(done.ids))
    return [rows[index] for index in range(len(examples))]


def _score(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of a `score` cell, in the order of the slice."""
    encoder = stage.encoder(cell.prompt)
    prompts = [encoder.prompt_ids(example) for example in examples]
    asked = [(i, answer) for i, example in enumerate(examples) for answer in _continuations(cell, example)]
    rows = [(prompts[i], encoder.continuation_ids(examples[i], answer)) for i, answer in asked]
    progress.total, progress.unit = len(rows), "continuations"
    scored = _scored(cell, rows, stage, progress)
    items: list[dict[str, Any]] = [
        {"id": example.id, "prompt_tokens": len(prompt), "continuations": []}
        for example, prompt in zip(examples, prompts, strict=True)
    ]
    for index, (i, answer) in enumerate(asked):
        items[i]["continuations"].append(continuation(answer, scored[index]))
    return items


def _rank(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of a `score` cell of spans, in the order of the slice."""
    assert isinstance(cell.task, ScoreTask)
    encoder = stage.encoder(cell.prompt)
    ranker = Ranker(encoder, examples)
    answerable = [at for at, example in enumerate(examples) if example.answers]
    if cell.task.lead == "own-words":
        greedy = GenerateTask(limit=cell.task.limit)
        outputs = _outputs(cell, greedy, examples, stage, progress)
        asked = [ranker.after_own_words(at, cut(str(outputs[at]["raw"]))) for at in answerable]
    else:
        asked = [ranker.after_prompt(at) for at in answerable]
    items: list[dict[str, Any]] = [
        {"id": e.id, "prompt_tokens": len(encoder.prompt_ids(e)), "continuations": [], "ranking": None}
        for e in examples
    ]
    found = [one for one in asked if one is not None]
    progress.total, progress.unit = sum(len(one.others) + 1 for one in found), "spans"
    for part in in_parts(found, _ROWS_AT_ONCE):
        rows = [row for one in part for row in ranker.rows(one)]
        scored = iter(_scored(cell, rows, stage, progress))
        for one in part:
            own = list(islice(scored, len(one.others) + 1))
            item = items[one.item]
            item["continuations"] = [continuation(one.gold[0], own[0])]
            item["ranking"] = {"lead": one.lead, **ranked(one, own, examples[one.item].answers)}
    return items


def _choose(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of a `score` cell of choices, in the order of the slice."""
    offers = Offers(stage.encoder(cell.prompt), examples)
    progress.total, progress.unit = len(offers.rows), "choices"
    return offers.items(_scored(cell, offers.rows, stage, progress))


def _contrast(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of a `score` cell of counterfactuals, in the order of the slice.

    Items on one context share what is asked of it.
    """
    assert isinstance(cell.task, ScoreTask)
    asked = list(contrasts(stage.encoder(cell.prompt), examples, cell.task))
    items: list[dict[str, Any]] = [
        {"id": e.id, "prompt_tokens": 0, "continuations": [], "contrast": None} for e in examples
    ]
    progress.total, progress.unit = sum(len(one.others) + 1 for one in asked), "counterfactuals"
    for part in in_parts(asked, _ROWS_AT_ONCE):
        scored = iter(_scored(cell, [row for one in part for row in one.rows()], stage, progress))
        for one in part:
            found = told(one, list(islice(scored, len(one.others) + 1)))
            for at in one.items:
                items[at] |= {"prompt_tokens": len(one.before), "contrast": found}
    return items


def _look(cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress) -> Look:
    """What a `lens` cell holds: its rows in the order of the slice, and the mass of every item, layer and class."""
    task, job = cell.task, stage.desk.job
    assert isinstance(task, LensTask)
    encoder = stage.encoder(cell.prompt)
    rows = [(encoder.prompt_ids(example), _answer_ids(encoder, example, task)) for example in examples]
    classes = stage.classes(task.matrix)
    translators = read_translators(Path(job.inputs[task.translators])) if task.translators else None
    lens = Lens(stage.model, classes, stage.vocabulary.end[0], translators)
    fit = rows_that_fit(stage.model, 0, job.batch_tokens, job.device)
    seen: dict[int, Seen] = {}
    for one in lens.exact(rows) if cell.mode == "exact" else lens.fast(rows, fit):
        seen[one.index] = one
        progress.add(1, len(rows[one.index][0]) + len(rows[one.index][1]))
    items = [
        {"id": example.id, "prompt_tokens": len(prompt), "positions": max(1, len(answer))}
        for example, (prompt, answer) in zip(examples, rows, strict=True)
    ]
    mass = np.empty((len(rows), len(lens.layers), len(classes.names)), dtype=np.float32)
    for index, one in seen.items():
        mass[index] = one.mass
    return Look(items, lens.layers, classes.names, mass, translators.divergence if translators else ())


def _interchange(
    cell: CellSpec, examples: Sequence[Example], stage: _Stage, progress: Progress
) -> list[dict[str, Any]]:
    """The rows of `items.jsonl` of an `interchange` cell, in the order of the slice."""
    task, job = cell.task, stage.desk.job
    assert isinstance(task, InterchangeTask)
    encoder = stage.encoder(cell.prompt)
    prompts = [encoder.prompt_ids(example) for example in examples]
    swaps = Interchange(stage.model, stage.classes("script"), task, stage.vocabulary.end[0])
    fit = rows_that_fit(stage.model, 0, job.batch_tokens, job.device)
    contexts = [example.context_id for example in examples]

    def rows_for(length: int) -> int:
        return 1 if cell.mode == "exact" else fit(length, length)

    found: dict[int, Swapped] = {}
    for one in swaps.run(prompts, contexts, rows_for, lambda count: progress.add(count, 0)):
        found[one.index] = one
    return [
        {
            "id": example.id,
            "prompt_tokens": len(prompts[at]),
            "searched": found[at].searched,
            "layer": swaps.layer,
            "base": list(found[at].base),
            "tuned": list(found[at].tuned),
            "effects": {name: list(pair) for name, pair in found[at].effects.items()},
        }
        for at, example in enumerate(examples)
    ]


def _answer_ids(encoder: Encoder, example: Example, task: LensTask) -> list[int]:
    """The tokens that a lens looks at behind the prompt: none, or those of the first gold answer."""
    if task.positions == "prompt-end":
        return []
    if not example.answers:
        raise BadInput(f"Example {example.id!r} has no answer to look at.", "Use positions: prompt-end.")
    return encoder.continuation_ids(example, example.answers[0])


def _scored(cell: CellSpec, rows: Sequence[Row], stage: _Stage, progress: Progress) -> list[Scored]:
    """Rows of prompt and continuation, scored, in their order."""
    scorer = Scorer(stage.model, stage.ends(cell.prompt))
    if cell.mode == "exact":
        stream = scorer.exact(rows)
    else:
        stream = scorer.fast(
            rows, rows_that_fit(stage.model, 0, stage.desk.job.batch_tokens, stage.desk.job.device)
        )
    scored: dict[int, Scored] = {}
    for done in stream:
        scored[done.index] = done
        progress.add(1, len(rows[done.index][0]) + len(rows[done.index][1]))
    return [scored[index] for index in range(len(rows))]


def _continuations(cell: CellSpec, example: Example) -> list[str]:
    assert isinstance(cell.task, ScoreTask)
    distinct = list(dict.fromkeys(example.answers))
    return distinct if cell.task.continuations == "gold" else distinct[:1]


class Progress:
    """Tells how far a cell is, about once a second, with the tokens of each second."""

    def __init__(self, emit: Emit, key: str, total: int) -> None:
        self.total, self.unit = total, "items"
        self._emit, self._key = emit, key
        self._done = self._tokens = 0
        self._started = self._told = time.monotonic()

    def add(self, items: int, tokens: int) -> None:
        """Count what is done, and tell of it where a second has passed."""
        self._done += items
        self._tokens += tokens
        now = time.monotonic()
        if now - self._told >= _TELL_EVERY:
            self._told = now
            self._emit(
                "progress",
                cell=self._key,
                done=self._done,
                total=self.total,
                unit=self.unit,
                tokens_per_s=round(self._tokens / (now - self._started), 1),
            )


def _base_of(cell: CellSpec) -> tuple[str, Dtype, tuple[str, ...]]:
    """What decides on the base in memory: the model, its dtype, and the adapters merged into it."""
    return cell.base, cell.dtype, cell.adapters[:-1]


def read_examples(job: JobSpec, data: str) -> list[Example]:
    """The examples of a rendered slice of the job, by its id.

    Raises:
        BadInput: it cannot be read, or its content is not that of which the id is the digest.
    """
    path = Path(job.inputs[data])
    try:
        content = path.read_bytes()
        if data.startswith("data-") and slice_id(content) != data:
            raise BadInput(
                f"{path}: the slice was changed after it was planned.",
                "Run the recipe again: it is made anew from its source.",
            )
        return read_slice(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: the slice cannot be read: {error}") from error


def _check(cell: CellSpec, job: JobSpec) -> None:
    if cell.version != _VERSION:
        raise BadInput(
            f"A cell asks for version {cell.version} of evaluation; here is {_VERSION}.", "Use that kit."
        )
    refused = isinstance(cell.task, InterchangeTask) and cell.interventions
    if refused or len(_constraints(cell)) > (1 if isinstance(cell.task, GenerateTask) else 0):
        raise BadInput(
            f"A {cell.task.kind} cell asks for interventions ({', '.join(cell.interventions)}); here there is a "
            "window of layers and behind it, in a generate cell, at most one on scripts.",
        )
    maps = [cell.task.matrix] if isinstance(cell.task, LensTask) and is_map(cell.task.matrix) else []
    shots = [cell.prompt.shots] if cell.prompt.shots else []
    for name in (cell.base, cell.data, *cell.learnt, *maps, *shots):
        if name not in job.inputs:
            raise BadInput(f"The job does not say where {name} lies.")
