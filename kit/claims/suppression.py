"""Claim C5a, experiment S1: does a language that interferes with a target lose where the target gains, and only such?

Who interferes is named by the base alone, on other data than that which is judged: a language whose script holds a
share of the letters of the base's answers to the target's questions, where the two are written differently. Beside it
stand languages that do not, of like base score: what all languages lose is no suppression.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kit.claims.measure import compared_with
from kit.claims.model import Claim, Rules, Suppression
from kit.claims.pairs import Pair
from kit.claims.verdict import Part, Standing
from kit.results import METRICS, CellData, Results
from kit.results.scripts import scripts_of
from kit.score import cut
from kit.score.script import scripts
from kit.stats import Cell, Estimate, standard_error, two_sided_p

Shares = Mapping[str, float]
"""Script → share (0–100) of the letters of some answers."""


@dataclass(frozen=True, eq=False)
class Trio:
    """A tuned model on a target, on a language that interferes with it, and on `others` that do not.

    `changes`: of the target, of the interferer, of the interferer less the mean of the others; None where cells are
    missing, or nothing is like enough to compare with. `p`: the largest of the three, for all three must hold.
    """

    name: str
    target: Pair
    interferer: Pair | None = None
    others: tuple[Pair, ...] = ()
    changes: tuple[Estimate, Estimate, Estimate] | None = None
    p: float | None = None

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """All that it stands on: target, interferer, the others."""
        return tuple(pair for pair in (self.target, self.interferer, *self.others) if pair is not None)

    @property
    def missing(self) -> int:
        """How many of its cells are not there."""
        return sum(pair.missing for pair in self.pairs)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The changes by name."""
        names = ("target", "interferer", "interferer less its like")
        return tuple(map(Part, names, self.changes)) if self.changes else ()


def trios(
    claim: Claim, effect: Suppression, model: str, found: Sequence[Pair], run: Results | None, rules: Rules
) -> tuple[list[Trio], tuple[str, ...]]:
    """Every tuned model × target × interfering language of `found`, and sentences on who interferes with whom.

    A target whose answers by the base are not there yet is a trio without the two others.
    """
    at = {"model": model, "prompt": claim.prompt, "trained_on": "", "task": "generate"}
    bases = [cell for cell in (run.select(**at) if run else ()) if cell.at.task == "generate"]
    named = {target: _shares(effect, target, bases) for target in _languages(found)}
    said = [_told(target, shares, effect, found) for target, shares in named.items() if shares is not None]
    made: list[Trio] = []
    for target in found:
        shares = named[target.column.language]
        if shares is None:
            made.append(Trio(f"{target.name}: who interferes is not known yet", target))
            continue
        same = [p for p in found if p.subject == target.subject and p.column.dataset == target.column.dataset]
        for interferer in _interferers(target, same, shares, effect):
            others = tuple(_like(target, interferer, same, shares, effect))
            made.append(_measured(Trio("", target, interferer, others), claim, rules))
    return made, tuple(said)


def standing(trio: Trio, p_holm: float | None, gate: float, level: float) -> Standing:
    """How a trio stands: all three changes must hold; one that is firmly the other way, or within the gate, decides."""
    if any(pair.scores is None for pair in trio.pairs):
        return Standing.MISSING
    if trio.changes is None:
        return Standing.OPEN  # nothing is like enough
    target, interferer, against = trio.changes
    tested = p_holm is not None and p_holm < 1 - level
    large = target.value >= gate and interferer.value <= -gate
    if target.low > 0 and interferer.high < 0 and against.high < 0 and large and tested:
        return Standing.HOLDS
    if (target.high < 0 and target.value <= -gate) or (interferer.low > 0 and interferer.value >= gate):
        return Standing.FAILS
    if against.low > 0:
        return Standing.FAILS  # it falls less than languages that do not interfere
    within = any(-gate < one.low and one.high < gate for one in (target, interferer))
    return Standing.NOISE if within else Standing.OPEN


def _shares(effect: Suppression, target: str, bases: Sequence[CellData]) -> Shares | None:
    """The scripts of the base's answers to a target's questions; None where they are not there."""
    on = effect.named_on
    cells = [
        cell
        for cell in bases
        if cell.at.language == target
        and (on.datasets is None or cell.at.dataset in on.datasets)
        and on.split in (None, cell.at.split)
    ]
    return _of(cells) if cells else None


