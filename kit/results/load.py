"""From a run's wanted cells to the table of predictions."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from kit.data.example import Example
from kit.errors import DataError, StorageError
from kit.jobdir import InterchangeTask, LensTask, ScoreTask, key_of
from kit.plan.types import Wanted, WantedCell
from kit.results.ahead import WORTH, Scored, Slice, score_ahead
from kit.results.choices import picks
from kit.results.collector import uncollected
from kit.results.columns import (
    FORM_COLUMNS,
    LENGTH,
    Columns,
    Make,
    form_columns,
    generated_columns,
    length_columns,
    plugin_column,
    scored_columns,
)
from kit.results.interchange import swap_columns
from kit.results.items import (
    CellFacts,
    GeneratedItem,
    ScoredItem,
    read_facts,
    read_generated,
    read_ids,
    read_scored,
    read_scores,
    read_swapped,
)
from kit.results.join import joined
from kit.results.lens import MASS_COLUMNS, mass_columns, read_lens
from kit.results.score_cell import Memo, form_items, length_items, score_items
from kit.results.scripts import SCRIPT_COLUMN, script_columns
from kit.results.types import CellData, Floats, LensArrays, MissingCell, Results, environment_words
from kit.score import METRICS_VERSION

NOT_FINISHED = "not finished"

StoreCells = Callable[[str], Path | None]
Gold = Callable[[str, str], list[Example] | None]
Contexts = Mapping[tuple[str, str], str]
_Scored = tuple[tuple[str, ...], Columns, int]
"""Contexts of a cell's items, its columns, and the version of the metrics that made them."""


def load(wanted: Wanted, store_cells: StoreCells, examples: Gold) -> Results:
    """Read every wanted cell; those that cannot be shown are listed with the reason.

    `store_cells(key)` is the folder of a finished cell or None; `examples(data id, language)` the gold of a
    slice or None. Where gold is at hand outputs are scored again, else the stored item scores are used;
    each cell says which. A `generate` cell gets `p_stop` and `gold_logprob` from the `score` cell of the
    same coordinates, if both come from the same adapter weights.

    Raises:
        StorageError: a cell was written by a newer kit.
    """
    reader = _Reader(store_cells, examples, _Reader(store_cells, examples))
    with uncollected():
        reader.look_ahead(wanted)
        read = {id(cell): reader.read(cell) for cell in sorted(wanted.cells, key=_turn)}
    found = [read[id(cell)] for cell in wanted.cells]
    cells = [cell for cell in found if isinstance(cell, CellData)]
    return Results(
        wanted=wanted,
        cells=tuple(joined(cells)),
        missing=tuple(cell for cell in found if isinstance(cell, MissingCell)),
        notes=tuple(_notes(cells)),
    )


def as_one(found: Results) -> Results:
    """The same without a word on whether gold was at hand, so that who has it and who has not can be compared."""
    cells = tuple(replace(cell, rescored=True) if cell.kind == "generate" else cell for cell in found.cells)
    return replace(found, cells=cells, notes=tuple(_notes(cells)))


def _turn(cell: WantedCell) -> tuple[bool, str, str]:
    """Cells that hold contexts first: a `score` cell without gold borrows its contexts from them. Then slice by slice,
    so that what is remembered of one can be forgotten at the next.
    """
    return cell.spec.task.kind != "generate", cell.spec.data, cell.at.language


