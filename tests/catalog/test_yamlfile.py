"""YAML as people write it: what is read, what is refused, and where it stood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.errors import CatalogError, RecipeError
from kit.yamlfile import load, nearest, parse

PATH = Path("some.yaml")


def test_scalars_follow_yaml_1_2() -> None:
    text = "a: 1e-3\nb: no\nc: 1:30\nd: 2024-01-01\ne: 0x1f\nf: .5\n"
    text += "g: -3\nh: ~\ni: true\nj: '7'\nk: 007\nl: on\n"
    assert parse(text, PATH, RecipeError).value == {
        "a": 0.001,
        "b": "no",
        "c": "1:30",
        "d": "2024-01-01",
        "e": 31,
        "f": 0.5,
        "g": -3,
        "h": None,
        "i": True,
        "j": "7",
        "k": 7,
        "l": "on",
    }


def test_every_entry_has_its_place() -> None:
    document = parse("a:\n  b: [x, {c: 1}]\nd: &k\n  e: 2\nf: *k\n", PATH, RecipeError)
    places = {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "b", 0): (2, 7),
        ("a", "b", 1, "c"): (2, 11),
        ("f",): (5, 1),
        ("f", "e"): (4, 3),  # an alias leads to where the entry is written
    }
    for loc, place in places.items():
        where = document.where(loc)
        assert (where.line, where.column) == place, loc


def test_an_absent_entry_is_placed_at_its_nearest_ancestor() -> None:
    document = parse("a:\n  b: 1\n", PATH, RecipeError)
    assert str(document.where(("a", "b", "c", 3))) == "some.yaml:2:3"
    assert str(document.where(("z",))) == "some.yaml:1:1"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", (4, 3), "'c' stands twice, first in line 3"),
        ("a:\n\t- b\n", (2, 1), "a tab"),
        ("a: [1, 2\n", (2, 1), "not valid YAML"),
        ("- 1\n", (1, 1), "top of the file must be a mapping"),
        ("just text", (1, 1), "top of the file must be a mapping"),
        ("a: &x [*x]\n", (1, 4), "alias of itself"),
        ("<<: {a: 1}\n", (1, 1), "merge keys"),
        ("1: 2\n", (1, 1), "a key must be text"),
        ("? [a]\n: 3\n", (1, 3), "a key must be text"),
        ("a: !!python/object/apply:os.getcwd []\n", (1, 4), "is not supported"),
        ('a: "\\ud800"\n', (1, 4), "half a surrogate pair"),
        ("b: 1\na: 1e999\n", (2, 4), "no finite number"),
        ("a: .nan\n", (1, 4), "no finite number"),
        ("a: " + "9" * 5000, (1, 4), "no finite number"),
        ("a: x\nb: \x07\n", (2, 4), "character that YAML does not allow"),
        ("a: 1\n---\nb: 2\n", (2, 1), "single document"),
        ("a: *nope\n", (1, 4), "undefined alias"),
    ],
)
def test_faults_have_a_place(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text, PATH, RecipeError)
    where = caught.value.where
    assert where is not None
    assert (where.path, where.line, where.column) == ("some.yaml", *place)
    assert message in caught.value.message


def test_aliases_cannot_blow_a_file_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in range(1, 12):
        bomb += f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]\n"
    with pytest.raises(RecipeError, match="more than 100,000 entries"):
        parse(bomb, PATH, RecipeError)


def test_deep_nesting_is_a_fault_and_no_crash() -> None:
    with pytest.raises(RecipeError, match="nested too deeply"):
        parse("a: " + "[" * 1500 + "]" * 1500, PATH, RecipeError)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: é".encode("latin-1"))
    with pytest.raises(CatalogError, match="not UTF-8") as caught:
        load(tmp_path / "latin.yaml", CatalogError)
    assert caught.value.where is not None
    assert (caught.value.where.line, caught.value.where.column) == (2, 4)
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(CatalogError, match=r"cannot be read|no regular file"):
            load(path, CatalogError)
    (tmp_path / "large.yaml").write_bytes(b"#" * (5 << 20))
    with pytest.raises(CatalogError, match="larger than"):
        load(tmp_path / "large.yaml", CatalogError)


def test_an_empty_file_is_an_empty_mapping(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_bytes(b"\xef\xbb\xbf# nothing\n")
    assert load(tmp_path / "empty.yaml", CatalogError).value == {}


def test_nearest() -> None:
    assert nearest("xquadin", ["xquad-in", "xquad", "tiny-qa"]) == "xquad-in"
    assert nearest("QA", ["qa", "short-span"]) == "qa"
    assert nearest("zzz", ["qa"]) is None


@given(st.text(alphabet="ab:-[]{},&*!|>'\"%@`#? \n\t\\0123.eux\x85\u2028é", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        document = parse(text, PATH, RecipeError)
    except RecipeError as problem:
        assert problem.where is not None  # noqa: PT017
    else:
        assert isinstance(document.value, dict)
