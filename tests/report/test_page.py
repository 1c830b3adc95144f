"""A report as a page: its numbers are those of the JSON, it is the same everywhere, and nothing breaks it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.api import Workspace, judge_runs, results
from kit.api.reporting import page_of, report, write_report
from kit.cli import main
from kit.errors import StorageError, UsageError
from kit.plan import Wanted
from kit.report.claims import as_data, effect_words
from kit.report.formats import as_json, over_generation_json
from kit.report.lens import lens_json
from kit.report.page import render
from kit.report.text import number, signed
from kit.results import lens_tables, over_generation_table, transfer_table
from kit.results.types import environment_words
from kit.schedule import RunFolder
from tests.report.pages import Reading, little_shelf, manifest, put_run, recipe
from tests.results.cells import BASE, ENVIRONMENT, GOLD, Shelf
from tests.tui import sample

OTHER = {**ENVIRONMENT, "device": "NVIDIA Something", "torch": "2.9.0"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", offline=True)


@pytest.fixture
def finished(workspace: Workspace) -> RunFolder:
    return put_run(workspace.home, little_shelf(workspace.home))


@pytest.fixture
def at_work(workspace: Workspace) -> RunFolder:
    """An unfinished run with verdicts, a lens and an interchange."""
    return sample.make(workspace.home)


def written(estimate: dict[str, Any] | None, change: bool = False) -> tuple[str, str]:
    """An estimate of the JSON as a table has it."""
    if estimate is None or estimate["value"] is None:
        return "", ""
    write = signed if change else number
    ends = [estimate["low"], estimate["high"]]
    return write(estimate["value"], 2), "…".join(
        write(end, 2) for end in ends
    ) if None not in ends else "no interval"


def without_commands(verdicts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Verdicts without how to get what is missing, which a page tells without the paths of one machine."""
    return [{**verdict, "command": None} for verdict in verdicts]


def test_every_figure_of_a_transfer_table_is_that_of_the_json(
    workspace: Workspace, finished: RunFolder
) -> None:
    read = Reading(report(workspace, [finished]))
    tables = transfer_table(results(workspace, finished), "f1")
    [run] = read.data["runs"]
    assert run["tables"]["f1"] == json.loads(as_json(tables))
    [told] = run["tables"]["f1"]["tables"]
    [shown] = read.called("Every figure of F1")
    assert len(shown.rows) == len(told["cells"]) + len(told["averages"]) == 2 * 2 + 2
    for row, cell in zip(shown.rows, told["cells"] + told["averages"], strict=True):
        line = dict(zip(shown.heads, row, strict=True))
        assert line["base"] == written(cell.get("base"))
        assert line["tuned"] == written(cell.get("tuned"))
        assert line["Δ"] == written(cell.get("delta"), change=True)
        ratio = written(cell.get("ratio"))
        assert line["tuned / base"] == (f"×{ratio[0]}" if ratio[0] else "", ratio[1])
        assert line["n"][0] == str(cell["n"] or "") and line["contexts"][0] == str(cell["contexts"])
        assert line["seeds"][0] == str(cell["seeds"] or "")
        assert line["p"][0] == (f"{cell['p_permutation']:.2g}" if "p_permutation" in cell else "")
    figures = [(text, ends) for row in shown.rows for text, ends in row if ends]
    assert len(figures) >= 12


def test_the_heat_map_shows_the_same_figures(workspace: Workspace, finished: RunFolder) -> None:
    page = report(workspace, [finished])
    [picture] = re.findall(r'<svg[^>]*aria-label="F1.*?</svg>', page, re.DOTALL)
    for cell in Reading(page).data["runs"][0]["tables"]["f1"]["tables"][0]["cells"]:
        said = cell["base"] if cell["trained_on"] == "" else cell["delta"]
        text = number(said["value"], 1) if cell["trained_on"] == "" else signed(said["value"], 1)
        assert f">{text}" in picture
    assert "light-dark(" in picture and "<?xml" not in page


def test_over_generation_is_that_of_the_json(workspace: Workspace, finished: RunFolder) -> None:
    read = Reading(report(workspace, [finished]))
    told = read.data["runs"][0]["tables"]["over-generation"]
    assert told == json.loads(over_generation_json(over_generation_table(results(workspace, finished))))
    [shown] = read.called("Over-generation")
    assert len(shown.rows) == len(told["tables"][0]["cells"])
    for row, cell in zip(shown.rows, told["tables"][0]["cells"], strict=True):
        line = dict(zip(shown.heads, row, strict=True))
        assert line["length"][0] == number(cell["length_ratio"]["value"], 2)
        for head, name in (("contained", "contains_gold"), ("overrun", "overran"), ("p(stop)", "p_stop")):
            assert line[head][0] == (number(cell[name]["value"], 1) if name in cell else "")
        assert line["n"][0] == str(cell["n"])


