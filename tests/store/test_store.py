"""The store: what is in it stays as it is, lands whole, and belongs to one adapter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.errors import StorageError
from kit.jobdir import PARENTS_FILE
from kit.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def cell(folder: Path, digest: str, text: str = "x") -> Path:
    folder.mkdir()
    (folder / "cell.json").write_text(json.dumps({"adapter_digests": {"tune-1@60": digest}}))
    (folder / "items.jsonl").write_text(text)
    return folder


def adapter(folder: Path, digest: str) -> Path:
    folder.mkdir()
    (folder / "digest.txt").write_text(digest + "\n")
    return folder


def test_a_cell_that_is_there_stays_as_it_is(store: Store, tmp_path: Path) -> None:
    first = store.put_cell(cell(tmp_path / "a", "w1", "first"), "generate-1")
    inode = (first / "items.jsonl").stat().st_ino
    store.put_cell(cell(tmp_path / "b", "w1", "second"), "generate-1")
    assert (first / "items.jsonl").read_text() == "first"
    assert (first / "items.jsonl").stat().st_ino == inode
    assert not (tmp_path / "b").exists()


def test_a_cell_of_another_adapter_takes_its_place(store: Store, tmp_path: Path) -> None:
    store.put_cell(cell(tmp_path / "a", "w1", "first"), "generate-1")
    stored = store.put_cell(cell(tmp_path / "b", "w2", "second"), "generate-1")
    assert (stored / "items.jsonl").read_text() == "second"
    assert store.adapter_digests(stored) == {"tune-1@60": "w2"}


def test_adapters_by_tuning_and_step(store: Store, tmp_path: Path) -> None:
    for step in (60, 13):
        store.put_adapter(adapter(tmp_path / str(step), f"w{step}"), "tune-1", step)
    assert store.adapter_steps("tune-1") == [13, 60]
    assert store.adapter_digest("tune-1", 13) == "w13"
    store.put_adapter(adapter(tmp_path / "again", "other"), "tune-1", 13)
    assert store.adapter_digest("tune-1", 13) == "other"
    store.remove_adapter("tune-1", 60)
    assert store.adapter_steps("tune-1") == [13]
    assert store.adapter_digest("tune-1", 60) is None


def test_what_was_derived_from_an_adapter_does_not_outlive_another_training_of_it(
    store: Store, tmp_path: Path
) -> None:
    store.put_adapter(adapter(tmp_path / "a", "w1"), "tune-1", 60)
    double = adapter(tmp_path / "b", "d1")
    (double / "derived.json").write_text(json.dumps({"adapter": "tune-1@60", "digest": "w1", "seed": 0}))
    store.put_adapter(double, "derive-1", 60)
    assert store.adapter_digest("derive-1", 60) == "d1" and not store.outdated("derive-1", 60)
    store.put_adapter(adapter(tmp_path / "c", "w2"), "tune-1", 60)
    assert store.adapter("derive-1", 60) is None and store.outdated("derive-1", 60)
    store.remove_adapter("tune-1", 60)  # what it came from need not be kept
    assert store.adapter_digest("derive-1", 60) == "d1"
    store.remove_adapter("derive-1", 60)
    assert store.adapter_steps("derive-1") == []


def test_an_adapter_is_there_only_while_those_are_that_it_goes_on_from(store: Store, tmp_path: Path) -> None:
    def child(name: str, digest: str) -> Path:
        folder = adapter(tmp_path / name, "c")
        (folder / PARENTS_FILE).write_text(json.dumps({"tune-1@60": digest}))
        return folder

    store.put_adapter(child("a", "w1"), "tune-2", 9)
    assert store.adapter("tune-2", 9) is None, "its parent is not there"
    store.put_adapter(adapter(tmp_path / "p", "w1"), "tune-1", 60)
    assert store.adapter_digest("tune-2", 9) == "c"
    store.put_adapter(adapter(tmp_path / "q", "w2"), "tune-1", 60)
    assert store.adapter_digest("tune-2", 9) is None, "its parent is another one now"
    store.put_adapter(child("b", "w2"), "tune-2", 9)
    assert store.adapter_digest("tune-2", 9) == "c"
    path = store.adapter_path("tune-2", 9) / PARENTS_FILE
    path.write_text("{")
    assert store.adapter("tune-2", 9) is None
    store.remove_adapter("tune-2", 9)
    assert store.adapter_steps("tune-2") == []


def test_what_cannot_land_stays_where_it_is(store: Store, tmp_path: Path) -> None:
    (store.root / "cells").write_text("in the way")
    with pytest.raises((StorageError, OSError)):
        store.put_cell(cell(tmp_path / "a", "w1"), "generate-1")
    assert (tmp_path / "a" / "items.jsonl").exists()


def test_damaged_cells_are_passed_over(store: Store, tmp_path: Path) -> None:
    store.put_cell(cell(tmp_path / "a", "w1"), "generate-1")
    broken = store.put_cell(cell(tmp_path / "b", "w1"), "generate-2")
    (broken / "cell.json").write_text("{")
    assert len(list(store.cell_facts())) == 1


def test_a_slice_is_written_once(store: Store) -> None:
    path = store.put_slice("data-1", b"row\n")
    inode = path.stat().st_ino
    assert store.put_slice("data-1", b"row\n").stat().st_ino == inode


def test_a_newer_or_damaged_store_is_refused(tmp_path: Path) -> None:
    for content, words in (('{"schema": 99}', "upgrade"), ("{", "damaged")):
        (tmp_path / "store.json").write_text(content)
        with pytest.raises(StorageError, match=words):
            Store(tmp_path)
