import unicodedata
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.data.example import Example
from kit.errors import DataError
from kit.report.examples import FILTERS, as_text, clean, differing, examples_under, marked, show_cell
from kit.report.examples_html import as_html
from kit.results import CellData
from tests.results.cells import BASE, TUNED, Shelf, questions

WORSE = ("Rom und so", "Paris", "rote Katze", "Köln")
EXAMPLES = {example.id: example for example in questions("de")}


@pytest.fixture
def cells(tmp_path: Path) -> list[CellData]:
    shelf = Shelf(tmp_path)
    shelf.add(BASE)
    shelf.add(WORSE, trained_on="tiny/de", seed=1)
    shelf.add(TUNED, trained_on="tiny/de", seed=2)
    return list(shelf.load().cells)


def ids(base: CellData, tuned: CellData | list[CellData] | None, keep: str) -> list[str]:
    return [item.id for item in examples_under(base, tuned, EXAMPLES, keep)]


def test_filters(cells: list[CellData]) -> None:
    base, worse, tuned = cells
    assert ids(base, worse, "all") == ["q0", "q1", "q2", "q3"]
    assert ids(base, worse, "turned-wrong") == ["q0"]
    assert ids(base, worse, "turned-right") == ["q1", "q2"]
    assert ids(base, worse, "wrong") == ["q3"]
    assert ids(base, worse, "unchanged") == ["q3"]
    assert ids(base, tuned, "right") == ["q0"]
    assert ids(base, tuned, "unchanged") == ["q0", "q3"]
    assert ids(base, None, "right") == ["q0"]
    with pytest.raises(ValueError, match="turned-right"):
        ids(base, tuned, "better")


def test_every_item_is_in_one_of_the_four_changes(cells: list[CellData]) -> None:
    base, worse, _ = cells
    parts = [ids(base, worse, keep) for keep in FILTERS if keep not in ("all", "unchanged")]
    assert sorted(chain.from_iterable(parts)) == ["q0", "q1", "q2", "q3"]


def test_several_seeds_stand_side_by_side(cells: list[CellData]) -> None:
    base, worse, tuned = cells
    found = show_cell(base, [worse, tuned], EXAMPLES, "turned-wrong")
    assert [item.id for item in found] == ["q0"]
    assert found[0].changes == ("turned-wrong", "right")
    assert [(one.seed, one.answer, one.right) for one in found[0].tuned] == [
        (1, "Rom und so", False),
        (2, "Rom", True),
    ]
    assert found[0].tuned[0].overran
    assert found[0].tuned[0].f1 == pytest.approx(50)


def test_limit(cells: list[CellData]) -> None:
    assert [item.id for item in show_cell(cells[0], cells[1], EXAMPLES, limit=2)] == ["q0", "q1"]
    assert show_cell(cells[0], cells[1], EXAMPLES, limit=0) == []


def test_cells_of_other_items_are_refused(cells: list[CellData]) -> None:
    other = replace(cells[1], ids=("a", "b", "c", "d"))
    with pytest.raises(DataError, match="same items"):
        list(examples_under(cells[0], other, EXAMPLES))


