import csv
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.report.formats import (
    FORMATS,
    as_csv,
    as_json,
    over_generation_csv,
    over_generation_json,
    write_all,
    write_over_generation,
)
from kit.report.markup import as_latex, as_markdown
from kit.report.text import number, signed
from kit.results import TransferTable, over_generation_table, transfer_table
from kit.stats import Bootstrap
from tests.results.cells import BASE, GOLD, Shelf, transfer_shelf

FEW = Bootstrap(resamples=500)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = transfer_shelf(tmp_path, ("de", "hi"), ("de",))
    shelf.want(trained_on="tiny/ru", seed=1)
    return shelf


@pytest.fixture
def tables(shelf: Shelf) -> list[TransferTable]:
    results = shelf.load()
    return [made for metric in ("f1", "em") for made in transfer_table(results, metric, bootstrap=FEW)]


def test_json_holds_every_estimate_with_counts_and_keys(shelf: Shelf, tables: list[TransferTable]) -> None:
    first, second = json.loads(as_json(tables))["tables"]
    assert (first["metric"], second["metric"], first["unit"]) == ("f1", "em", "percent")
    assert first["interval"] == {"level": 0.95, "resamples": 500, "seed": 0}
    base, _, tuned, _, unfinished = first["cells"][:5]
    assert base["base"]["value"] == pytest.approx(100 * 13 / 24, abs=1e-6)
    assert "delta" not in base
    assert (tuned["trained_on"], tuned["step"], tuned["language"]) == ("tiny/de", 60, "de")
    assert tuned["delta"]["value"] == pytest.approx(100 / 3, abs=1e-6)
    assert (tuned["delta"]["n"], tuned["delta"]["contexts"], tuned["delta"]["seeds"]) == (4, 2, 2)
    assert (tuned["n"], tuned["contexts"], tuned["seed_names"]) == (4, 2, [1, 2])
    assert (tuned["complete"], tuned["self_language"]) == (True, True)
    stored = {cell.key for cell in shelf.wanted if shelf.find(cell.key)}
    assert {key for cell in first["cells"] for key in cell["keys"]} == stored
    assert tuned["base_keys"] == base["keys"]
    assert (unfinished["complete"], unfinished["keys"]) == (False, [])
    assert first["averages"][1]["columns"] == ["tiny/de", "tiny/hi"]
    assert first["missing"][0]["at"]["trained_on"] == "tiny/ru"
    assert first["missing"][0]["reason"] == "not finished"


def test_json_has_neither_nan_nor_infinity(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(("x", "x", "Katze", "x"))  # in some resamples the base is 0: a ratio without bound
    shelf.add(GOLD, trained_on="tiny/de", seed=1)
    shelf.add(("Rom",), gold=("Rom",), language="en")  # one context: no interval
    text = as_json(transfer_table(shelf.load(), bootstrap=FEW))
    assert "NaN" not in text
    assert "Infinity" not in text
    cells = json.loads(text)["tables"][0]["cells"]
    assert cells[1]["base"] == {"value": 100.0, "low": None, "high": None, "n": 1, "contexts": 1, "seeds": 1}
    assert cells[2]["ratio"]["high"] is None


def test_csv_parses_back(tables: list[TransferTable]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(tables))))
    assert len(rows) == 2 * 3 * 2  # metrics, rows, columns
    place = {(row["metric"], row["trained_on"], row["language"]): row for row in rows}
    tuned = place["f1", "tiny/de", "hi"]
    for name, value in (("base", 100 * 13 / 24), ("tuned", 87.5), ("delta", 100 / 3), ("ratio", 21 / 13)):
        assert float(tuned[f"{name}_value"]) == pytest.approx(value, abs=1e-6)
        assert float(tuned[f"{name}_low"]) <= value <= float(tuned[f"{name}_high"])
    counts = [tuned[name] for name in ("n", "contexts", "seeds", "replicates", "complete", "self_language")]
    assert counts == ["4", "2", "2", "1", "1", "0"]
    assert place["f1", "", "de"]["tuned_value"] == ""
    assert (place["em", "tiny/ru", "de"]["complete"], place["em", "tiny/ru", "de"]["tuned_value"]) == (
        "0",
        "",
    )


def test_csv_quotes_what_needs_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE, prompt='a, "b"', model="new\nline")
    (row,) = csv.DictReader(io.StringIO(as_csv(transfer_table(shelf.load(), bootstrap=FEW))))
    assert (row["prompt"], row["model"]) == ('a, "b"', "new\nline")


