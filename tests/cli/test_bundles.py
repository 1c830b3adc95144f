"""A run exported, and every way of tampering with it caught by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.bundle import SUMS, opened, read_sums, sums_of
from kit.bundle.crate import CRATE
from kit.jobdir import sha256_file
from tests.kit_command import Kit

pytestmark = pytest.mark.slow

Tires = tuple[Kit, str]
CELLS, GENERATED = 25, 6
"""Of the smallest run that has a cell of every kind."""


@pytest.fixture(scope="module")
def bundle(tires: Tires, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as a bundle, unpacked."""
    kit, _ = tires
    folder = tmp_path_factory.mktemp("bundle")
    said = kit("export", "kick", "-o", folder / "kick.zip").stdout
    assert f"{CELLS} of {CELLS} cells" in said
    assert "masked" not in said, "the embedded data is ours"
    with opened(folder / "kick.zip") as root:
        shutil.copytree(root, folder / "kick")
    return folder / "kick"


@pytest.fixture
def other(bundle: Path, tmp_path: Path) -> Path:
    """A copy to tamper with."""
    shutil.copytree(bundle, tmp_path / "bundle")
    return tmp_path / "bundle"


def mend(root: Path, *names: str) -> None:
    """Put the checksums right after a change, as one who wants to hide it would."""
    listed, crate = read_sums(root / SUMS), json.loads((root / CRATE).read_text())
    for name in names:
        listed[name] = sha256_file(root / name)
        for entity in crate["@graph"]:
            if entity["@id"] == name:
                entity |= {"sha256": listed[name], "contentSize": (root / name).stat().st_size}
    (root / CRATE).write_text(json.dumps(crate, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    listed[CRATE] = sha256_file(root / CRATE)
    (root / SUMS).write_text(sums_of(listed))


def differences(kit: Kit, root: Path) -> list[dict[str, Any]]:
    found = json.loads(kit("verify", root, "--json", code=6).stdout)
    assert not found["whole"]
    return list(found["differences"])


def generated(root: Path) -> Path:
    return next(
        path for path in sorted((root / "store" / "cells").iterdir()) if path.name.startswith("generate")
    )


def test_two_exports_are_the_same_bytes(tires: Tires, tmp_path: Path) -> None:
    kit, _ = tires
    for name in ("one.zip", "two.zip"):
        kit("export", "kick", "-o", tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_what_was_exported_is_verified_by_a_stranger(bundle: Path, tmp_path: Path) -> None:
    stranger = Kit(tmp_path / "nothing-here")
    found = json.loads(stranger("verify", bundle, "--json").stdout)
    assert found["whole"] and found["differences"] == []
    assert found["rescored"] == GENERATED and found["aggregated"] == 0 and found["unchecked"] == 0
    assert found["figures"] > 5_000
    said = stranger("verify", bundle).stdout
    assert f"{GENERATED} cells scored again from their outputs" in said and "✓ nothing differs" in said


def test_it_is_a_home_that_every_command_reads(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "home")
    table = Kit(tmp_path / "home").json("table")
    [shipped] = (bundle / "runs").glob("*/tables/f1.json")
    values = [cell["tuned"]["value"] for cell in table["tables"][0]["cells"] if "tuned" in cell]
    theirs = json.loads(shipped.read_text())["tables"][0]["cells"]
    assert values == [cell["tuned"]["value"] for cell in theirs if "tuned" in cell]


def test_it_holds_no_text_of_a_path_of_this_machine(bundle: Path, tires: Tires) -> None:
    kit, _ = tires
    for path in bundle.rglob("*"):
        if path.is_file():
            assert str(kit.home).encode() not in path.read_bytes(), path


def test_the_crate_names_every_file_and_the_run(bundle: Path) -> None:
    from rocrate.rocrate import ROCrate

    crate = ROCrate(bundle)
    files = {entity.id for entity in crate.data_entities if entity.type == "File"}
    assert files == set(read_sums(bundle / SUMS)) - {CRATE}
    [action] = [entity for entity in crate.get_entities() if entity.type == "CreateAction"]
    assert action["instrument"].id == "#xlt-kit"
    assert action["endTime"] >= action["startTime"]


def test_a_changed_prediction_is_named_with_its_item(tires: Tires, other: Path) -> None:
    kit, _ = tires
    items = generated(other) / "items.jsonl"
    lines = items.read_text(encoding="utf-8").splitlines(keepends=True)
    first = json.loads(lines[0])
    lines[0] = (
        json.dumps({**first, "raw": "something else"}, ensure_ascii=False, separators=(",", ":")) + "\n"
    )
    items.write_text("".join(lines), encoding="utf-8")
    found = differences(kit, other)
    name = f"store/cells/{items.parent.name}"
    assert {"what": "changed", "name": f"{name}/items.jsonl"}.items() <= found[0].items()
    scores = [each for each in found if each["what"] == "score"]
    assert scores and all(each["name"] == name and f"item {first['id']}" in each["says"] for each in scores)


def test_a_changed_prediction_is_found_though_its_checksum_was_mended(tires: Tires, other: Path) -> None:
    kit, _ = tires
    cell = generated(other)
    items = cell / "items.jsonl"
    items.write_text(items.read_text("utf-8").replace('"raw":"', '"raw":"not ', 1), "utf-8")
    mend(other, f"store/cells/{cell.name}/items.jsonl")
    assert {each["what"] for each in differences(kit, other)} >= {"score", "figure"}


def test_a_missing_file_is_named(tires: Tires, other: Path) -> None:
    kit, _ = tires
    cell = generated(other)
    shutil.rmtree(cell)
    found = differences(kit, other)
    missing = {each["name"] for each in found if each["what"] == "missing"}
    assert f"store/cells/{cell.name}/items.jsonl" in missing
    assert any(
        each["what"] == "cell" and f"{CELLS} cells, and there are {CELLS - 1}" in each["says"]
        for each in found
    )


@pytest.mark.parametrize("mended", [False, True], ids=["checksum as it was", "checksum mended"])
@pytest.mark.parametrize("ending", ["json", "csv", "md", "svg", "tex"])
def test_an_altered_figure_is_named(tires: Tires, other: Path, ending: str, mended: bool) -> None:
    kit, _ = tires
    [path] = (other / "runs").glob(f"*/tables/f1.{ending}")
    name = path.relative_to(other).as_posix()
    alter: dict[str, Callable[[str], str]] = {"json": _altered_json}
    path.write_text(alter.get(ending, _altered_text)(path.read_text(encoding="utf-8")), encoding="utf-8")
    if mended:
        mend(other, name)
    found = differences(kit, other)
    assert {each["name"] for each in found} == {name}
    assert [each["what"] for each in found if each["what"] != "figure"] == ([] if mended else ["changed"])
    [figure] = [each for each in found if each["what"] == "figure"]
    if ending == "json":
        assert "tables[f1" in figure["says"] and "99.5 was shipped" in figure["says"]


def _altered_json(text: str) -> str:
    value = json.loads(text)
    cell = next(cell for cell in value["tables"][0]["cells"] if cell["trained_on"])
    cell["tuned"]["value"] = 99.5
    return json.dumps(value, ensure_ascii=False, indent=1)


def _altered_text(text: str) -> str:
    """One digit of the last figure that has a decimal."""
    at = max(
        at
        for at, letter in enumerate(text)
        if letter == "." and text[at - 1 : at + 2].replace(".", "").isdigit()
    )
    digit = "7" if text[at + 1] != "7" else "2"
    return text[: at + 1] + digit + text[at + 2 :]


def test_an_altered_verdict_is_named(tires: Tires, other: Path) -> None:
    kit, _ = tires
    path = other / "verdicts" / "claims.json"
    value = json.loads(path.read_text())
    value["verdicts"][0]["outcome"] = "contradicted"
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")
    mend(other, "verdicts/claims.json")
    [found] = differences(kit, other)
    assert found["name"] == "verdicts/claims.json" and '"contradicted" was shipped' in found["says"]


def test_a_cell_under_another_key_is_named(tires: Tires, other: Path) -> None:
    kit, _ = tires
    cells = sorted(path for path in (other / "store/cells").iterdir() if path.name.startswith("generate"))
    shutil.copyfile(cells[1] / "cell.json", cells[0] / "cell.json")
    mend(other, f"store/cells/{cells[0].name}/cell.json")
    found = differences(kit, other)
    assert any(
        each["name"] == f"store/cells/{cells[0].name}" and "another cell" in each["says"] for each in found
    )


def test_without_the_data_stored_scores_are_aggregated_and_it_says_so(other: Path, tmp_path: Path) -> None:
    """The recipe names a set that nobody has: the same cells, whose gold is not to be had."""
    [recipe] = (other / "runs").glob("*/recipe.yaml")
    recipe.write_text(recipe.read_text().replace("limit: 60", "limit: 59"))
    mend(other, recipe.relative_to(other).as_posix())
    stranger = Kit(tmp_path / "nothing-here")
    found = json.loads(stranger("verify", other, "--json").stdout)
    assert found["whole"] and (found["rescored"], found["aggregated"]) == (0, GENERATED)
    assert any("aggregated again" in note for note in found["notes"])
    [path] = (other / "runs").glob("*/tables/f1.json")
    path.write_text(_altered_json(path.read_text()))
    mend(other, path.relative_to(other).as_posix())
    found = json.loads(stranger("verify", other, "--json", code=6).stdout)
    assert [each["name"] for each in found["differences"]] == [path.relative_to(other).as_posix()]


def test_anonymous_names_neither_host_nor_user(tires: Tires, tmp_path: Path) -> None:
    kit, _ = tires
    said = kit("export", "kick", "-o", tmp_path / "a.zip", "--anonymous", USER="ada-lovelace").stdout
    assert "still holds" not in said
    with opened(tmp_path / "a.zip") as root:
        [manifest] = (root / "runs").glob("*/manifest.json")
        told = json.loads(manifest.read_text())
        assert "git" not in told["kit"]
        assert all("system" not in attempt["host"] for attempt in told["attempts"])
        assert "platform" not in json.loads((generated(root) / "cell.json").read_text())["environment"]
    assert json.loads(kit("verify", tmp_path / "a.zip", "--json").stdout)["whole"]


def test_words_that_are_no_bundle(tmp_path: Path) -> None:
    kit = Kit(tmp_path / "home")
    (tmp_path / "text.zip").write_text("text")
    assert "damaged, or none" in kit("verify", tmp_path / "text.zip", code=5).stderr
    assert "no such file" in kit("verify", tmp_path / "nowhere.zip", code=2).stderr
    (tmp_path / "empty").mkdir()
    assert "not a bundle of xlt-kit" in kit("verify", tmp_path / "empty", code=5).stderr
    assert "no run is called" in kit("export", "nothing", code=2).stderr


def test_two_runs_that_share_cells_are_one_bundle(tires: Tires, tmp_path: Path) -> None:
    home = Kit(tmp_path / "home")
    shutil.copytree(tires[0].home, home.home)
    home("run", "recipes/tires/kick-the-tires.yaml", "--set", "evaluate.0.languages=[en,de]")
    runs = [run["run"] for run in home.json("runs")]
    assert len(runs) == 2
    home("export", *runs, "-o", tmp_path / "two.zip")
    found = json.loads(Kit(tmp_path / "nothing")("verify", tmp_path / "two.zip", "--json").stdout)
    assert found["whole"] and found["facts"]["runs"] == runs
    assert found["facts"]["cells"] == found["facts"]["wanted"] >= CELLS
