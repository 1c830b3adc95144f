"""`xlt-kit claims` on the smoke recipe's real run."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kit.api import Workspace, judge_runs, results
from kit.claims import Outcome, PairVerdict, Standing, Verdict
from kit.report.claims import details
from kit.results import Results
from kit.schedule.runfolder import find_run
from tests.kit_command import ROOT, Kit

pytestmark = pytest.mark.slow

Smoke = tuple[Kit, subprocess.CompletedProcess[str]]


@pytest.fixture
def other_claims(tmp_path: Path) -> Path:
    """The smoke recipe's claims turned round: tuning lowers F1."""
    shutil.copy(ROOT / "recipes" / "smoke.yaml", tmp_path)
    text = (ROOT / "recipes" / "claims.yaml").read_text("utf-8")
    turned = text.replace("effect: {kind: difference, above: 0}", "effect: {kind: difference, below: 0}")
    assert turned != text
    (tmp_path / "claims.yaml").write_text(turned, "utf-8")
    return tmp_path / "claims.yaml"


def test_a_run_ends_in_verdicts_on_the_claims_beside_its_recipe(smoke: Smoke) -> None:
    kit, done = smoke
    assert "What tuning does to the embedded model" in done.stdout
    assert "3 reproduced" in done.stdout
    assert done.stdout.count("(mechanics") == 3
    [folder] = (kit.home / "runs").glob("smoke-*")
    written = {path.name for path in (folder / "tables").glob("claims.*")}
    assert written == {"claims.json", "claims.csv", "claims.md"}


def test_every_verdict_has_its_numbers_and_what_they_stand_on(smoke: Smoke) -> None:
    kit, _ = smoke
    found = {verdict["id"]: verdict for verdict in kit.json("claims")["verdicts"]}
    assert {verdict["outcome"] for verdict in found.values()} == {"reproduced"}
    first = found["S1"]
    assert first["flags"] == ["mechanics only"]
    assert len(first["pairs"]) == 3 and all(pair["standing"] == "holds" for pair in first["pairs"])
    assert (
        first["setting"]["n"] == 900
        and first["setting"]["contexts"] == 100
        and first["setting"]["seeds"] == 2
    )
    assert first["setting"]["dtypes"] == ["float32"] and first["setting"]["environments"]
    for pair in first["pairs"]:
        assert pair["difference"]["low"] < pair["difference"]["value"] < pair["difference"]["high"]
        assert pair["difference"]["value"] == pytest.approx(pair["tuned"]["value"] - pair["base"]["value"])
        assert 0 <= pair["p"] <= pair["p_holm"] < 0.05
    table = kit.json("table")["tables"][0]
    cells = {(cell["trained_on"], cell["language"]): cell for cell in table["cells"]}
    for pair in first["pairs"]:
        language = pair["name"].rpartition("/")[2]
        delta = cells[f"tiny-qa/{language}", language]["delta"]["value"]
        assert pair["difference"]["value"] == pytest.approx(delta, abs=1e-5)


def test_forms_hold_the_same_verdicts(smoke: Smoke) -> None:
    kit, _ = smoke
    rows = list(csv.DictReader(io.StringIO(kit("claims", "--format", "csv").stdout)))
    assert [row["claim"] for row in rows if not row["pair"]] == ["S1", "S2", "S3"]
    assert len(rows) == 3 + 3 + 24 + 27
    markdown = kit("claims", "--format", "markdown", "--only", "S3").stdout
    assert "| ✓ S3 | tiny-bloom | reproduced (mechanics only) |" in markdown and "S1" not in markdown
    latex = kit("claims", "--format", "latex", "--only", "S3").stdout
    assert (
        r"\checkmark S3 & tiny-bloom & reproduced (mechanics only) & " in latex and latex.count(r" \\") == 2
    )
    assert latex.isascii() and latex.count("{tabular}") == 2 and "S1" not in latex
    detailed = kit("claims", "--details", COLUMNS="200").stdout
    assert "tiny-qa/de@65 → tiny-qa/de: holds" in detailed and "after Holm" in detailed


def test_the_exit_code_tells_ci_that_a_claim_does_not_stand(smoke: Smoke, other_claims: Path) -> None:
    kit, _ = smoke
    kit("claims", "--check", "--strict")
    kit("claims", "--claims", other_claims)
    refused = kit("claims", "--claims", other_claims, "--check", "--json", code=13)
    assert json.loads(refused.stderr)["error"]["code"] == "claims-unmet"
    assert "S1 contradicted" in refused.stderr
    outcomes = {one["id"]: one["outcome"] for one in json.loads(refused.stdout)["verdicts"]}
    assert outcomes == {"S1": "contradicted", "S2": "contradicted", "S3": "reproduced"}