def markdown_cells(text: str) -> list[list[str]]:
    """The pipe tables of a Markdown text, escapes undone."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    parts = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [[re.sub(r"\\(.)", r"\1", part.strip()) for part in line] for line in parts]


def test_markdown_parses_back(tables: list[TransferTable]) -> None:
    lines = markdown_cells(as_markdown(tables[:1]))
    assert lines[0] == ["tuned on", "de", "hi", "mean all"]
    assert [line[0] for line in lines[2:]] == ["base", "tiny/de", "tiny/ru", "n"]
    assert all(len(line) == 4 for line in lines)
    delta = tables[0].rows[1].cells[1].delta
    assert delta is not None
    assert lines[3][2] == f"+33.3* ({delta.low:.1f}…{delta.high:.1f}) →87.5"
    assert lines[-1][1:] == ["4", "4", "8"]


def test_markdown_escapes_names(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE, dataset="a|b_*c*", model="<m>")
    text = as_markdown(transfer_table(shelf.load(), bootstrap=FEW))
    assert r"a\|b\_\*c\*" in text
    assert r"\<m\>" in text


def latex_cells(text: str) -> list[list[str]]:
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    return [[part.strip() for part in line.removesuffix(r"\\").split(" & ")] for line in rows]


@pytest.mark.parametrize("value", ["delta", "tuned", "ratio", "base"])
def test_latex_is_balanced_booktabs(tables: list[TransferTable], value: str) -> None:
    text = as_latex(tables, value)  # type: ignore[arg-type]
    assert re.findall(r"\\begin\{(\w+)\}", text) == ["table", "tabular"] * 2
    assert re.findall(r"\\end\{(\w+)\}", text) == ["tabular", "table"] * 2
    unescaped = re.sub(r"\\.", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    assert unescaped.count("$") % 2 == 0
    assert text.isascii()
    widths = {len(line) for line in latex_cells(text)}
    assert widths == {4}
    assert len(set(re.findall(r"\\label\{(.*)\}", text))) == 2


def test_latex_parses_back(tables: list[TransferTable]) -> None:
    lines = latex_cells(as_latex(tables[:1]))
    assert lines[0] == ["tuned on", "de", "hi", "mean all"]
    assert lines[1][1] == "54.2"
    assert lines[3][:2] == ["tiny/de", "$+$33.3$^{*}$$^{\\circ}$"]
    assert lines[5][1] == "{\\scriptsize $\\rightarrow$87.5}"


def test_latex_escapes_names(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.add(BASE, model="a_b & 50 % $x$ {y} #1 ~^\\")
    text = as_latex(transfer_table(shelf.load(), bootstrap=FEW))
    assert r"a\_b \& 50 \% \$x\$ \{y\} \#1 $\sim$\textasciicircum{}\textbackslash{}" in text


def test_every_format_is_written_whole(tables: list[TransferTable], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tables"
    paths = write_all(tables, folder, "f1")
    assert [path.name for path in paths] == ["f1.json", "f1.csv", "f1.md", "f1.tex", "f1.svg"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
    for path in paths:
        assert path.read_text("utf-8") == FORMATS[path.suffix[1:]](tables, "delta")


def test_over_generation_files(shelf: Shelf, tmp_path: Path) -> None:
    made = over_generation_table(shelf.load(), bootstrap=FEW)
    cells = json.loads(over_generation_json(made))["tables"][0]["cells"]
    assert len(cells) == 4  # the unfinished one is under `missing`
    assert cells[0]["overran"]["value"] == 25
    assert cells[0]["stops"] == {"end": 50, "newline": 25, "limit": 25}
    rows = list(csv.DictReader(io.StringIO(over_generation_csv(made))))
    values = {(row["trained_on"], row["language"], row["metric"]): row["value"] for row in rows}
    assert values["", "de", "overran"] == "25.0"
    assert values["", "hi", "stop_limit"] == "25.0"
    assert float(values["", "hi", "length_ratio"]) == pytest.approx(1.2)
    paths = write_over_generation(made, tmp_path / "out")
    assert [path.name for path in paths] == ["over-generation.json", "over-generation.csv"]


@given(st.floats(-1000, 1000), st.integers(0, 3))
def test_numbers_never_show_a_negative_zero_and_signs_are_true(value: float, decimals: int) -> None:
    plain, with_sign = number(value, decimals), signed(value, decimals)
    assert float(plain) == round(value, decimals)
    assert not re.fullmatch(r"-0(\.0*)?", plain)
    assert with_sign == (f"+{plain}" if float(plain) > 0 else plain)


@given(st.floats(0, 100), st.floats(0, 100))
def test_shown_delta_is_shown_tuned_minus_shown_base_to_rounding(base: float, tuned: float) -> None:
    difference = float(number(tuned, 1)) - float(number(base, 1))
    assert abs(float(signed(tuned - base, 1)) - difference) <= 0.15 + 1e-9


def test_exports_hold_the_permutation_test_and_the_noise_floor(tmp_path: Path) -> None:
    shelf = transfer_shelf(tmp_path, ("de",), ("de",))
    shelf.add(BASE, language="de", replicate=1)
    made = transfer_table(shelf.load(), "f1", bootstrap=FEW)
    base, tuned = csv.DictReader(io.StringIO(as_csv(made)))
    assert (base["p_permutation"], base["replicates_differing"], base["replicates_sd"]) == ("", "0.0", "0.0")
    assert (tuned["p_permutation"], tuned["replicates_sd"], tuned["modes_sd"]) == ("0.5", "", "")
    first, second = json.loads(as_json(made))["tables"][0]["cells"]
    assert first["replicates_differing"] == 0 and "p_permutation" not in first
    assert second["p_permutation"] == 0.5 and "modes_sd" not in second
