"""Reads: the catalog's YAML files (the kit's and the user's), a mirror, the cache, the network, the hub.
Writes: typed entries, examples, local paths; fetched files and recorded sums into the cache.
"""

from kit.catalog.catalog import Catalog
from kit.catalog.datasets import DataFile, DatasetEntry, Seen
from kit.catalog.entries import BloomShare, Family, Language, ModelEntry, PromptEntry, Targets
from kit.catalog.examples import load_examples, load_lines, load_pairs, load_probe, locate_token_map
from kit.catalog.fetch import check_part, locate_data
from kit.catalog.locations import Locations
from kit.catalog.weights import (
    AdapterLocation,
    HubSource,
    ModelLocation,
    has_chat_template,
    locate_adapter,
    locate_model,
    locate_tokenizer,
)

__all__ = [
    "AdapterLocation",
    "BloomShare",
    "Catalog",
    "DataFile",
    "DatasetEntry",
    "Family",
    "HubSource",
    "Language",
    "Locations",
    "ModelEntry",
    "ModelLocation",
    "PromptEntry",
    "Seen",
    "Targets",
    "check_part",
    "has_chat_template",
    "load_examples",
    "load_lines",
    "load_pairs",
    "load_probe",
    "locate_adapter",
    "locate_data",
    "locate_model",
    "locate_token_map",
    "locate_tokenizer",
]