@dataclass
class _Reader:
    """Reads cells one by one, each slice's gold and each folder once. `scored` and `gold_by_id` are of the slice
    `scored_of`; `twins` reads cells in the other mode, if they are asked for. `ahead`: cells that others have scored.
    """

    store_cells: StoreCells
    examples: Gold
    twins: _Reader | None = None
    gold: dict[tuple[str, str], list[Example] | None] = field(default_factory=dict)
    contexts: dict[tuple[str, str], str] = field(default_factory=dict)
    cells: dict[tuple[str, str], CellData] = field(default_factory=dict)
    scored: Memo = field(default_factory=dict)
    scored_of: tuple[str, str] = ("", "")
    gold_by_id: dict[str, Example] = field(default_factory=dict)
    ahead: dict[Path, Scored] = field(default_factory=dict)

    def look_ahead(self, wanted: Wanted) -> None:
        """Have the outputs of a large grid scored by several processes, if there are processors for them."""
        cells = {cell.key: cell for cell in wanted.cells if cell.spec.task.kind == "generate"}.values()
        if len(os.sched_getaffinity(0)) < 2 or sum(cell.items for cell in cells) < WORTH:
            return
        slices: dict[tuple[str, str], Slice] = {}
        for cell in cells:
            folder, gold = self.store_cells(cell.key), self._gold(cell)
            if folder is not None and gold is not None:
                place = (cell.spec.data, cell.at.language)
                slices.setdefault(place, Slice(gold, [])).folders.append(folder)
        self.ahead = score_ahead(list(slices.values()))

    def read(self, wanted: WantedCell) -> CellData | MissingCell:
        known = self.cells.get((wanted.key, wanted.at.language))
        if known is not None:
            return replace(known, at=wanted.at, seen=wanted.seen_by_model)
        folder = self.store_cells(wanted.key)
        if folder is None:
            return MissingCell(wanted, NOT_FINISHED)
        try:
            facts = read_facts(folder)
            readers = {
                "generate": self._generated,
                "score": self._scored,
                "lens": self._seen,
                "interchange": self._swapped,
            }
            cell = readers[wanted.spec.task.kind](wanted, folder, facts)
        except DataError as problem:
            return MissingCell(wanted, f"damaged: {problem}")
        if isinstance(cell, CellData):
            self.cells[wanted.key, wanted.at.language] = cell
        return cell

    def _gold(self, wanted: WantedCell) -> list[Example] | None:
        name = (wanted.spec.data, wanted.at.language)
        if name not in self.gold:
            self.gold[name] = self.examples(*name)
        return self.gold[name]

    def _generated(self, wanted: WantedCell, folder: Path, facts: CellFacts) -> CellData | MissingCell:
        gold = self._gold(wanted)
        if gold is not None and (scored := self.ahead.pop(folder, None)) and len(scored.ids) == facts.n:
            return self._from_elsewhere(wanted, scored, gold, facts)
        items = read_generated(folder, facts.n)
        if gold is None:
            found = self._as_stored(wanted, items, folder)
        else:
            found = self._scored_again(wanted, items, gold, folder)
        if found is None:
            return MissingCell(wanted, "neither gold data nor stored scores are at hand")
        clusters, columns, version = found
        ids, raws = tuple(item.id for item in items), tuple(item.raw for item in items)
        tokens = np.array([item.tokens for item in items], dtype=np.int64)
        scored = Scored(ids, raws, tuple(item.stop for item in items), tokens, {})
        return self._cell(wanted, facts, scored, (clusters, columns, version), gold is not None)

    def _from_elsewhere(
        self, wanted: WantedCell, scored: Scored, gold: Sequence[Example], facts: CellFacts
    ) -> CellData:
        self._turn_to(wanted, gold)
        found = self._with_later(wanted, scored.ids, scored.raws, gold, scored.columns)
        return self._cell(wanted, facts, scored, found, rescored=True)

    def _cell(
        self, wanted: WantedCell, facts: CellFacts, scored: Scored, found: _Scored, rescored: bool
    ) -> CellData:
        clusters, columns, version = found
        return CellData(
            at=wanted.at,
            key=wanted.key,
            data=wanted.spec.data,
            ids=scored.ids,
            clusters=clusters,
            metrics=columns,
            raw=scored.raws,
            stops=scored.stops,
            tokens=scored.tokens,
            environment=facts.environment,
            adapter_digests=facts.adapter_digests,
            over_long=facts.over_long,
            rescored=rescored,
            seen=wanted.seen_by_model,
            metrics_version=version,
            twin=self._twin(wanted, facts),
        )

    def _twin(self, wanted: WantedCell, facts: CellFacts) -> Callable[[], CellData | None]:
        if self.twins is None:
            return lambda: None
        return cache(partial(_twin, self.twins, wanted, facts.adapter_digests))

    def _scored_again(
        self, wanted: WantedCell, items: Sequence[GeneratedItem], gold: Sequence[Example], folder: Path
    ) -> _Scored:
        self._turn_to(wanted, gold)
        scores = score_items(items, self.gold_by_id, folder, self.scored)
        ids, raws = [item.id for item in items], [item.raw for item in items]
        return self._with_later(wanted, ids, raws, gold, generated_columns(items, scores))

    def _turn_to(self, wanted: WantedCell, gold: Sequence[Example]) -> None:
        """Forget what was remembered of another slice."""
        place = (wanted.spec.data, wanted.at.language)
        if self.scored_of != place:
            self.scored, self.scored_of = {}, place
            self.gold_by_id = {example.id: example for example in gold}

    def _with_later(
        self,
        wanted: WantedCell,
        ids: Sequence[str],
        raws: Sequence[str],
        gold: Sequence[Example],
        ready: Mapping[str, Floats],
    ) -> _Scored:
        """Columns of the form take longer than all others and are worked out when they are asked for."""
        language = wanted.at.language
        later: dict[str, Make] = {
            **dict.fromkeys(FORM_COLUMNS, lambda: form_columns(form_items(ids, raws, gold))),
            LENGTH: lambda: length_columns(length_items(ids, raws, gold)),
            SCRIPT_COLUMN: lambda: script_columns(raws, language),
        }
        clusters = tuple(self.gold_by_id[id_].context_id for id_ in ids)
        by_id = self.gold_by_id  # of this slice; a later one has a mapping of its own

        def by_plugin(name: str) -> Floats:
            return plugin_column(name, raws, [by_id[id_].answers for id_ in ids], language)

        return clusters, Columns(ready, later, by_plugin), METRICS_VERSION

    def _as_stored(self, wanted: WantedCell, items: Sequence[GeneratedItem], folder: Path) -> _Scored | None:
        scores = read_scores(folder)
        if scores is None:
            return None
        if [score.id for score in scores] != [item.id for item in items]:
            raise DataError(f"{folder / 'scores.jsonl'} does not hold the items of items.jsonl")
        self.contexts.update({(wanted.spec.data, score.id): score.context_id for score in scores})
        raws = [item.raw for item in items]
        ready = generated_columns(items, [score.score for score in scores])
        forms = [score.form for score in scores if score.form is not None]
        if len(forms) == len(scores):
            ready |= form_columns(forms)
        later: dict[str, Make] = {SCRIPT_COLUMN: lambda: script_columns(raws, wanted.at.language)}
        version = min((score.metrics_version for score in scores), default=METRICS_VERSION)
        return tuple(score.context_id for score in scores), Columns(ready, later), version

    def _scored(self, wanted: WantedCell, folder: Path, facts: CellFacts) -> CellData | MissingCell:
        task = wanted.spec.task
        assert isinstance(task, ScoreTask)
        chosen = task.continuations == "choices"
        items = read_scored(folder, facts.n, chosen)
        ids = [item.id for item in items]
        if chosen:
            known = {(wanted.spec.data, item.id): item.context_id for item in items if item.context_id}
            self.contexts.update(known)
        cell = self._measured(wanted, facts, ids, scored_columns(items, task))
        return (
            replace(cell, raw=self._picked(wanted, items)) if chosen and isinstance(cell, CellData) else cell
        )

    def _picked(self, wanted: WantedCell, items: Sequence[ScoredItem]) -> tuple[str, ...]:
        """What was chosen, in words; where only its letter was scored, with the text behind it, if that is at hand."""
        choices = {example.id: example.choices for example in self._gold(wanted) or ()}
        found = []
        for item, at in zip(items, picks(items), strict=True):
            scored = item.continuations[at].text
            own = choices.get(item.id, ())
            text = own[at] if len(own) == len(item.continuations) else scored
            found.append(scored if text == scored else f"{scored}: {text}")
        return tuple(found)

    def _seen(self, wanted: WantedCell, folder: Path, facts: CellFacts) -> CellData | MissingCell:
        """A `lens` cell: its arrays are read when they are asked for."""
        ids = read_ids(folder, facts.n)
        task, language = wanted.spec.task, wanted.at.language
        assert isinstance(task, LensTask)

        def look() -> LensArrays:
            return read_lens(folder, facts.n)

        def make() -> Mapping[str, Floats]:
            return mass_columns(look(), task.matrix, language)

        cell = self._measured(wanted, facts, ids, Columns({}, dict.fromkeys(MASS_COLUMNS, make)))
        return replace(cell, lens=look) if isinstance(cell, CellData) else cell

    def _swapped(self, wanted: WantedCell, folder: Path, facts: CellFacts) -> CellData | MissingCell:
        items = read_swapped(folder, facts.n)
        task = wanted.spec.task
        assert isinstance(task, InterchangeTask)
        return self._measured(
            wanted, facts, [item.id for item in items], swap_columns(items, task.interferer)
        )

    def _measured(
        self, wanted: WantedCell, facts: CellFacts, ids: Sequence[str], metrics: Mapping[str, Floats]
    ) -> CellData | MissingCell:
        """A cell without outputs, once the contexts of its items are known."""
        gold = self._gold(wanted)
        contexts: Contexts = self.contexts
        if gold is not None:
            contexts = {(wanted.spec.data, example.id): example.context_id for example in gold}
        clusters = [contexts.get((wanted.spec.data, item)) for item in ids]
        if None in clusters:
            return MissingCell(wanted, "neither gold data nor stored scores tell the contexts of its items")
        return CellData(
            at=wanted.at,
            key=wanted.key,
            data=wanted.spec.data,
            ids=tuple(ids),
            clusters=tuple(cluster for cluster in clusters if cluster is not None),
            metrics=metrics,
            raw=(),
            stops=(),
            tokens=np.zeros(0, dtype=np.int64),
            environment=facts.environment,
            adapter_digests=facts.adapter_digests,
            over_long=facts.over_long,
            rescored=False,
            seen=wanted.seen_by_model,
            metrics_version=METRICS_VERSION,
            score_key=wanted.key if wanted.spec.task.kind == "score" else None,
        )


