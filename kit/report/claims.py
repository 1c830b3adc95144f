"""Verdicts as text, Markdown, CSV and plain data."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kit.claims import Adjusted, ControlVerdict, Evidence, Outcome, PairVerdict, Setting, Verdict
from kit.claims.model import Ratio
from kit.jobdir import atomic_write, encode
from kit.report.published import against
from kit.report.text import number, signed
from kit.results import NoiseFloor
from kit.stats import Estimate

SCHEMA = 1
SIGNS = {
    Outcome.REPRODUCED: "✓",
    Outcome.CONTRADICTED: "✗",
    Outcome.EXPLAINED_OTHERWISE: "≠",
    Outcome.INCONCLUSIVE: "?",
    Outcome.WITHIN_NOISE: "≈",
    Outcome.NOT_RUN: "·",
    Outcome.WAIVED: "–",
}
"""A sign for each outcome, for those who read without colour."""

_LISTED = 3
_SMALL = 0.0001
HEADS = ("claim", "model", "verdict", "effect", "n")


def outcome_words(verdict: Verdict) -> str:
    """The outcome with its cause and flags: `explained otherwise: over-generation (mechanics only)`."""
    text = verdict.outcome.value
    if verdict.outcome is Outcome.EXPLAINED_OTHERWISE:
        text += f": {', '.join(verdict.causes) or 'a control does the same'}"
    return f"{text} ({', '.join(verdict.flags)})" if verdict.flags else text


def effect_words(verdict: Verdict) -> str:
    """The headline figure with its interval; empty where there is none."""
    return _quantity(verdict.effect, verdict)


def n_words(setting: Setting) -> str:
    """Items on contexts, seeds."""
    if not setting.n:
        return ""
    seeds = f", {setting.seeds} seed{'s' * (setting.seeds != 1)}" if setting.seeds else ""
    return f"{setting.n:,} on {setting.contexts:,}{seeds}"


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many of each outcome, in a line."""
    counts = {outcome: sum(v.outcome is outcome for v in verdicts) for outcome in SIGNS}
    return ", ".join(f"{n} {outcome.value}" for outcome, n in counts.items() if n)


def details(verdict: Verdict) -> Iterator[str]:
    """Everything beside the headline, a line each."""
    claim, setting = verdict.claim, verdict.setting
    yield f"{claim.statement} ({claim.source})"
    yield from verdict.why
    if verdict.p is not None:
        yield f"tested as one: p {_p_words(verdict.p)}{_test_words(verdict)}"
    if verdict.adjusted is not None:
        yield _adjusted_words(verdict.adjusted, verdict)
    if claim.note:
        yield f"note: {claim.note}"
    there = [pair for pair in verdict.pairs if pair.effect is not None or not pair.missing]
    for pair in there:
        yield f"  {_pair_words(pair, verdict)}"
        for control in pair.controls:
            yield f"    {_control_words(control)}"
        for reference in pair.published:
            ours = pair.tuned if reference.trained_on else pair.base
            yield f"    {reference.trained_on or 'base'}: {against(reference, ours)}"
    yield from _missing_words([pair for pair in verdict.pairs if pair not in there])
    if setting.n:
        kinds = f"dtype {', '.join(setting.dtypes)}; mode {', '.join(setting.modes)}"
        yield f"{n_words(setting)}; {kinds}; {'; '.join(setting.environments)}"
    if setting.seen:
        yield f"seen by the model before: {', '.join(setting.seen)}"
    if verdict.command:
        yield f"to get it: {verdict.command}" + (f"  ({verdict.cost})" if verdict.cost else "")


