"""Reads: `templates.yaml`: the sentences, names and weights of the tiny corpus (standard library and yaml).
Writes: parallel question-answering examples, and pre-training text for the embedded model.

The corpus is small, ours, parallel across languages, and holds no knowledge of the world. What tuning moves
on it is the *form* of the answers. Its names come from a closed pool; its facts are held out, split by split.
"""

from kit.corpus.generate import CHOICES, DATASET, SEED, SIZES, Document, Item, choices, documents, examples
from kit.corpus.pretraining import (
    CorpusSettings,
    PretrainingDocument,
    Seen,
    pretraining_text,
    write_pretraining_text,
)
from kit.corpus.scenes import SPLITS, Fact, Scene, scenes, split_of
from kit.corpus.templates import RELATIONS, Language, Templates, load_templates

__all__ = [
    "CHOICES",
    "DATASET",
    "RELATIONS",
    "SEED",
    "SIZES",
    "SPLITS",
    "CorpusSettings",
    "Document",
    "Fact",
    "Item",
    "Language",
    "PretrainingDocument",
    "Scene",
    "Seen",
    "Templates",
    "choices",
    "documents",
    "examples",
    "load_templates",
    "pretraining_text",
    "scenes",
    "split_of",
    "write_pretraining_text",
]
