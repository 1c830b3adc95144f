"""The archive: equal trees give equal bytes; nothing leads out of its folder; damage is said in a sentence."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.bundle import SUMS, check_sums, opened, pack, write_sums
from kit.bundle.mask import masked
from kit.errors import DataError, UsageError


def _tree(root: Path, order: list[str]) -> Path:
    for name in order:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}\n" * 50, encoding="utf-8")
    write_sums(root)
    return root


NAMES = ["a.txt", "runs/x/recipe.yaml", "store/cells/k/items.jsonl", "ü/ଓଡ଼ିଆ.json"]


def test_equal_trees_give_equal_bytes_whenever_they_are_made(tmp_path: Path) -> None:
    one, two = _tree(tmp_path / "one", NAMES), _tree(tmp_path / "two", NAMES[::-1])
    for path in two.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    pack(one, tmp_path / "one.zip")
    pack(two, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_what_is_unpacked_is_what_was_packed_and_goes_away(tmp_path: Path) -> None:
    tree = _tree(tmp_path / "one", NAMES)
    pack(tree, tmp_path / "one.zip")
    with opened(tmp_path / "one.zip") as root:
        assert {name: (root / name).read_text("utf-8") for name in NAMES} == {
            name: (tree / name).read_text("utf-8") for name in NAMES
        }
        sums = check_sums(root)
        assert (sums.right, sums.changed, sums.missing, sums.unlisted) == (len(NAMES), (), (), ())
    assert not root.exists()
    with opened(tree) as root:  # a folder is read as well, and stays as it is
        (root / "a.txt").write_text("other")
        assert check_sums(root).changed == ("a.txt",)
    assert check_sums(tree).changed == ()


def test_changed_missing_and_unlisted_files_are_named(tmp_path: Path) -> None:
    tree = _tree(tmp_path, NAMES)
    (tree / "a.txt").write_text("changed")
    (tree / "runs/x/recipe.yaml").unlink()
    (tree / "new.txt").write_text("new")
    sums = check_sums(tree)
    assert (sums.right, sums.changed, sums.missing, sums.unlisted) == (
        2,
        ("a.txt",),
        ("runs/x/recipe.yaml",),
        ("new.txt",),
    )


@pytest.mark.parametrize("name", ["../out.txt", "/etc/out.txt", "a/../../out.txt", "a\\..\\out.txt"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("fine.txt", "fine")
        archive.writestr(name, "bad")
    with pytest.raises(DataError, match="leads out of it"), opened(tmp_path / "bad.zip"):
        pass
    assert not (tmp_path.parent / "out.txt").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DataError, match="leads out of it"), opened(tmp_path / "bad.zip"):
        pass
    folder = _tree(tmp_path / "folder", ["a.txt"])
    (folder / "link").symlink_to("/etc/passwd")
    with pytest.raises(DataError, match="holds a link"), opened(folder):
        pass


def test_damage_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "none.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match="damaged, or none"), opened(tmp_path / "none.zip"):
        pass
    tree = _tree(tmp_path / "one", NAMES)
    pack(tree, tmp_path / "one.zip")
    content = bytearray((tmp_path / "one.zip").read_bytes())
    content[60] ^= 0xFF
    (tmp_path / "cut.zip").write_bytes(bytes(content))
    with pytest.raises(DataError, match="damaged, or none"), opened(tmp_path / "cut.zip"):
        pass
    with pytest.raises(UsageError, match="no such file"), opened(tmp_path / "nowhere.zip"):
        pass
    (tree / SUMS).unlink()
    with pytest.raises(DataError, match="no list of checksums"):
        check_sums(tree)


def test_one_name_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "twice.zip", "w") as archive:
        archive.writestr("a.txt", "one")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.txt", "two")
    with pytest.raises(DataError, match="one name"), opened(tmp_path / "twice.zip"):
        pass


@given(st.text())
def test_a_mask_keeps_lengths_and_no_letter(text: str) -> None:
    hidden = masked(text)
    assert len(hidden) == len(text)
    assert len(hidden.encode()) == len(text.encode("utf-8", "surrogatepass"))
    assert set(hidden) <= set("x×✕𝗑")
