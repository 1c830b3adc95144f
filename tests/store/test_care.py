"""The store's care: digests, damage, leases, what can go and what must stay, old schemas, writers side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.errors import StorageError
from kit.store import Needed, Store, collect, verify
from tests.store.test_store import adapter, cell

ROOT = Path(__file__).resolve().parents[2]
INJECT = ROOT / "tests" / "chaos" / "inject"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for name in ("a", "b"):
        store.put_cell(cell(tmp_path / name, "w1", name), f"generate-{name}")
    for step in (13, 60):
        store.put_adapter(adapter(tmp_path / str(step), f"w{step}"), "tune-1", step)
    return store


def damaged(store: Store) -> dict[str, str]:
    return {damage.piece.key: damage.problem for damage in verify(store)}


def gone(store: Store, needed: Needed, unused: bool = False) -> set[str]:
    return {piece.key for piece in collect(store, lambda: needed, unused, dry_run=False)}


def old(path: Path) -> None:
    os.utime(path, (0, 0))


def test_a_flipped_bit_a_missing_and_an_unknown_file_are_found(store: Store) -> None:
    assert damaged(store) == {}
    items = store.root / "cells" / "generate-a" / "items.jsonl"
    items.write_bytes(bytes([items.read_bytes()[0] ^ 1]))
    (store.root / "cells" / "generate-b" / "items.jsonl").unlink()
    (store.root / "adapters" / "tune-1" / "13" / "more.txt").write_text("?")
    (store.root / "data").mkdir()
    (store.root / "data" / "data-00000000000000000000.jsonl").write_text("{}")
    found = damaged(store)
    assert found.pop("data-00000000000000000000").startswith("its content is that of data-")
    assert found == {
        "generate-a": "items.jsonl was changed",
        "generate-b": "items.jsonl is missing",
        "tune-1@13": "more.txt was not there when it was stored",
    }


def test_a_damaged_slice_is_mended_when_it_is_put_again(store: Store) -> None:
    from kit.data.example import slice_id

    text = b'{"id": "x"}\n'
    path = store.put_slice(slice_id(text), text)
    path.write_bytes(b"{")
    store.put_slice(slice_id(text), text)
    assert path.read_bytes() == text and damaged(store) == {}


def test_leftovers_go_once_they_are_old_and_finished_work_stays(store: Store) -> None:
    for name in ("trash/x", "incoming/y"):
        (store.root / name).mkdir(parents=True)
    fresh, stale = store.root / ".store.json.a.tmp", store.root / ".store.json.b.tmp"
    for path in (fresh, stale):
        path.write_text("")
    old(stale)
    assert gone(store, Needed()) == {"trash/x", ".store.json.b.tmp"}
    old(store.root / "incoming" / "y")
    assert gone(store, Needed()) == {"incoming/y"}
    assert fresh.exists() and len(list(store.folders())) == 4


def test_only_what_no_run_asks_for_goes_with_unused(store: Store) -> None:
    needed = Needed(cells=frozenset({"generate-a"}), adapters={"tune-1": "last"})
    assert gone(store, needed) == {"tune-1@13"}
    assert gone(store, needed, unused=True) == {"generate-b"}
    assert gone(store, Needed(), unused=True) == {"generate-a", "tune-1@60"}


def test_what_an_unfinished_run_leases_is_never_taken(store: Store, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    store.lease(run, ["tune-1"])
    assert store.drop_adapters("tune-1", "none", tmp_path / "other") == []
    assert gone(store, Needed(), unused=True) == {"generate-a", "generate-b"}
    assert store.drop_adapters("tune-1", "last", run) == [13]
    run.rmdir()  # a run whose folder is gone needs nothing
    assert store.drop_adapters("tune-1", "none", tmp_path / "other") == [60]
    gone(store, Needed())
    assert not list((store.root / "leases").glob("*"))


def test_a_released_lease_counts_no_more(store: Store, tmp_path: Path) -> None:
    store.lease(tmp_path, ["tune-1"])
    store.release(tmp_path)
    assert store.drop_adapters("tune-1", "none", tmp_path / "other") == [13, 60]


def to_schema_1(store: Store) -> None:
    for path in store.root.glob("**/digests.json"):
        path.unlink()
    (store.root / "store.json").write_text('{"schema": 1}')


def test_a_store_of_the_first_schema_is_brought_up_and_its_files_stay(store: Store) -> None:
    to_schema_1(store)
    items = store.root / "cells" / "generate-a" / "items.jsonl"
    before = items.stat()
    assert damaged(Store(store.root)) == {}
    assert json.loads((store.root / "store.json").read_text()) == {"schema": 2}
    assert (items.stat().st_ino, items.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def python(code: str, fault: dict[str, object] | None = None) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{INJECT if fault else ''}"}
    if fault:
        environment["CHAOS"] = json.dumps({"role": "", **fault})
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.DEVNULL)


def test_bringing_a_store_up_can_be_cut_off_anywhere(store: Store, tmp_path: Path) -> None:
    opening = f"from pathlib import Path\nfrom kit.store import Store\nStore(Path({str(store.root)!r}))"
    for at in range(1, 30):
        to_schema_1(store)
        fuse = tmp_path / f"fuse-{at}"
        fault = {"home": str(store.root), "action": "kill", "at": at, "fuse": str(fuse)}
        code = python(opening, fault).wait(60)
        assert (code == -9) == fuse.exists()
        assert damaged(Store(store.root)) == {}
        if not fuse.exists():
            break
    assert at > 8 and not fuse.exists()


def test_two_writers_of_one_cell_do_no_harm(tmp_path: Path) -> None:
    root = tmp_path / "store"
    Store(root)
    code = f"""
