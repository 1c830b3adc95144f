"""What judging ends in: a verdict with the numbers that it stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kit.claims.model import Cause, Claim
from kit.claims.references import Reference
from kit.results import NoiseFloor
from kit.stats import Estimate


class Outcome(StrEnum):
    """How a claim stands, in order of precedence: the first that applies is the verdict (`docs/claims.md`)."""

    WAIVED = "waived"
    NOT_RUN = "not run"
    CONTRADICTED = "contradicted"
    WITHIN_NOISE = "within noise"
    INCONCLUSIVE = "inconclusive"
    EXPLAINED_OTHERWISE = "explained otherwise"
    REPRODUCED = "reproduced"


class Standing(StrEnum):
    """How one pair stands to a claim's predicate.

    `holds`: the interval lies on the claimed side of the threshold, the change passes the gate, and so does the test
    after correction. `fails`: the interval lies on the other side. `noise`: the interval of the change lies within the
    gate. `open`: none of these. `missing`: cells are not finished, or hold no value.
    """

    HOLDS = "holds"
    FAILS = "fails"
    NOISE = "noise"
    OPEN = "open"
    MISSING = "missing"


@dataclass(frozen=True)
class Interchanged:
    """What an interchange with one interfering script showed (S5): how it stands, and its effects in points."""

    interferer: str
    stands: str
    into: Estimate
    out: Estimate


@dataclass(frozen=True)
class Evidence:
    """What speaks for the cause of a change: its parts by form, in the metric's unit, and the change of knowledge.

    `over`, `lead`, `rest` add up to `change`; `void`: the parts mean nothing, as another question's answer is found in
    the outputs as well as the right one. `known` is the change of the share of answers that the model ranks first (in
    points), None where it was not measured. `stop`, `language` and `free` share the change out anew, by the length
    oracle and the mask of scripts (S3); None where no answers were made under the mask. `interchanges` are those
    between the tuned side and its base.
    """

    change: Estimate
    over: Estimate
    lead: Estimate
    rest: Estimate
    void: bool = False
    known: Estimate | None = None
    stop: Estimate | None = None
    language: Estimate | None = None
    free: Estimate | None = None
    interchanges: tuple[Interchanged, ...] = ()


@dataclass(frozen=True)
class Adjusted:
    """The effect at equal `covariates` of the training sets, over so many `sets` (or pairs of them). `constant` ones
    were dropped. `effect` is None where there are too few sets; its interval is over sets. `p` is of a correlation.
    """

    covariates: tuple[str, ...]
    constant: tuple[str, ...]
    sets: int
    effect: Estimate | None = None
    p: float | None = None


@dataclass(frozen=True)
class Part:
    """One of several changes that a case stands on, by name; in the metric's unit."""

    name: str
    change: Estimate


@dataclass(frozen=True)
class ControlVerdict:
    """What a control of the training set does in the same place (S2): its change, and the part of it that is language.

    `kept`: it has as much of the change as the rules ask for; `language`: as much of the part that is language.
    """

    name: str
    change: Estimate
    part: Estimate | None
    kept: bool
    language: bool


@dataclass(frozen=True)
class PairVerdict:
    """One pair: its numbers, its standing, the causes that are named. `p` is two-sided, `p_holm` after correction,
    `p_permutation` that of the same test by flipping the signs of contexts, not corrected. `floor` is the noise of its
    cells, where it was measured.

    `effect` is the quantity that the predicate bounds (a difference or a ratio); `sees` is the smallest difference
    that this test can see, in points; `contexts_needed` and `seeds_needed` how many would decide what is open, at the
    effect as it is. `published` are figures of others for its two sides. `parts` are what a claim of suppression stands
    on, and its effect is then the last of them. `controls` stand beside a pair that holds, where the claim names some.
    """

    name: str
    standing: Standing
    effect: Estimate | None = None
    base: Estimate | None = None
    tuned: Estimate | None = None
    difference: Estimate | None = None
    p: float | None = None
    p_holm: float | None = None
    p_permutation: float | None = None
    floor: NoiseFloor = field(default_factory=NoiseFloor)
    sees: float | None = None
    contexts_needed: int | None = None
    seeds_needed: int | None = None
    evidence: Evidence | None = None
    causes: tuple[Cause, ...] = ()
    missing: int = 0
    published: tuple[Reference, ...] = ()
    parts: tuple[Part, ...] = ()
    controls: tuple[ControlVerdict, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What the numbers of a verdict were made with. `n` counts items; a context in several languages counts once."""

    n: int = 0
    contexts: int = 0
    seeds: int = 0
    dtypes: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The verdict on a claim in one model. `why` are sentences; `flags` stand beside the outcome.

    `effect` is the headline: of the mean over pairs, or of the strongest pair where any will do. The ps are those of a
    claim that is one test, on a mean or a correlation; `adjusted` is what is left of that at equal covariates.
    `command` and `cost` say how to get what is not there, `work` the hours of that, by `GPU` and `CPU`, where they were
    asked for.
    """

    id: str
    claim: Claim
    model: str
    outcome: Outcome
    why: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    effect: Estimate | None = None
    p: float | None = None
    p_holm: float | None = None
    p_permutation: float | None = None
    adjusted: Adjusted | None = None
    causes: tuple[Cause, ...] = ()
    pairs: tuple[PairVerdict, ...] = ()
    setting: Setting = field(default_factory=Setting)
    command: str = ""
    cost: str = ""
    work: Mapping[str, float] = field(default_factory=dict)