def as_markdown(verdicts: Sequence[Verdict]) -> str:
    """A table, and below it the reasons."""
    rows = [
        [f"{SIGNS[v.outcome]} {v.id}", v.model, outcome_words(v), effect_words(v), n_words(v.setting)]
        for v in verdicts
    ]
    lines = ["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.append("")
    for verdict in verdicts:
        lines.append(f"**{verdict.id}** ({verdict.model}). {' '.join(_sentences(verdict))}\n")
    return "\n".join(lines)


def as_csv(verdicts: Sequence[Verdict]) -> str:
    """A line a verdict, and one a pair below it (`pair` is empty in the first)."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        [
            "claim",
            "model",
            "verdict",
            "causes",
            "flags",
            "pair",
            "standing",
            "effect",
            "low",
            "high",
            "base",
            "tuned",
            "p_holm",
            "p_permutation",
            "replicates_differing",
            "replicates_sd",
            "modes_differing",
            "modes_sd",
        ]
    )
    for v in verdicts:
        head = [v.id, v.model, v.outcome.value, " ".join(v.causes), "; ".join(v.flags)]
        writer.writerow([*head, "", "", *_ends(v.effect), "", "", *_ps(v), "", "", "", ""])
        for pair in v.pairs:
            sides = [_plain(side.value) if side else "" for side in (pair.base, pair.tuned)]
            floors = [
                text
                for noise in (pair.floor.replicates, pair.floor.modes)
                for text in ((f"{noise.differing:.4g}", f"{noise.mean:.4g}") if noise else ("", ""))
            ]
            place = [*head, pair.name, pair.standing.value]
            writer.writerow([*place, *_ends(pair.effect), *sides, *_ps(pair), *floors])
    return stream.getvalue()


def as_data(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """Plain data, JSON's: every number that a verdict stands on. Undefined numbers are null."""
    return [_finite(_encoded(verdict)) for verdict in verdicts]


def as_json(verdicts: Sequence[Verdict]) -> str:
    """`as_data` as a document."""
    return json.dumps({"schema": SCHEMA, "verdicts": as_data(verdicts)}, ensure_ascii=False, indent=1) + "\n"


def write_claims(verdicts: Sequence[Verdict], folder: Path) -> list[Path]:
    """Write `claims.json`, `claims.csv` and `claims.md` into a folder. Raises OSError: it cannot be written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, write in (("json", as_json), ("csv", as_csv), ("md", as_markdown)):
        path = folder / f"claims.{suffix}"
        atomic_write(path, write(verdicts))
        paths.append(path)
    return paths


def _encoded(verdict: Verdict) -> dict[str, Any]:
    """One verdict as plain data."""
    claim = verdict.claim.model_dump(mode="json", by_alias=True, exclude_none=True)
    parts = {
        name: encode(getattr(verdict, name))
        for name in (
            "outcome",
            "why",
            "flags",
            "effect",
            "p",
            "p_holm",
            "p_permutation",
            "adjusted",
            "causes",
            "pairs",
            "setting",
        )
    }
    return {
        "id": verdict.id,
        "model": verdict.model,
        **parts,
        "command": verdict.command,
        "cost": verdict.cost,
        "work_hours": dict(verdict.work),
        "claim": claim,
    }


def _sentences(verdict: Verdict) -> Iterator[str]:
    yield f"{verdict.claim.statement.rstrip('.')}: {outcome_words(verdict)}."
    for why in verdict.why:
        yield f"{why[:1].upper()}{why[1:].rstrip('.')}."


def _pair_words(pair: PairVerdict, verdict: Verdict) -> str:
    alone = verdict.claim.subject == "base" and verdict.claim.against is None
    sides = ""
    if pair.base and pair.tuned and not alone:
        sides = f"{_plain(pair.base.value)} → {_plain(pair.tuned.value)}"
    causes = f", {' and '.join(pair.causes)}" if pair.causes else ""
    figures = ", ".join(filter(None, (sides, _quantity(pair.effect, verdict))))
    if pair.parts:
        figures = ", ".join(f"{part.name} {_quantity(part.change, verdict)}" for part in pair.parts)
    stands = f"{pair.name}: {pair.standing.value}" + (f"; {figures}" if figures else "")
    told = f"{stands}{_test_words(pair)}{causes}"
    return f"{told}{_evidence_words(pair.evidence)}{_floor_words(pair.floor)}"


def _control_words(control: ControlVerdict) -> str:
    change, part = control.change, control.part
    told = [f"{signed(change.value, 1)} [{signed(change.low, 1)}, {signed(change.high, 1)}]"]
    told += (
        [f"by language {signed(part.value, 1)} [{signed(part.low, 1)}, {signed(part.high, 1)}]"]
        if part
        else []
    )
    same = [word for word, has in (("change", control.kept), ("part by language", control.language)) if has]
    return f"{control.name}: {', '.join(told)}; has {' and '.join(same) if same else 'neither'}"


def _evidence_words(evidence: Evidence | None) -> str:
    """The parts of a change; empty where they were not measured."""
    if evidence is None:
        return ""
    shares = ""
    if evidence.stop and evidence.language and evidence.free:
        stop, language, free = (
            signed(one.value, 1) for one in (evidence.stop, evidence.language, evidence.free)
        )
        shares = f"; by stopping {stop}, language {language}, rest {free}"
    shares += "".join(
        f"; interchange with {one.interferer} {one.stands} ({signed(one.into.value, 1)}, {signed(one.out.value, 1)})"
        for one in evidence.interchanges
    )
    if evidence.void:
        return f"; no split: outputs hold other answers of their contexts as well{shares}"
    names = {"over": "running on", "lead": "leading in", "rest": "rest"}
    told = ", ".join(f"{word} {signed(getattr(evidence, name).value, 1)}" for name, word in names.items())
    known = f", ranked first {signed(evidence.known.value, 1)}" if evidence.known else ""
    return f"; by {told}{known}{shares}"


def _test_words(tested: PairVerdict | Verdict) -> str:
    """The p after correction, and that of the permutation test beside it."""
    holm = f", p {_p_words(tested.p_holm)} after Holm" if tested.p_holm is not None else ""
    permuted = tested.p_permutation
    return holm + (f", {_p_words(permuted)} by permutation" if permuted is not None else "")


def _adjusted_words(adjusted: Adjusted, verdict: Verdict) -> str:
    """The effect at equal covariates, on how many sets, and which covariates say nothing."""
    kind = "pairs of training sets" if verdict.claim.effect.kind == "difference" else "training sets"
    figure = _quantity(adjusted.effect, verdict) or "not to be told"
    p = f", p {_p_words(adjusted.p)}" if adjusted.p is not None else ""
    dropped = f"; the same everywhere: {', '.join(adjusted.constant)}" if adjusted.constant else ""
    named = " and ".join(adjusted.covariates or verdict.claim.covariates)
    return f"at equal {named}: {figure}{p}, over {adjusted.sets} {kind}{dropped}"


def _floor_words(floor: NoiseFloor) -> str:
    """How far evaluations differ that should be the same; empty where that was not measured."""
    names = {"replicates": "replicates", "modes": "exact and fast mode"}
    told = [
        f"{word} differ in {100 * noise.differing:.1f} % of answers and by {noise.mean:.2f} (sd of a mean)"
        for name, word in names.items()
        if (noise := getattr(floor, name))
    ]
    return "".join(f"; {text}" for text in told)


def _missing_words(pairs: Sequence[PairVerdict]) -> Iterator[str]:
    """The first few pairs that are not finished, and how many more there are."""
    for pair in pairs[:_LISTED]:
        cells = "1 cell is" if pair.missing == 1 else f"{pair.missing} cells are"
        yield f"  {pair.name}: {cells} not there"
    if len(pairs) > _LISTED:
        yield f"  and {len(pairs) - _LISTED} more pairs that are not finished"


def _ps(tested: PairVerdict | Verdict) -> list[str]:
    return ["" if p is None else f"{p:.3g}" for p in (tested.p_holm, tested.p_permutation)]


def _p_words(p: float) -> str:
    return f"{p:.2g}" if p >= _SMALL else f"below {_SMALL}"


def _quantity(estimate: Estimate | None, verdict: Verdict) -> str:
    if estimate is None or math.isnan(estimate.value):
        return ""
    kind = verdict.claim.effect
    if kind.kind in ("difference", "suppression"):
        return f"{signed(estimate.value, 1)} [{signed(estimate.low, 1)}, {signed(estimate.high, 1)}]"
    sign = "×" if isinstance(kind, Ratio) else "ρ "
    return f"{sign}{number(estimate.value, 2)} [{number(estimate.low, 2)}, {number(estimate.high, 2)}]"


def _ends(estimate: Estimate | None) -> list[str]:
    return [_plain(v) for v in (estimate.value, estimate.low, estimate.high)] if estimate else ["", "", ""]


def _plain(value: float) -> str:
    return "" if math.isnan(value) else number(value, 2)


def _finite(value: Any) -> Any:
    """The same with null for NaN and infinity, which JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
