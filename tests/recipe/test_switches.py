"""The two groups of the switches, held fast; and the page of the docs that gives their reasons."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from kit.recipe import GROUPS, PAPER, SOUND, Switches, load_recipe
from tests.recipe.conftest import Write

PAGE = Path(__file__).parents[2] / "docs" / "switches.md"


def test_paper() -> None:
    assert PAPER.model_dump() == {
        "end_token": "masked",
        "loss_on": "all",
        "start_token": "train-only",
        "truncation": "right",
        "accumulate": "carried",
        "loss_mean": "batch",
        "weights": "float32",
        "autocast": "bfloat16",
        "dtype": "bfloat16",
        "mode": "exact",
        "decoding": "sampled",
        "stream": "cell",
        "stop": "end",
        "shots_from": "test-repeated",
    }


def test_sound() -> None:
    assert SOUND.model_dump() == {
        "end_token": "learnt",
        "loss_on": "all",
        "start_token": "none",
        "truncation": "context",
        "accumulate": "carried",
        "loss_mean": "tokens",
        "weights": "float32",
        "autocast": "none",
        "dtype": "float32",
        "mode": "fast",
        "decoding": "greedy",
        "stream": "item",
        "stop": "newline",
        "shots_from": "train",
    }


def test_a_group_is_expanded_and_single_switches_lie_over_it(write: Write) -> None:
    for name, group in GROUPS.items():
        loaded = load_recipe(write(), [f"fidelity={name}"])
        assert loaded.recipe.switches == group
        assert loaded.expanded["switches"] == group.model_dump()
    changed = load_recipe(write(), ["fidelity=paper", "switches.stop=newline"]).recipe.switches
    assert changed == PAPER.model_copy(update={"stop": "newline"})


def test_the_page_lists_every_switch_with_its_values() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \| `([\w-]+)` \| `([\w-]+)` \| (.+?) \| ([\d, ]+) \|$", PAGE.read_text(), re.M
    )
    assert [row[0] for row in rows] == list(Switches.model_fields)
    for name, values, paper, sound, reason, _ in rows:
        options = get_args(Switches.model_fields[name].annotation)
        assert re.findall(r"`([\w-]+)`", values) == list(options), name
        assert (paper, sound) == (getattr(PAPER, name), getattr(SOUND, name))
        assert len(reason) > 40


def test_descriptions_name_their_traps() -> None:
    assert all("(trap" in (field.description or "") for field in Switches.model_fields.values())