def _of(cells: Sequence[CellData]) -> Shares:
    counted: Counter[str] = Counter()
    for cell in cells:
        for raw in cell.raw:
            counted += scripts(cut(raw))
    total = counted.total()
    return {script: 100 * count / total for script, count in counted.items()} if total else {}


def _languages(found: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(pair.column.language for pair in found))


def _mass(shares: Shares, language: str) -> float:
    return sum(shares.get(script, 0.0) for script in scripts_of(language))


def _written_alike(one: str, other: str) -> bool:
    return not set(scripts_of(one)).isdisjoint(scripts_of(other))


def _interferers(target: Pair, same: Sequence[Pair], shares: Shares, effect: Suppression) -> Iterator[Pair]:
    """Where the script of target and other is the same, or the model was tuned on the other, nothing can be told."""
    for pair in same:
        language = pair.column.language
        apart = not _written_alike(language, target.column.language) and not pair.subject.speaks(pair.column)
        if apart and _mass(shares, language) >= effect.mass:
            yield pair


def _like(
    target: Pair, interferer: Pair, same: Sequence[Pair], shares: Shares, effect: Suppression
) -> Iterator[Pair]:
    """Languages that leave the target alone, with a base score like the interferer's."""
    for pair in same:
        language = pair.column.language
        alike = any(_written_alike(language, one.column.language) for one in (target, interferer))
        if alike or pair.subject.speaks(pair.column) or _mass(shares, language) > effect.quiet:
            continue
        if pair.scores is None or interferer.scores is None:
            yield pair  # whether it is like is not known yet
        elif abs(_mean(pair.scores) - _mean(interferer.scores)) <= effect.like:
            yield pair


def _mean(cell: Cell) -> float:
    return float(np.asarray(cell.base).mean())


def _measured(trio: Trio, claim: Claim, rules: Rules) -> Trio:
    assert trio.interferer is not None
    others = ", ".join(pair.column.language for pair in trio.others) or "nothing that is like it"
    name = f"{trio.target.name}, {trio.interferer.column.language} against {others}"
    trio = replace(trio, name=name)
    if not trio.others:
        return trio
    sides = [pair.scores for pair in trio.pairs]
    contrast = _contrast(trio, claim) if all(side is not None for side in sides) else None
    if sides[0] is None or sides[1] is None or contrast is None:
        return trio
    target, interferer, against = (
        compared_with(claim, cell, rules.level) for cell in (sides[0], sides[1], contrast)
    )
    errors = [(one.value, standard_error(one, rules.level)) for one in (target, interferer, against)]
    ps = [two_sided_p(value, error) for value, error in errors if error]
    p = max(ps) if len(ps) == len(errors) else None
    return replace(trio, changes=(target, interferer, against), p=p)


def _contrast(trio: Trio, claim: Claim) -> Cell | None:
    """Interferer less the mean of the others, item by item of a parallel set; None where they share no item."""
    assert trio.interferer is not None
    pairs = (trio.interferer, *trio.others)
    metric = METRICS[claim.metric]
    firsts = [pair.other.having(metric.name)[0] for pair in pairs]
    shared = [item for item in firsts[0].ids if all(item in set(first.ids) for first in firsts[1:])]
    if not shared or len({len(pair.tuned.having(metric.name)) for pair in pairs}) > 1:
        return None
    sides: list[tuple[np.ndarray, np.ndarray]] = []
    for pair, first in zip(pairs, firsts, strict=True):
        place = {item: at for at, item in enumerate(first.ids)}
        columns = [place[item] for item in shared]
        base, tuned = (pool.scores(metric.name, first)[:, columns] for pool in (pair.other, pair.tuned))
        sides.append((base * metric.scale, tuned * metric.scale))
    base, tuned = (sides[0][at] - np.mean([side[at] for side in sides[1:]], axis=0) for at in (0, 1))
    kept = np.flatnonzero(np.isfinite(np.concatenate([base, tuned])).all(axis=0))
    if not kept.size:
        return None
    clusters = dict(zip(firsts[0].ids, firsts[0].clusters, strict=True))
    return Cell(base[:, kept], tuned[:, kept], [clusters[shared[at]] for at in kept])


def _told(target: str, shares: Shares, effect: Suppression, found: Sequence[Pair]) -> str:
    """Who interferes with a target, in words."""
    masses = {
        language: _mass(shares, language)
        for language in _languages(found)
        if not _written_alike(language, target)
    }
    loud = [f"{name} ({mass:.0f} %)" for name, mass in masses.items() if mass >= effect.mass]
    return f"with {target} interfere {', '.join(loud)}" if loud else f"with {target} interferes none"
