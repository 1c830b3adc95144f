"""Published tables: read strictly, laid beside our own figures."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.api import Workspace, add_reference, list_references, published, remove_reference
from kit.claims import Case, Outcome, read_references
from kit.claims.judge import judge
from kit.claims.references import COLUMNS
from kit.errors import ClaimsError, UsageError
from kit.report.claims import details
from kit.report.published import published_lines
from kit.results import transfer_table
from tests.claims.bench import Bench, claims

HEAD = "model,trained_on,dataset,language,metric,value,source,page,step\n"
LINES = HEAD + (
    "bloomz-7b1,,xquad-in,or,f1,21.5,a made-up paper,5,\n"
    "bloomz-7b1,xquad-in/de,xquad-in,ory_Orya,f1,58,a made-up paper,5,60\n"
    "bloomz-7b1,xquad-in/de,xquad-in,or,f1,99,another paper,7,13\n"
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "paper.csv"
    path.write_text(LINES, "utf-8")
    return path


def test_figures_are_read_with_their_source(table: Path) -> None:
    first, second, third = read_references(table)
    assert (first.value, first.trained_on, first.step, first.page) == (21.5, "", None, "5")
    assert (second.step, third.source) == (60, "another paper")


def test_they_stand_beside_the_cells_that_they_speak_of(table: Path, tmp_path: Path) -> None:
    found = Bench(tmp_path).base("or", 0.2).tuned("xquad-in/de", "or", 0.6).results()
    [made] = transfer_table(found)
    base, tuned = published_lines(made, read_references(table))
    assert base.startswith("base → xquad-in/or: published 21.5 (a made-up paper, p. 5), ours 20.0 [")
    assert base.endswith("ours − published -1.5")
    assert tuned.startswith("xquad-in/de@60 → xquad-in/or: published 58.0") and tuned.endswith("+2.0")
    assert not list(published_lines(transfer_table(found, "em")[0], read_references(table)))


def test_claims_show_them_under_their_pairs(table: Path, tmp_path: Path) -> None:
    found = Bench(tmp_path).base("or", 0.2).tuned("xquad-in/de", "or", 0.6).results()
    (verdict,) = judge(claims({}), Case({"grid": found}, references=tuple(read_references(table))))
    assert verdict.outcome is Outcome.REPRODUCED
    assert [one.value for one in verdict.pairs[0].published] == [21.5, 58]
    told = "\n".join(details(verdict))
    assert "base: published 21.5" in told and "xquad-in/de: published 58.0" in told


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model,", "", ("paper.csv:1", "the column `model` is missing", "begin the file with the line")),
        (",step\n", ",steps\n", ("paper.csv:1", "`steps` is no column", "step")),
        ("f1,21.5", "f2,21.5", ("paper.csv:2", "no metric is called 'f2'", "aware_f1")),
        ("21.5", "21,5", ("paper.csv:2", "another number of fields", "count the commas")),
        ("21.5", "n/a", ("paper.csv:2", "'n/a' is no number")),
        ("21.5", "inf", ("paper.csv:2", "'inf' is no number")),
        ("21.5", "215", ("paper.csv:2", "from 0 to 100")),
        ("58,a made-up paper", "58,", ("paper.csv:3", "`source` is empty", "a source")),
        ("7,13", "7,last", ("paper.csv:4", "the step 'last'")),
        ("another paper,7,13", "a made-up paper,7,60", ("gives 58 and 99 for one cell",)),
        ("21.5", '"21.5', ("no CSV",)),
    ],
)
def test_faults_are_told_with_their_line(table: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    text = LINES.replace("ory_Orya", "or")
    assert old in text
    table.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ClaimsError) as caught:
        read_references(table)
    for word in words:
        assert word in str(caught.value)


@given(st.text(max_size=200))
def test_no_text_brings_it_down(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    path.write_text(text, "utf-8", errors="replace", newline="")
    with pytest.raises(ClaimsError):
        read_references(path)


@given(
    st.lists(
        st.tuples(st.text("ab ,\"'é", min_size=1).filter(str.strip), st.floats(0, 100)),
        min_size=1,
        max_size=5,
    )
)
def test_any_source_and_value_survive(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, float]]
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(COLUMNS)
    for at, (source, value) in enumerate(rows):
        writer.writerow(["m", f"d/l{at}", "d", "or", "f1", value, source, ""])
    path = tmp_path_factory.mktemp("many") / "many.csv"
    path.write_text(stream.getvalue(), "utf-8", newline="")
    assert [(one.source, one.value) for one in read_references(path)] == [(s.strip(), v) for s, v in rows]


def test_tables_are_kept_listed_replaced_and_removed(table: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    assert list_references(workspace) == [] and published(workspace) == ()
    added = add_reference(workspace, table)
    assert added.name == "paper" and len(added.figures) == 3
    assert [one.name for one in list_references(workspace)] == ["paper"] and len(published(workspace)) == 3
    table.write_text(HEAD + LINES.splitlines()[1] + "\n", "utf-8")
    add_reference(workspace, table)
    assert len(published(workspace)) == 1
    with pytest.raises(UsageError, match="no reference is called"):
        remove_reference(workspace, "other")
    with pytest.raises(UsageError, match="no name"):
        add_reference(workspace, table, "../x")
    remove_reference(workspace, "paper")
    assert published(workspace) == ()


def test_a_language_that_nobody_knows_is_refused_when_it_is_added(table: Path, tmp_path: Path) -> None:
    table.write_text(LINES.replace("ory_Orya", "oria"), "utf-8")
    with pytest.raises(ClaimsError, match="'oria' is unknown"):
        add_reference(Workspace(tmp_path / "home"), table)
