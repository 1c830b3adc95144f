"""Reads: a claims file, the results of runs.
Writes: `Verdict`s, one a claim and model, with the numbers that they stand on.
"""

from kit.claims.judge import Case, Explain, judge
from kit.claims.load import LoadedClaims, groups_of, load_claims
from kit.claims.model import Claim, ClaimsFile, Rules
from kit.claims.pairs import Pair
from kit.claims.references import Reference, read_references
from kit.claims.verdict import (
    Adjusted,
    ControlVerdict,
    Evidence,
    Outcome,
    PairVerdict,
    Setting,
    Standing,
    Verdict,
)

__all__ = [
    "Adjusted",
    "Case",
    "Claim",
    "ClaimsFile",
    "ControlVerdict",
    "Evidence",
    "Explain",
    "LoadedClaims",
    "Outcome",
    "Pair",
    "PairVerdict",
    "Reference",
    "Rules",
    "Setting",
    "Standing",
    "Verdict",
    "groups_of",
    "judge",
    "load_claims",
    "read_references",
]