def test_verdicts_stand_first_with_the_numbers_of_the_claims(
    workspace: Workspace, at_work: RunFolder
) -> None:
    page = report(workspace, [at_work])
    read = Reading(page)
    judgement = judge_runs(workspace, [at_work])
    assert without_commands(read.data["claims"]["verdicts"]) == without_commands(as_data(judgement.verdicts))
    [shown] = read.called("Verdicts")
    for row, verdict in zip(shown.rows, judgement.verdicts, strict=True):
        line = [text for text, _ in row]
        assert line[0] == verdict.id and verdict.outcome.value in line[3] and line[4] == effect_words(verdict)
    assert page.index('id="claims"') < page.index('id="transfer"') < page.index('id="times"')
    assert "Tuning on a language raises F1 in it." in read.text


def test_a_run_with_a_lens_has_its_curves_and_every_figure(workspace: Workspace, at_work: RunFolder) -> None:
    read = Reading(report(workspace, [at_work]))
    told = read.data["runs"][0]["tables"]
    assert told["lens"] == json.loads(lens_json(lens_tables(results(workspace, at_work))))
    assert "interchange" in told and read.called("Interchange")
    assert read.names.count("polyline") >= 8 and read.names.count("polygon") >= 4
    shown = read.called("toy-qa/de@60: change against the base")
    for table, made in zip(shown, told["lens"]["tables"], strict=True):
        row = next(row for row in made["rows"] if row["change"])
        for line, estimates in zip(table.rows, row["change"], strict=True):
            own = [written(estimate, change=True) for estimate in estimates]
            assert line[1 : 1 + len(own)] == own


def test_an_unfinished_run_says_so(workspace: Workspace, at_work: RunFolder) -> None:
    text = Reading(report(workspace, [at_work])).text
    assert f"{at_work.name} is not complete" in text and f"xlt-kit resume {at_work.name}" in text
    assert "(running)" in text and "missing, not finished" in text


def test_a_run_that_never_began_is_a_page_too(workspace: Workspace) -> None:
    shelf = Shelf(workspace.store().root)
    shelf.want(language="de")
    folder = RunFolder(workspace.home / "runs" / "new-0b5e55ed")
    folder.path.mkdir(parents=True)
    folder.write_wanted(Wanted("new", tuple(shelf.wanted)))
    text = Reading(report(workspace, [folder])).text
    assert "0 of 1 cells (not started)" in text and "No claims file speaks of the recipes" in text


def test_the_same_run_gives_the_same_bytes_everywhere(
    workspace: Workspace, finished: RunFolder, at_work: RunFolder, tmp_path: Path
) -> None:
    runs = [finished, at_work]
    first = report(workspace, runs)
    assert first == report(workspace, runs)
    command = str(Path(sys.executable).with_name("xlt-kit"))
    for seed, zone in (("1", "Asia/Kolkata"), ("77", "America/New_York")):
        out = tmp_path / f"{seed}.html"
        surroundings = {
            **os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C", "LANG": "C",
            "XLT_KIT_HOME": str(workspace.home),
        }  # fmt: skip
        words = [command, "report", *(run.name for run in runs), "-o", str(out)]
        subprocess.run(words, env=surroundings, check=True, capture_output=True, cwd=tmp_path)
        assert out.read_bytes() == first.encode()