def test_text_keeps_data_alone_on_its_line(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    arabic = ("روما", "باريس")
    shelf.add(("روما هنا\nQ: سؤال آخر", "باريس"), gold=arabic, language="ar", stops=("limit", "end"))
    (base,) = shelf.load().cells
    gold = {example.id: example for example in questions("ar", arabic)}
    text = as_text(show_cell(base, None, gold)[0])
    assert text.splitlines() == [
        "[q0] wrong",
        "context:",
        "  Im Text 0 steht ⟦روما⟧.",
        "question:",
        "  Was 0?",
        "gold:",
        "  روما",
        "base (wrong, F1 67, stop: limit, overran):",
        "  روما هنا",
        "  and after the first line:",
        "  Q: سؤال آخر",
    ]


def test_without_gold_the_answers_are_still_shown(cells: list[CellData]) -> None:
    (first, *_) = show_cell(cells[0], cells[1], {})
    assert first.example is None
    assert as_text(first).splitlines()[:3] == [
        "[q0] turned-wrong",
        "base (right, F1 100, stop: end):",
        "  Rom",
    ]


def example(context: str, *answers: str) -> Example:
    return Example("q", "c", context, "?", answers, "hi")


def test_context_is_shortened_around_the_gold() -> None:
    text = marked(example("vorher " * 100 + "Gold" + " nachher" * 100, "Gold"))
    assert text.startswith("…vorher ")
    assert text.endswith(" nachher…")
    assert "⟦Gold⟧" in text
    assert len(text) < 340
    assert marked(example("kurz Gold", "Gold")) == "kurz ⟦Gold⟧"
    assert marked(example("a b Zweite", "fehlt", "Zweite")) == "a b ⟦Zweite⟧"


def test_without_the_gold_in_it_a_context_is_shown_from_its_beginning() -> None:
    text = marked(example("Wort " * 200, "fehlt"))
    assert text.startswith("Wort Wort")
    assert text.endswith("…")
    assert len(text) <= 321


@given(st.text(alphabet="कि्षामন্ \u0301", max_size=600), st.text(alphabet="कিa", max_size=3))
def test_a_cut_never_parts_a_letter_from_its_marks(context: str, answer: str) -> None:
    text = marked(example(context, answer))
    if text.startswith("…") and len(text) > 1:
        assert unicodedata.category(text[1])[0] != "M" or text[1:] in context
    if text.endswith("…"):
        kept = text[:-1].removeprefix("…").replace("⟦", "").replace("⟧", "")
        place = context.index(kept) + len(kept)
        assert unicodedata.category(context[place])[0] != "M" or context[place - 1] == " "


@given(st.text())
def test_what_a_model_says_cannot_steer_the_terminal(text: str) -> None:
    shown = clean(text)
    assert len(shown.splitlines()) <= 1
    assert not any(unicodedata.category(char) == "Cc" for char in shown)


def test_control_characters_are_shown() -> None:
    assert clean("a\x1b[2Jb\r\nc\td\u202ee") == "a<U+001B>[2Jb⏎c d<U+202E>e"


@pytest.mark.parametrize(
    ("known", "text", "new"),
    [
        ("Er lebt in Bonn", "Bonn", []),
        ("Bonn", "Bern", ["Bern"]),
        ("Bonn", "Er lebt in Bonn", ["Er lebt in "]),
        ("ଅନୀତା କଟକ", "ଅନୀତା ପୁରୀ", ["ପୁରୀ"]),
        ("東京都", "東京", []),
        ("東京", "京都", ["都"]),
        ("कि", "की", ["की"]),  # a vowel sign is never torn from its letter
    ],
)
def test_what_is_new_in_an_answer_is_told_by_words_or_by_letters(
    known: str, text: str, new: list[str]
) -> None:
    pieces = differing(known, text)
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_new in pieces if is_new] == new


@given(st.text(), st.text())
def test_no_letter_of_an_answer_is_lost(known: str, text: str) -> None:
    assert "".join(piece for piece, _ in differing(known, text)) == text
    assert not any(new for _, new in differing(text, text))


def test_a_page_shows_what_follows_the_answer_and_escapes_it(cells: list[CellData]) -> None:
    base, worse, _ = cells
    long = replace(worse, raw=("<b>Rom</b>\nund so & weiter", *worse.raw[1:]))
    page = as_html("<de>", show_cell(base, long, EXAMPLES))
    assert page.count("<section>") == 4 and page.count('dir="auto"') > 12
    assert (
        "<title>&lt;de&gt;</title>" in page and "<u>&lt;b&gt;Rom&lt;/b&gt;</u>" in page and "<b>" not in page
    )
    assert '<p class="rest" dir="auto">und so &amp; weiter</p>' in page
    assert "http" not in page and "<script" not in page
