"""Reads: examples of training and evaluation sets, reference translations, a tokenizer's file.
Writes: what a training set is like, one typed row a set; pure.
"""

from kit.audit.overlap import Overlap, Pool, overlaps
from kit.audit.quality import Quality, length_ratio, translation_quality
from kit.audit.row import Spread, TrainingAudit, audit_texts
from kit.audit.tokens import TokenCounts, Tokenization, TokenRule, count_tokens

__all__ = [
    "Overlap",
    "Pool",
    "Quality",
    "Spread",
    "TokenCounts",
    "TokenRule",
    "Tokenization",
    "TrainingAudit",
    "audit_texts",
    "count_tokens",
    "length_ratio",
    "overlaps",
    "translation_quality",
]