def test_a_home_elsewhere_gives_the_same_bytes(
    workspace: Workspace, at_work: RunFolder, finished: RunFolder, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(workspace.home, moved)
    there = [RunFolder(moved / "runs" / run.name) for run in (finished, at_work)]
    claims = moved / "recipes" / "claims.yaml"
    first = report(workspace, [finished, at_work])
    assert report(Workspace(moved, offline=True), there, claims=claims) == first
    assert str(workspace.home) not in first


def test_nothing_comes_from_elsewhere(workspace: Workspace, at_work: RunFolder, finished: RunFolder) -> None:
    page = report(workspace, [finished, at_work])
    read = Reading(page)
    assert all(address.startswith("#") or address == "data:," for address in read.addresses)
    assert not {"iframe", "img", "object", "embed", "form"} & set(read.names)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style and "@import" not in style
    code = page[page.rindex("<script>") :]
    assert "http" not in code and "fetch" not in code and "import" not in code
    assert read.names.count("h1") == 1 and read.names.count("main") == 1
    anchors = {address[1:] for address in read.addresses if address.startswith("#")}
    assert all(f'id="{anchor}"' in page for anchor in anchors)


def test_hostile_names_stay_text(workspace: Workspace) -> None:
    evil = "</script><script>alert(1)</script>\u2028<!--\"'&"
    shelf = Shelf(workspace.store().root)
    shelf.add(BASE, model=evil, dataset=evil)
    shelf.add(GOLD, model=evil, dataset=evil, trained_on=f"{evil}/de", seed=1)
    told = manifest(
        recipe={**recipe(), "title": evil, "name": evil},
        models=[{"name": evil, "id": evil, "revision": None, "parameters": None}],
        data=[
            {
                "use": "train", "id": evil, "dataset": evil, "language": evil, "split": evil, "items": 1,
                "contexts": 1, "seen_by": [],
            }
        ],
        packages={"numpy": evil},
    )  # fmt: skip
    read = Reading(report(workspace, [put_run(workspace.home, shelf, told=told)]))
    assert read.names.count("script") == 2
    assert read.text.count("alert(1)") > 5
    assert read.data["runs"][0]["tables"]["f1"]["tables"][0]["model"] == evil


def test_without_claims_the_figures_stand_for_themselves(workspace: Workspace, finished: RunFolder) -> None:
    read = Reading(report(workspace, [finished]))
    assert "No claims file speaks of the recipes" in read.text and read.data["claims"] is None


def test_a_faulty_claims_file_takes_the_verdicts_alone(workspace: Workspace, at_work: RunFolder) -> None:
    (workspace.home / "recipes" / "claims.yaml").write_text("schema: 1\nclaims: {A: {}}\n")
    read = Reading(report(workspace, [at_work]))
    assert "No verdicts:" in read.text and "claims.yaml" in read.text and read.called("Every figure of F1")


def test_fresh_stored_and_shipped_cells_are_told_apart(workspace: Workspace, finished: RunFolder) -> None:
    fresh = Reading(report(workspace, [finished]))
    assert {origin["state"] for origin in fresh.data["origins"].values()} == {"fresh"}
    [shown] = fresh.called("Every figure of F1")
    assert {row[-1][0] for row in shown.rows} == {"●E1"}
    assert "this run's machine" in fresh.text
    shipped = Reading(report(workspace, [finished], shipped=True))
    [shown] = shipped.called("Every figure of F1")
    assert {row[-1][0] for row in shown.rows} == {"◆E1!"}
    assert "Nothing here counts as a verdict of this machine" in shipped.text
    assert all(not one["ours"] for one in shipped.data["environments"])


def test_what_was_in_the_store_is_ours_where_the_machine_is_the_same(workspace: Workspace) -> None:
    shelf = Shelf(workspace.store().root)
    here = {**ENVIRONMENT, "platform": "Linux-6.1-x86_64-with-glibc2.41"}
    shelf.add(BASE, environment=here)
    shelf.add(BASE, environment={**OTHER, "platform": "Linux-5.4-x86_64-with-glibc2.31"}, language="or")
    attempt = {**manifest()["attempts"][0], "jobs": []}
    folder = put_run(workspace.home, shelf, told=manifest(attempts=[attempt]), fresh=False)
    [shown] = Reading(report(workspace, [folder])).called("Every figure of F1")
    assert [row[-1][0] for row in shown.rows][:2] == ["○E1", "○E2!"]


def test_several_environments_in_one_comparison_are_pointed_out(workspace: Workspace) -> None:
    shelf = Shelf(workspace.store().root)
    shelf.add(BASE, environment=OTHER)
    shelf.add(GOLD, trained_on="tiny/de", seed=1)
    folder = put_run(workspace.home, shelf)
    read = Reading(report(workspace, [folder]))
    [shown] = read.called("Every figure of F1")
    assert shown.rows[1][-1][0] == "●E1+E2"
    assert any("several in one comparison" in title for title in read.titles)
    assert "Cells come from several environments" in read.text


def test_evidence_from_another_environment_does_not_count(workspace: Workspace, at_work: RunFolder) -> None:
    run = RunFolder(at_work.path.with_name("grid-0b5e55ed"))  # all from the store
    told = manifest()
    run.write_manifest(told)
    mine = page_of(workspace, [run])
    assert mine.verdicts and not mine.verdicts.ours and all(one.counts for one in mine.verdicts.told)
    told["attempts"][0]["jobs"][0]["environment"] = OTHER
    run.write_manifest(told)
    page = page_of(workspace, [run])
    assert page.data["claims"] == mine.data["claims"]
    assert page.verdicts and any(not one.counts for one in page.verdicts.told)
    text = Reading(render(page)).text
    assert (
        "not counted as this machine's" in text
        and "Of this machine's own evidence: 1 not run, 1 waived" in text
    )


def test_environments_have_the_words_of_the_verdicts(workspace: Workspace, at_work: RunFolder) -> None:
    words = {environment_words(cell.environment) for cell in results(workspace, at_work).cells}
    named = {name for one in judge_runs(workspace, [at_work]).verdicts for name in one.setting.environments}
    assert named and named <= words


def test_switches_and_deviations_come_from_the_recipe(workspace: Workspace) -> None:
    told = manifest(recipe=recipe(fidelity="paper", switches={"end_token": "learnt"}, lora={"r": 8}))
    read = Reading(report(workspace, [put_run(workspace.home, little_shelf(workspace.home), told=told)]))
    [switches] = read.called("Switches")
    line = {row[0][0]: [text for text, _ in row[1:3]] for row in switches.rows}
    assert line["end_token"] == ["learnt", "masked"] and line["loss_on"] == ["all", "all"]
    [deviations] = read.called("hand-made-0b5e55ed: what differs")
    assert [[text for text, _ in row] for row in deviations.rows] == [
        ["end_token", "learnt", "masked"],
        ["lora.r", "8", "64"],
    ]


def test_the_paper_to_the_letter_deviates_in_nothing(workspace: Workspace) -> None:
    told = manifest(recipe=recipe(fidelity="paper"))
    read = Reading(report(workspace, [put_run(workspace.home, little_shelf(workspace.home), told=told)]))
    assert "every switch and setting is the paper's" in read.text


def test_data_environment_and_times_are_told(workspace: Workspace, finished: RunFolder) -> None:
    read = Reading(report(workspace, [finished]))
    [sets] = read.called("Data sets")
    assert sets.rows[0][0][0] == "tiny-qa" and sets.rows[0][2][0]
    [slices] = read.called("hand-made-0b5e55ed: 2 slices")
    assert [row[-1][0] for row in slices.rows] == ["data-train", "data-evaluate"]
    [environment] = read.called("hand-made-0b5e55ed: kit, host")
    told = {row[0][0]: row[1][0] for row in environment.rows}
    assert (
        told["packages of the host"] == "numpy 2.4.6, regex 2026.1.1" and told["kit's checkout"] == "a" * 40
    )
    [jobs] = read.called("hand-made-0b5e55ed: jobs")
    assert [text for text, _ in jobs.rows[0]] == ["evaluate toy", "done", "1", "62 s", "570.6 MB"]
    assert "2026-09-21 14:07 to 2026-09-21 14:13 UTC (6 min), done" in read.text
    assert "xlt-kit run recipes/grid.yaml --set 'seeds=[1]'" in read.text


def test_what_a_model_has_seen_is_marked(workspace: Workspace) -> None:
    shelf = Shelf(workspace.store().root)
    shelf.add(BASE, dataset="xquad", language="de", seen=True)
    told = manifest(data=[{**manifest()["data"][1], "dataset": "xquad"}])
    read = Reading(report(workspace, [put_run(workspace.home, shelf, told=told)]))
    [seen] = read.called("Evaluated on what the model had met")
    assert [text for text, _ in seen.rows[0]] == ["toy", "xquad", "de", "test"]
    assert "had this data in its own tuning" in read.text


def test_writing(workspace: Workspace, finished: RunFolder, tmp_path: Path) -> None:
    path = write_report(workspace, [finished])
    assert path == finished.tables / "report.html" and path.read_text("utf-8") == report(
        workspace, [finished]
    )
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        write_report(workspace, [finished], tmp_path / "file" / "report.html")
    with pytest.raises(UsageError, match="no run"):
        report(workspace, [])


def test_the_command(
    workspace: Workspace, finished: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "page.html"
    words = ["report", finished.name, "--home", str(workspace.home), "--offline"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "-o", str(out)])
    assert not ended.value.code and str(out) in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    assert json.loads(capsys.readouterr().out) == Reading(out.read_text("utf-8")).data
    with pytest.raises(SystemExit) as ended:
        main([*words[:1], "no-such-run", *words[2:]])
    assert ended.value.code == 2 and "no run is called" in capsys.readouterr().err


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
@pytest.mark.parametrize("look", ["", "--blink-settings=preferredColorScheme=0"])
def test_a_browser_opens_it_without_a_complaint(
    workspace: Workspace, at_work: RunFolder, tmp_path: Path, look: str
) -> None:
    page, picture = write_report(workspace, [at_work], tmp_path / "page.html"), tmp_path / "page.png"
    words = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr",
        "--v=0", f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}", "--window-size=1200,1600",
        *filter(None, [look]), page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    assert picture.stat().st_size > 20_000
