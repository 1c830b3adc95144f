"""Runs with manifests for the tests of pages, and a reader of what a page shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from kit.data.example import render_slice
from kit.jobdir import Result, encode
from kit.plan import Wanted
from kit.recipe import expanded
from kit.recipe.model import Recipe
from kit.schedule import JobState, Request, RunFolder, RunState
from kit.store import Store
from tests.results.cells import ENVIRONMENT, GOLD, TUNED, Shelf

NOW = 1_790_000_000.0
HOST = {"system": "Linux-6.1-x86_64-with-glibc2.36", "machine": "x86_64", "python": "3.11", "processors": 2}
_VOID = ("meta", "link")


@dataclass
class Shown:
    """A table of a page: its caption, its heads, its rows as (text, small text) a cell."""

    caption: str = ""
    heads: list[str] = field(default_factory=list)
    rows: list[list[tuple[str, str]]] = field(default_factory=list)


class Reading(HTMLParser):
    """What a page holds: its tables, its data, its text, every address, every element's name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[Shown] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.titles: list[str] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self._data: list[str] = []
        self._in_data = False
        self.feed(page)
        self.close()
        self.data: dict[str, Any] = json.loads("".join(self._data))
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names.append(tag)
        self.addresses += [
            str(given[name]) for name in ("src", "href", "action", "srcset") if given.get(name)
        ]
        self.titles += [str(given["title"])] if given.get("title") else []
        self._in_data = tag == "script" and given.get("id") == "data"
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append(Shown())
        elif tag == "tr" and "tbody" in self.open:
            self.tables[-1].rows.append([])
        elif tag in ("td", "th") and "tbody" in self.open:
            self.tables[-1].rows[-1].append(("", ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> ends <{self.open[-1:]}>"
        self.open.pop()
        self._in_data = False

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self._data.append(data)
            return
        if "style" in self.open or "script" in self.open:
            return
        self.texts.append(data)
        text = " ".join(data.split())
        if not text or "table" not in self.open:
            return
        table = self.tables[-1]
        if "caption" in self.open:
            table.caption += text
        elif "thead" in self.open:
            table.heads.append(text)
        elif "small" in self.open:
            table.rows[-1][-1] = (table.rows[-1][-1][0], text)
        else:
            table.rows[-1][-1] = (table.rows[-1][-1][0] + text, table.rows[-1][-1][1])

    def called(self, beginning: str) -> list[Shown]:
        """The tables whose caption begins so."""
        return [table for table in self.tables if table.caption.startswith(beginning)]


def recipe(**more: Any) -> dict[str, Any]:
    """A recipe in its canonical form, as a manifest has it."""
    asked = {"schema": 1, "name": "hand-made", "models": [{"name": "tiny-bloom"}]}
    return expanded(Recipe.model_validate({**asked, **more}))


def manifest(**more: Any) -> dict[str, Any]:
    """A manifest as the kit writes it after a run."""
    job = {
        "id": "evaluate-1", "title": "evaluate toy", "stage": "done", "starts": 1, "retries": [],
        "batch_tokens": None, "seconds": 61.5, "environment": {**ENVIRONMENT, "peak_memory": 570_630_144},
    }  # fmt: skip
    attempt = {
        "started": NOW - 340,
        "executor": "local",
        "host": HOST,
        "ended": NOW,
        "stage": "done",
        "jobs": [job],
    }
    data = [
        {
            "use": use, "id": f"data-{use}", "dataset": "tiny-qa", "language": "de", "split": split, "items": 4,
            "contexts": 2, "characters": 40.0, "script": "Latn", "seen_by": [],
        }
        for use, split in (("train", "train"), ("evaluate", "test"))
    ]  # fmt: skip
    made = {
        "schema": 1,
        "kit": {"version": "0.1.0", "git": {"revision": "a" * 40, "dirty": False}},
        "recipe": recipe(),
        "recipe_files": ["grid.yaml"],
        "overrides": [],
        "models": [{"name": "toy", "id": "base-1", "revision": None, "parameters": 800_000}],
        "adapters": [],
        "data": data,
        "shots": [],
        "packages": {"numpy": "2.4.6", "regex": "2026.1.1", "pip": "23.2"},
        "attempts": [attempt],
    }
    return {**made, **more}


def put_run(
    home: Path,
    shelf: Shelf,
    name: str = "hand-made-0b5e55ed",
    told: Mapping[str, Any] | None = None,
    fresh: bool = True,
) -> RunFolder:
    """A finished run over a shelf whose root is the home's store; `fresh`: its own job made all of it."""
    store = Store(home / "store")
    for (data, _), examples in shelf.gold.items():
        store.slice_path(data).parent.mkdir(exist_ok=True)
        store.slice_path(data).write_bytes(render_slice(examples))
    shelf.score_all()
    keys = tuple(cell.key for cell in shelf.wanted if shelf.find(cell.key)) if fresh else ()
    folder = RunFolder(home / "runs" / name)
    (folder.path / "jobs").mkdir(parents=True)
    folder.write_wanted(Wanted("hand-made", tuple(shelf.wanted)))
    folder.write_request(Request("/nowhere/recipes/grid.yaml", ("seeds=[1]",), None, True, {}))
    jobs = (
        JobState("evaluate-1", "evaluate toy", "evaluate", (), keys, 60.0, "done", "cpu0", NOW - 61, NOW, 1),
    )
    folder.write_state(RunState(name, "done", jobs if fresh else (), NOW - 340, NOW, len(shelf.wanted), 0, 1))
    folder.write_manifest(dict(told or manifest()))
    if fresh:
        job = folder.job("evaluate-1")
        job.path.mkdir()
        result = Result("done", dict.fromkeys(keys, "d"), dict(ENVIRONMENT), 61.5)
        (job.path / "result.json").write_text(json.dumps(encode(result)))
    return folder


def little_shelf(home: Path, **more: Any) -> Shelf:
    """A base and a tuning, in two languages; two seeds."""
    shelf = Shelf(Store(home / "store").root)
    for language in ("de", "or"):
        shelf.add(("Rom", "Paris ist es", "Katze", "Köln"), language=language, **more)
        shelf.add_scored((0.1, 0.2, 0.3, 0.4), language=language, **more)
        for seed, outputs in ((1, TUNED), (2, GOLD)):
            shelf.add(outputs, language=language, trained_on="tiny/de", seed=seed, **more)
    return shelf