import sys, time
from pathlib import Path
from kit.store import Store
from tests.store.test_store import cell
name, store = sys.argv[1] if len(sys.argv) > 1 else "?", Store(Path({str(root)!r}))
start = float(Path({str(tmp_path / "start")!r}).read_text())
folders = [cell(Path({str(tmp_path)!r}) / f"%s-{{i}}", "w1", "the same") for i in range(100)]
time.sleep(max(0, start - time.time()))
for i, folder in enumerate(folders):
    store.put_cell(folder, f"generate-{{i}}")
"""
    import time

    (tmp_path / "start").write_text(str(time.time() + 1.5))
    writers = [python(code % name) for name in ("one", "two", "three")]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    store = Store(root)
    assert len(list(store.folders())) == 100 and damaged(store) == {}
    assert not list(tmp_path.glob("one-*")) + list(tmp_path.glob("two-*"))


def test_a_newer_store_is_refused(store: Store) -> None:
    (store.root / "store.json").write_text('{"schema": 3}')
    with pytest.raises(StorageError, match="upgrade xlt-kit"):
        Store(store.root)


def test_a_lost_marker_costs_nothing(store: Store) -> None:
    to_schema_1(store)
    (store.root / "store.json").unlink()
    assert damaged(Store(store.root)) == {}


def test_a_stale_cell_does_not_take_the_place_of_a_current_one(store: Store, tmp_path: Path) -> None:
    store.put_adapter(adapter(tmp_path / "new", "w2"), "tune-1", 60)
    store.put_cell(cell(tmp_path / "current", "w2", "current"), "generate-a")
    store.put_cell(cell(tmp_path / "stale", "w1", "stale"), "generate-a")
    assert (store.root / "cells" / "generate-a" / "items.jsonl").read_text() == "current"
    assert not (tmp_path / "stale").exists() and damaged(store) == {}


PUTTING = """
from pathlib import Path
from kit.store import Store
store = Store(Path({root!r}))
for name in ("generate-a", "generate-new"):
    if Path({jobs!r}, name).is_dir():
        store.put_cell(Path({jobs!r}, name), name)
"""


@pytest.mark.parametrize("other_device", [False, True])
def test_moving_in_can_be_cut_off_anywhere(store: Store, tmp_path: Path, other_device: bool) -> None:
    """One cell replaces a stale one, the other is new: after any kill both are there once the same is done again."""
    base = Path("/dev/shm") if other_device else tmp_path
    if other_device and (not base.is_dir() or base.stat().st_dev == tmp_path.stat().st_dev):
        pytest.skip("needs /dev/shm on a device of its own")
    jobs = base / f"jobs-{tmp_path.name}"
    jobs.mkdir()
    code = PUTTING.format(root=str(store.root), jobs=str(jobs))
    try:
        for at in range(1, 60):
            for name in ("generate-a", "generate-new"):
                if (store.root / "cells" / name).exists():
                    store.discard(store.root / "cells" / name)
            store.put_cell(cell(tmp_path / f"stale-{at}", "w0", "stale"), "generate-a")
            for name in ("generate-a", "generate-new"):
                cell(jobs / name, "w60", "good")
            fuse = tmp_path / f"putting-{at}"
            fault = {"match": "store|jobs-", "action": "kill", "at": at, "fuse": str(fuse)}
            assert (python(code, fault).wait(60) == -9) == fuse.exists()
            assert python(code).wait(60) == 0
            for name in ("generate-a", "generate-new"):
                assert (store.root / "cells" / name / "items.jsonl").read_text() == "good", at
                assert not (jobs / name).exists()
            assert damaged(store) == {}
            if not fuse.exists():
                break
        assert at > 10 and not fuse.exists()
    finally:
        import shutil

        shutil.rmtree(jobs)
