"""`xlt-kit lens` on a real run of the lens recipe, cut down to its base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kit_command import ROOT, Kit

pytestmark = pytest.mark.slow
RECIPE = ROOT / "recipes" / "lens.yaml"


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """The lens recipe with four steps of tuning and forty items: its interchanges alone."""
    kit = Kit(tmp_path_factory.mktemp("swaps") / "home")
    evaluate = "[{dataset: tiny-qa, languages: [en, or], split: test, limit: 40}]"
    tasks = (
        "[generate, {kind: generate, only: own-script}, {kind: interchange, interferer: Latn, control: Cyrl}]"
    )
    words = {
        "trainer.steps": 4,
        "train": "[{dataset: tiny-qa, languages: [de]}]",
        "evaluate": evaluate,
        "tasks": tasks,
    }
    kit("run", RECIPE, *(word for name, value in words.items() for word in ("--set", f"{name}={value}")))
    return kit


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Sixty items in two languages through four variants of the lens."""
    home = tmp_path_factory.mktemp("lens")
    (home / "map.json").write_text(json.dumps({str(token): "en" for token in range(0, 4000, 2)}))
    kit = Kit(home / "home")
    lenses = "lens, {kind: lens, positions: answer}, {kind: lens, form: tuned}, "
    lenses += f"{{kind: lens, map: {home}/map.json}}"
    tasks = f"[generate, {{kind: generate, only: own-script}}, {lenses}]"
    evaluate = "[{dataset: tiny-qa, languages: [en, or], split: test, limit: 60}]"
    fit = (
        "lens_texts=[{dataset: tiny-qa, languages: [en, or], split: dev, limit: 60}]",
        "tuned_lens.steps=20",
    )
    words = ("train=[]", f"evaluate={evaluate}", f"tasks={tasks}", *fit, "tuned_lens.tokens=1000")
    kit("run", RECIPE, *(word for text in words for word in ("--set", text)))
    return kit


def test_tables_show_layers_and_scripts(looked: Kit) -> None:
    text = looked("lens").stdout
    assert "task lens:map=map\n" in text  # its name, not where it lies on this machine
    assert text.count("Lens: tiny-bloom") == 8 and "Orya°" in text and "Latn°" in text
    (table,) = looked.json("lens", "--language", "or", "--task", "lens")["tables"]
    assert looked.json("lens", "--language", "ory_Orya", "--task", "lens")["tables"] == [table]
    assert table["own_classes"] == ["Orya", "broken Orya"] and table["layers"][0] == "embedding"
    (row,) = table["rows"]
    own = [
        sum(layer[table["classes"].index(name)]["value"] for name in table["own_classes"])
        for layer in row["mass"]
    ]
    assert own[-1] > 50 > own[0]  # the model answers Odia in Odia
    assert row["mass"][-1][0]["n"] == 60


def test_a_tuned_lens_tells_what_its_maps_are_worth(looked: Kit) -> None:
    (plain,) = looked.json("lens", "--language", "or", "--task", "lens")["tables"]
    (tuned,) = looked.json("lens", "--language", "or", "--task", "lens:form=tuned")["tables"]
    assert not plain["divergence"] and len(tuned["divergence"]) == len(tuned["layers"]) - 1
    assert all(mapped < without for without, mapped in tuned["divergence"])
    assert tuned["rows"][0]["mass"][-1] == plain["rows"][0]["mass"][-1]  # the output has no map
    assert "nats from the base's output, without its maps → through them" in " ".join(
        looked("lens").stdout.split()
    )


def test_the_mass_is_a_metric_of_tables_too(looked: Kit) -> None:
    table = next(
        one for one in looked.json("table", "--metric", "mass_own")["tables"] if one["task"] == "generate"
    )
    (lens,) = looked.json("lens", "--language", "or", "--task", "lens")["tables"]
    shown = next(cell for cell in table["cells"] if cell["language"] == "or")
    last = dict(zip(lens["classes"], lens["rows"][0]["mass"][-1], strict=True))
    assert shown["base"]["value"] == pytest.approx(
        sum(last[name]["value"] for name in lens["own_classes"]), abs=0.01
    )


def test_stopping_and_language_share_out_what_an_answer_loses(looked: Kit) -> None:
    """S3: F1 is what is left under both, less what is lost to each; and a mask leaves no other script."""

    def values(metric: str) -> dict[tuple[str, str], float]:
        tables = looked.json("table", "--metric", metric)["tables"]
        return {
            (table["task"], cell["language"]): cell["base"]["value"]
            for table in tables
            for cell in table["cells"]
            if "base" in cell
        }

    f1, stop, language, free = (values(name) for name in ("f1", "lost_stop", "lost_language", "f1_free"))
    for code in ("en", "or"):
        place = ("generate", code)
        assert f1[place] == pytest.approx(free[place] - stop[place] - language[place], abs=1e-4)
        assert stop[place] > 10  # the base's fault is that it runs on, in its own script
        assert abs(language[place]) < 5
        assert values("script_own")["generate:only=own-script", code] > 99