def _twin(reader: _Reader, wanted: WantedCell, digests: Mapping[str, str]) -> CellData | None:
    """The same cell in the other mode; None where it is not there, or comes from other weights."""
    spec = replace(wanted.spec, mode="exact" if wanted.spec.mode == "fast" else "fast")
    try:
        found = reader.read(replace(wanted, key=key_of(spec.task.kind, spec), spec=spec))
    except StorageError:  # of a newer kit: nobody asked for it
        return None
    return found if isinstance(found, CellData) and found.adapter_digests == digests else None


def _notes(cells: Sequence[CellData]) -> Iterable[str]:
    """What a reader of any table must know about where its cells come from."""
    yield from _adapter_notes(cells)
    generated = [cell for cell in cells if cell.kind == "generate"]
    stored = [cell for cell in generated if not cell.rescored]
    if stored:
        yield (
            f"{len(stored)} of {len(generated)} cells show the scores that were stored when they landed "
            "(no gold data at hand); the others were scored again from their outputs"
        )
    if any(cell.metrics_version != METRICS_VERSION for cell in stored):
        yield f"some stored scores were made by another version of the metrics than {METRICS_VERSION}"
    long = [cell for cell in cells if cell.over_long]
    if long:
        worst = max(long, key=lambda cell: cell.over_long / max(cell.n, 1))
        yield (
            f"in {len(long)} of {len(cells)} cells prompts are longer than the model was made for, at worst "
            f"{worst.over_long} of {worst.n} ({worst.at.dataset}/{worst.at.language}, prompt {worst.at.prompt}); "
            "none was cut"
        )
    machines = {environment_words(cell.environment) for cell in cells}
    if len(machines) > 1:
        yield f"the cells come from {len(machines)} environments: {'; '.join(sorted(machines))}"


def _adapter_notes(cells: Sequence[CellData]) -> Iterable[str]:
    digests: dict[str, set[str]] = defaultdict(set)
    for cell in cells:
        for adapter, digest in cell.adapter_digests.items():
            digests[adapter].add(digest)
    for adapter, found in digests.items():
        if len(found) > 1:
            yield f"cells of {adapter} come from {len(found)} different trainings of it: run the recipe again"