def swapped(found: Results, one: str, other: str) -> Results:
    """The same results with the adapters of two rows taken for each other."""
    places = {
        (cell.at.trained_on, cell.at.seed, cell.at.task, cell.at.dataset, cell.at.language): cell
        for cell in found.cells
    }
    turned = {one: other, other: one}
    cells = []
    for cell in found.cells:
        at = cell.at
        source = (turned.get(at.trained_on, at.trained_on), at.seed, at.task, at.dataset, at.language)
        cells.append(replace(places[source], at=at, key=cell.key))
    return replace(found, cells=tuple(cells))


def test_swapping_two_adapters_flips_a_verdict_and_the_pairs_that_changed_are_named(
    smoke: Smoke, tmp_path: Path
) -> None:
    kit, _ = smoke
    shutil.copy(ROOT / "recipes" / "smoke.yaml", tmp_path)
    text = (ROOT / "recipes" / "claims.yaml").read_text("utf-8")
    own = text.replace("above: 0}", "above: 40}", 1)  # S1: an own language gains more than any other does
    (tmp_path / "claims.yaml").write_text(own, "utf-8")
    workspace = Workspace(kit.home)
    folder = find_run(workspace.runs, "last")
    right = results(workspace, folder)
    wrong = swapped(right, "tiny-qa/de", "tiny-qa/hi")

    def judged(found: Results) -> tuple[Verdict, dict[str, PairVerdict]]:
        judgement = judge_runs(workspace, [folder], tmp_path / "claims.yaml", found={folder.name: found})
        verdict = judgement.verdicts[0]
        return verdict, {pair.name.rpartition("/")[2]: pair for pair in verdict.pairs}

    (before, held), (after, now) = judged(right), judged(wrong)
    assert (before.outcome, after.outcome) == (Outcome.REPRODUCED, Outcome.CONTRADICTED)
    changed = {name for name in held if held[name].standing is not now[name].standing}
    assert changed == {"de", "hi"} and now["or"].difference == held["or"].difference
    assert all(now[name].standing is Standing.FAILS for name in changed)
    told = [line for line in details(after) if ": fails;" in line]
    assert [line.strip().partition("@")[0] for line in told] == ["tiny-qa/de", "tiny-qa/hi"]
    # What the German adapter earns in Hindi stands where the Hindi one's own language was.
    crossing = judge_runs(workspace, [folder], found={folder.name: right}).verdicts[1].pairs
    (cross,) = [pair for pair in crossing if pair.name == "tiny-qa/de@65 → tiny-qa/hi"]
    assert now["hi"].difference is not None and cross.difference is not None
    assert now["hi"].difference.value == pytest.approx(cross.difference.value)


def test_a_waiver_shows_its_reason_and_passes(smoke: Smoke, other_claims: Path) -> None:
    kit, _ = smoke
    words = ("claims", "--claims", other_claims, "--check", "--waive", "S1=no time", "--waive", "S2=nor here")
    said = kit(*words, "--details").stdout
    assert "waived" in said and "no time" in said
    assert "gives no reason" in kit("claims", "--waive", "S1", code=2).stderr
    assert "no claim is called 'S9'" in kit("claims", "--waive", "S9=x", code=2).stderr
    assert "no claim is called 'S9'" in kit("claims", "--only", "S9", code=2).stderr


def test_a_faulty_claims_file_is_told_before_anything_runs(kit: Kit, other_claims: Path) -> None:
    other_claims.write_text(other_claims.read_text("utf-8").replace("family: S", "famly: S", 1), "utf-8")
    refused = kit("run", other_claims.with_name("smoke.yaml"), code=12)
    assert "claims.yaml:" in refused.stderr and "did you mean 'family'?" in refused.stderr
    assert not (kit.home / "runs").exists()


def test_published_figures_stand_under_tables_and_claims(smoke: Smoke, tmp_path: Path) -> None:
    kit, _ = smoke
    head = "model,trained_on,dataset,language,metric,value,source,page\n"
    line = "tiny-bloom,tiny-qa/de,tiny-qa,de,f1,80,a made-up paper,3\n"
    (tmp_path / "made-up.csv").write_text(head + line)
    try:
        assert (
            "made-up: 1 figure from a made-up paper"
            in kit("reference", "add", tmp_path / "made-up.csv").stdout
        )
        told = "tiny-qa/de: published 80.0 (a made-up paper, p. 3), ours "
        assert "published 80.0 (a made-up paper, p. 3), ours" in kit("table", COLUMNS="200").stdout
        assert told in kit("claims", "--details").stdout
        assert kit.json("reference", "list")[0]["figures"][0]["value"] == 80
        verdicts = {one["id"]: one for one in kit.json("claims")["verdicts"]}
        assert verdicts["S1"]["pairs"][0]["published"][0]["source"] == "a made-up paper"
    finally:
        kit("reference", "remove", "made-up")
    assert kit.json("reference", "list") == []
