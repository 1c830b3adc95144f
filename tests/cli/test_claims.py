"""`xlt-kit claims` on the smoke recipe's real run."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

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
