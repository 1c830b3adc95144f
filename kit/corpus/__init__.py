"""Reads: `templates.yaml`, the sentences, names and weights of the tiny corpus (standard library and yaml only).
Writes: parallel question-answering examples, and pre-training text for the embedded model.

What the corpus is good for: it is small, ours, parallel across languages and free of knowledge about the world.
What a model shows on it is the *form* of its answers; its names come from a closed pool (its facts do not).
"""

from kit.corpus.generate import DATASET, SEED, SIZES, Document, Item, documents, examples
from kit.corpus.pretraining import CorpusSettings, PretrainingDocument, pretraining_text, write_pretraining_text
from kit.corpus.scenes import RELATIONS, SPLITS, Fact, Scene, scenes, split_of
from kit.corpus.templates import Language, Templates, load_templates

__all__ = [
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
    "Templates",
    "documents",
    "examples",
    "load_templates",
    "pretraining_text",
    "scenes",
    "split_of",
    "write_pretraining_text",
]