def test_files_and_figures(looked: Kit, tmp_path: Path) -> None:
    [folder] = (looked.home / "runs").iterdir()
    assert {path.name for path in (folder / "tables").glob("lens.*")} == {"lens.json", "lens.csv"}
    assert looked("lens", "--figure", tmp_path / "a.svg").stdout == f"drawn: {tmp_path / 'a.svg'}\n"
    assert "Orya (own)" in (tmp_path / "a.svg").read_text()
    written = json.loads((folder / "tables" / "lens.json").read_text())
    assert written == looked.json("lens")


def test_interchanges_are_of_tuned_rows_and_of_other_scripts_alone(swapped: Kit, looked: Kit) -> None:
    (table,) = swapped.json("interchange")["tables"]
    (row,) = table["rows"]  # English is written in the interferer's script, the base has nothing to swap with
    assert (row["trained_on"], row["language"], row["interferer"]) == ("tiny-qa/de", "or", "Latn")
    assert row["into"]["effect"]["n"] < 40 and row["layers"][0] in (1, 2)
    assert row["stands"] == "undecided"  # it does not interfere, and four steps move little
    assert "tiny-qa/de@4 → tiny-qa/or" in swapped("interchange").stdout
    [folder] = (swapped.home / "runs").iterdir()
    assert (folder / "tables" / "interchange.csv").read_text() == swapped(
        "interchange", "--format", "csv"
    ).stdout
    assert "no finished cells of that kind" in looked("interchange", code=2).stderr
    tasks = "[{kind: interchange, interferer: Latn, control: Latn}]"
    assert "name another" in swapped("plan", RECIPE, "--set", f"tasks={tasks}", code=3).stderr


def test_an_interchange_goes_into_a_verdict(swapped: Kit, tmp_path: Path) -> None:
    (tmp_path / "lens.yaml").write_text(f"schema: 1\nextends: {RECIPE}\nname: lens\n")
    file = tmp_path / "claims.yaml"
    file.write_text("""\
schema: 1
title: S5 on the shipped base
claims:
  T:
    title: German lifts Odia by suppressing Latin letters
    statement: Nobody claims that, and four steps move little.
    source: this test
    recipes: [lens]
    family: T
    models: [tiny-bloom]
    trained_on: {datasets: tiny-qa, languages: de}
    evaluated_on: {datasets: tiny-qa, languages: or}
    effect: {kind: difference, above: 0}
    needed: all
    expects: [suppression]
""")
    (verdict,) = swapped.json("claims", "--claims", file)["verdicts"]
    assert verdict["outcome"] not in ("not run", "reproduced") and "mechanics only" in verdict["flags"]
    evidence = verdict["pairs"][0]["evidence"]
    (one,) = evidence["interchanges"]
    assert (one["interferer"], one["stands"]) == ("Latn", "undecided")
    assert evidence["language"]["value"] == pytest.approx(
        0, abs=5
    )  # it answers Odia in Odia, before and after
    assert "interchange with Latn undecided" in " ".join(
        swapped("claims", "--claims", file, "--details").stdout.split()
    )


def test_faults_are_named(looked: Kit, tmp_path: Path) -> None:
    assert "no finished lens cells" in looked("lens", "--language", "xx", code=2).stderr
    assert "no row is called 'zz'" in looked("lens", "--row", "zz", code=2).stderr
    assert "not written as" in looked("lens", "--figure", tmp_path / "a.jpg", code=2).stderr
    assert "cannot be written" in looked("lens", "--figure", tmp_path / "no" / "a.svg", code=8).stderr
    tasks = "[{kind: lens, map: nowhere.json}]"
    assert (
        "the map of tokens cannot be read" in looked("plan", RECIPE, "--set", f"tasks={tasks}", code=7).stderr
    )


def test_the_papers_own_arrays(kit: Kit, mirror: Path, tmp_path: Path) -> None:
    """Fetched from the mirror, by their checksums, and drawn."""
    place = ("--mirror", mirror, "--offline")
    assert "bn falls most" in kit("lens", "--published", *place).stdout
    found = kit.json("lens", "--published", *place)
    assert found["exponential_average"] and len(found["arrays"]) == 18
    kit("lens", "--published", *place, "--figure", tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert "no prompts in 'xx'" in kit("lens", "--published", "--language", "xx", *place, code=2).stderr
    assert "not on this machine" in kit("lens", "--published", "--offline", code=7).stderr
