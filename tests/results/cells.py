"""A small store of hand-made cells, in the files' real formats, for the tests of results and reports."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kit.data.example import Example, render_slice, slice_id
from kit.jobdir import (
    LENS_FILE,
    CellSpec,
    GenerateTask,
    InterchangeTask,
    LensTask,
    Prompt,
    ScoreTask,
    Task,
    encode,
    key_of,
)
from kit.plan.types import Coordinates, Wanted, WantedCell
from kit.results import Results, load, score_generation

PROMPT = Prompt("{context}\n\nQ: {question}\nA:")
ENVIRONMENT = {
    "python": "3.11",
    "machine": "x86_64",
    "device": "cpu",
    "torch": "2.13.0",
    "transformers": "5.23.0",
}

GOLD = ("Rom", "Paris", "rote Katze", "Bonn")
BASE = ("Rom", "Paris ist es", "Katze", "Köln")
"""F1 by hand: 1, 1/2, 2/3, 0."""
TUNED = ("Rom", "Paris", "rote Katze", "Köln")
"""F1 by hand: 1, 1, 1, 0."""


def questions(language: str, gold: Sequence[str] = GOLD) -> list[Example]:
    """Two questions a context; ids and contexts are the same in every language, as in a parallel set."""
    return [
        Example(f"q{at}", f"c{at // 2}", f"Im Text {at // 2} steht {text}.", f"Was {at}?", (text,), language)
        for at, text in enumerate(gold)
    ]


CONTEXT, CLOSED = "score:continuations=context", "score:continuations=permuted,context=withheld"
CONTRASTS = {
    CONTEXT: ScoreTask(continuations="context"),
    f"{CONTEXT},counterfactuals=3": ScoreTask(continuations="context", counterfactuals=3),
    CLOSED: ScoreTask(continuations="permuted", context="withheld"),
}


class Shelf:
    """Cells as a recipe asks for them; `add` and `add_scored` finish one, `want` leaves it missing."""

    def __init__(self, root: Path, ask: Callable[[str, Sequence[str]], list[Example]] = questions) -> None:
        self.root, self.ask = root, ask
        self.gold: dict[tuple[str, str], list[Example]] = {}
        self.wanted: list[WantedCell] = []

    def want(
        self,
        language: str = "de",
        trained_on: str = "",
        seed: int | None = None,
        task: str = "generate",
        gold: Sequence[str] = GOLD,
        **more: object,
    ) -> WantedCell:
        """Ask for a cell; `more` are other coordinates (model, prompt, replicate) and `seen`, `dataset`."""
        examples = self.ask(language, gold)
        dataset = str(more.pop("dataset", "tiny"))
        data = slice_id(render_slice(examples) + f"{dataset}/{language}".encode())
        self.gold[data, language] = examples
        seen = bool(more.pop("seen", False))
        at = Coordinates(
            model=str(more.pop("model", "toy")),
            trained_on=trained_on,
            train_language=trained_on.partition("/")[2],
            step=60 if trained_on else 0,
            seed=seed,
            dataset=dataset,
            language=language,
            split="test",
            prompt=str(more.pop("prompt", "qa")),
            task=task,
            replicate=int(str(more.pop("replicate", 0))),
        )
        assert not more, more
        adapters = (f"tune-{trained_on}-{seed}@60",) if trained_on else ()
        kind: Task = GenerateTask() if task.startswith("generate") else ScoreTask()
        if task.startswith("lens"):
            kind = LensTask(matrix="langid" if "langid" in task else "script")
        if task.startswith("interchange"):
            kind = InterchangeTask(interferer=task.rpartition("=")[2])
        if "choices" in task:
            kind = ScoreTask(continuations="choices")
        if "spans" in task:
            kind = ScoreTask(continuations="spans", lead="own-words" if "own-words" in task else "prompt")
        kind = CONTRASTS.get(task, kind)
        label = f"{at.model} {at.prompt} {task}"
        spec = CellSpec(
            f"base-{label}", data, PROMPT, kind, adapters, seed=seed or 0, replicate=at.replicate, label=label
        )
        cell = WantedCell(key_of(kind.kind, spec), at, spec, len(examples), seen)
        self.wanted.append(cell)
        return cell

    def add(
        self,
        outputs: Sequence[str],
        stops: Sequence[str] | None = None,
        environment: dict[str, str] | None = None,
        digest: str = "d",
        **where: object,
    ) -> Path:
        """A finished `generate` cell with these outputs, one an item."""
        cell = self.want(**where)  # type: ignore[arg-type]
        examples = self.gold[cell.spec.data, cell.at.language]
        rows = [
            {"id": e.id, "raw": raw, "tokens": len(raw.split()) + 1, "stop": stop, "prompt_tokens": 9}
            for e, raw, stop in zip(examples, outputs, stops or ["end"] * len(examples), strict=True)
        ]
        return self._write(cell, rows, digest, environment or ENVIRONMENT)

    def add_exact(self, outputs: Sequence[str], digest: str = "d", **where: object) -> Path:
        """A finished `generate` cell in the other mode than the recipe's: it is in the store, nobody asks for it."""
        cell = self.want(**where)  # type: ignore[arg-type]
        self.wanted.pop()
        spec = replace(cell.spec, mode="exact")
        rows = [
            {"id": e.id, "raw": raw, "tokens": 1, "stop": "end", "prompt_tokens": 9}
            for e, raw in zip(self.gold[spec.data, cell.at.language], outputs, strict=True)
        ]
        twin = replace(cell, spec=spec, key=key_of(spec.task.kind, spec))
        return self._write(twin, rows, digest, ENVIRONMENT)

    def add_scored(
        self, stop: Sequence[float], logprob: float = -0.5, digest: str = "d", **where: object
    ) -> Path:
        """A finished `score` cell: p(end) + p(newline) after the gold answer is `stop`, one an item."""
        cell = self.want(task="score", **where)  # type: ignore[arg-type]
        examples = self.gold[cell.spec.data, cell.at.language]
        rows = []
        for example, p in zip(examples, stop, strict=True):
            half = math.log(p / 2) if p else -math.inf
            gold = {"text": example.answers[0], "tokens": [logprob * 2, 0.0], "end": half, "newline": half}
            other = {"text": "x", "tokens": [-9.0], "end": -9.0, "newline": -9.0}
            rows.append({"id": example.id, "prompt_tokens": 9, "continuations": [gold, other]})
        return self._write(cell, rows, digest, ENVIRONMENT)

    def add_ranked(
        self, rankings: Sequence[dict[str, object] | None], lead: str = "own-words", **where: object
    ) -> Path:
        """A finished `score` cell of spans, one ranking an item; None: it was not measured. p(stop) is 1/2."""
        task = "score:continuations=spans" + (f",lead={lead}" if lead != "prompt" else "")
        cell = self.want(task=task, **where)  # type: ignore[arg-type]
        quarter = math.log(0.25)
        gold = {"text": "x", "tokens": [-1.0], "end": quarter, "newline": quarter}
        rows: list[dict[str, object]] = [
            {"id": e.id, "prompt_tokens": 9, "continuations": [gold] if one else [], "ranking": one}
            for e, one in zip(self.gold[cell.spec.data, cell.at.language], rankings, strict=True)
        ]
        return self._write(cell, rows, "d", ENVIRONMENT)

    def add_swaps(self, rows: Sequence[dict[str, object]], interferer: str = "Beng", **where: object) -> Path:
        """A finished `interchange` cell; each row lacks its id."""
        cell = self.want(task=f"interchange:interferer={interferer}", **where)  # type: ignore[arg-type]
        examples = self.gold[cell.spec.data, cell.at.language]
        whole = [{"id": e.id, "prompt_tokens": 9, **row} for e, row in zip(examples, rows, strict=True)]
        return self._write(cell, whole, "d", ENVIRONMENT)

    def add_chosen(
        self,
        sums: Sequence[Sequence[float]],
        right: Sequence[int],
        digest: str = "d",
        texts: Sequence[str] = ("aa", "b", "ଓ", "d"),
        window: str = "",
        **where: object,
    ) -> Path:
        """A finished `score` cell of choices: log-likelihoods of the texts and the place of the right one, an item."""
        cell = self.want(task=f"score:continuations=choices{window}", **where)  # type: ignore[arg-type]
        rows: list[dict[str, object]] = [
            {
                "id": e.id,
                "context_id": e.context_id,
                "prompt_tokens": 9,
                "continuations": [
                    {"text": text, "tokens": [one / 2, one / 2], "end": -1.0, "newline": -1.0}
                    for text, one in zip(texts, own, strict=False)
                ],
                "right": place,
            }
            for e, own, place in zip(self.gold[cell.spec.data, cell.at.language], sums, right, strict=True)
        ]
        return self._write(cell, rows, digest, ENVIRONMENT)

    def add_contrast(
        self, contrasts: Sequence[tuple[float, list[float]] | None], task: str = CONTEXT, **where: object
    ) -> Path:
        """A finished `score` cell of counterfactuals, the truth's and the others' log-likelihoods of each item."""
        cell = self.want(task=task, **where)  # type: ignore[arg-type]
        told = [one and {"own": one[0], "others": one[1], "swaps": 2} for one in contrasts]
        rows: list[dict[str, object]] = [
            {"id": e.id, "prompt_tokens": 9, "continuations": [], "contrast": one}
            for e, one in zip(self.gold[cell.spec.data, cell.at.language], told, strict=True)
        ]
        return self._write(cell, rows, "d", ENVIRONMENT)

    def add_lens(
        self,
        mass: NDArray[np.float32],
        classes: Sequence[str],
        digest: str = "d",
        task: str = "lens",
        **where: object,
    ) -> Path:
        """A finished `lens` cell: `mass` of shape (items, layers, classes)."""
        cell = self.want(task=task, **where)  # type: ignore[arg-type]
        examples = self.gold[cell.spec.data, cell.at.language]
        folder = self._write(
            cell, [{"id": e.id, "prompt_tokens": 9, "positions": 1} for e in examples], digest, ENVIRONMENT
        )
        layers = ["embedding", *map(str, range(1, mass.shape[1]))]
        np.savez(folder / LENS_FILE, mass=mass, layers=np.array(layers), classes=np.array(classes))
        return folder

    def _write(
        self, cell: WantedCell, rows: list[dict[str, object]], digest: str, environment: dict[str, str]
    ) -> Path:
        folder = self.root / "cells" / cell.key
        folder.mkdir(parents=True)
        facts = {
            "schema": 1,
            "key": cell.key,
            "spec": encode(cell.spec),
            "adapter_digests": dict.fromkeys(cell.spec.adapters, digest),
            "n": len(rows),
            "seconds": 1.0,
            "environment": environment,
        }
        (folder / "cell.json").write_text(json.dumps(facts))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "items.jsonl").write_text(lines, encoding="utf-8")
        return folder

    def find(self, key: str) -> Path | None:
        """The folder of a finished cell."""
        folder = self.root / "cells" / key
        return folder if folder.is_dir() else None

    def examples(self, data: str, language: str) -> list[Example] | None:
        """The gold of a slice."""
        return self.gold.get((data, language))

    def score_all(self) -> None:
        """Score every finished `generate` cell, as the host does when it lands."""
        for cell in self.wanted:
            folder = self.find(cell.key)
            if folder and cell.spec.task.kind == "generate":
                score_generation(folder, self.gold[cell.spec.data, cell.at.language])

    def load(self, gold: bool = True) -> Results:
        """The results, with gold at hand or without."""
        wanted = Wanted("hand-made", tuple(self.wanted))
        return load(wanted, self.find, self.examples if gold else lambda data, language: None)


def transfer_shelf(
    root: Path, languages: Sequence[str] = ("de", "hi"), sources: Sequence[str] = ("de",)
) -> Shelf:
    """A full little grid: a base and a tuning on each source, two seeds; the second answers all right."""
    shelf = Shelf(root)
    for language in languages:
        shelf.add(BASE, language=language, stops=("end", "limit", "end", "newline"))
    for source in sources:
        for seed, outputs in ((1, TUNED), (2, GOLD)):
            for language in languages:
                shelf.add(outputs, language=language, trained_on=f"tiny/{source}", seed=seed)
    return shelf
