"""What goes wrong is said in a sentence with place and remedy, with an exit code of its own; nothing is half-done."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kit.errors import KitError
from tests.kit_command import ROOT, SMOKE, Kit

RECIPE = """schema: 1
name: mine
models: [tiny-bloom]
train:
  - {dataset: tiny-qa, languages: [de]}
evaluate:
  - {dataset: tiny-qa, languages: [hi], limit: 10}
"""


_ANSWERS = '"answers": [{"text": "c", "answer_start": 0}]'
_QUESTIONS = f'{{"id": "1", "question": "q", {_ANSWERS}}}, {{"id": "1", "question": "r", {_ANSWERS}}}'
TWICE = f'{{"data": [{{"paragraphs": [{{"context": "c", "qas": [{_QUESTIONS}]}}]}}]}}'.encode()


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "place", "says", "remedy"),
    [
        ("[hi]", "[hj]", "7:36", "'hj'", "hi"),
        (
            "dataset: tiny-qa, languages: [de]",
            "dataset: tiny-qo, languages: [de]",
            "5:6",
            "'tiny-qo' is no data set",
            "tiny-qa",
        ),
        ("[tiny-bloom]", "[tiny-blom]", "3:10", "'tiny-blom' is no model", "tiny-bloom"),
        ("limit: 10", "limit: ten", "7:41", "must be a whole number", None),
        ("name: mine", "nam: mine", "2:1", "`nam` is no key of a recipe", "`name`"),
    ],
)
def test_a_fault_in_a_recipe_has_its_place_and_the_nearest_name(
    kit: Kit, tmp_path: Path, old: str, new: str, place: str, says: str, remedy: str | None
) -> None:
    path = write(tmp_path, RECIPE.replace(old, new))
    err = kit("run", path, code=3).stderr
    assert f"error: {path}:{place}: " in err
    assert says in err
    if remedy:
        assert remedy in err
    assert not (kit.home / "runs").exists()


def test_all_faults_are_told_at_once(kit: Kit, tmp_path: Path) -> None:
    path = write(
        tmp_path, RECIPE.replace("name: mine", "name: mine\ncolour: red\nseeds: [a]\nanswer_limit: 0")
    )
    err = kit("plan", path, code=3).stderr
    assert err.count("error:") == 3


def test_json_errors_for_machines(kit: Kit, tmp_path: Path) -> None:
    path = write(tmp_path, RECIPE.replace("[hi]", "[hj]"))
    error = json.loads(kit("run", path, "--json", code=3).stderr)["error"]
    assert error["exit_code"] == 3
    assert error["errors"][0]["line"] == 7


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"{", b"- a\n- b\n", b"schema: 99\nname: x\n", b"a: &a [*a]\n"]
)
def test_a_file_that_is_no_recipe(kit: Kit, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    assert str(path) in kit("plan", path, code=3).stderr


def test_a_missing_file(kit: Kit, tmp_path: Path) -> None:
    assert "absent.yaml" in kit("plan", tmp_path / "absent.yaml", code=3).stderr


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'[{"id": "1"', "JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b'{"version": "1", "data": []}', ""),
        (TWICE, "1"),
    ],
)
def test_a_faulty_data_file(kit: Kit, tmp_path: Path, content: bytes, says: str) -> None:
    data = tmp_path / "data.json"
    data.write_bytes(content)
    entry = "- {file: data.json, format: squad, language: hi}"
    path = write(tmp_path, RECIPE.replace("- {dataset: tiny-qa, languages: [hi], limit: 10}", entry))
    err = kit("run", path, code=5).stderr
    assert str(data) in err
    assert says in err
    assert not list((kit.home / "store").glob("data/*mine*"))


def test_a_question_without_an_answer(kit: Kit, tmp_path: Path) -> None:
    content = TWICE.replace(b'"id": "1", "question": "r"', b'"id": "2", "question": "r"')
    last = content.rindex(b'[{"text"')
    (tmp_path / "data.json").write_bytes(
        content[:last] + content[last:].replace(b'[{"text": "c", "answer_start": 0}]', b"[]")
    )
    entry = "- {file: data.json, format: squad, language: hi}"
    path = write(tmp_path, RECIPE.replace("- {dataset: tiny-qa, languages: [hi], limit: 10}", entry))
    err = kit("plan", path, code=5).stderr
    assert "1 questions without an answer, first '2'" in err


def test_a_wrong_byte_in_a_mirror(kit: Kit, tmp_path: Path, mirror: Path) -> None:
    [real] = mirror.glob("github/*/*/*/datasets/xquad_in/or/xquad_or_test.json")
    copy = tmp_path / "mirror" / real.relative_to(mirror)
    copy.parent.mkdir(parents=True)
    content = bytearray(real.read_bytes())
    content[1000] ^= 1
    copy.write_bytes(content)
    error = kit(
        "data",
        "show",
        "xquad-in",
        "--language",
        "or",
        "--split",
        "test",
        "--mirror",
        tmp_path / "mirror",
        code=6,
    )
    assert str(copy) in error.stderr


def test_data_that_is_not_here_and_may_not_be_fetched(kit: Kit) -> None:
    error = kit("data", "show", "xquad", "--language", "de", "--offline", code=7).stderr
    assert "→" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_home(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    assert "cannot be created" in Kit(folder / "home")("plan", SMOKE, code=8).stderr


def test_a_home_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    error = Kit(tmp_path / "home")("plan", SMOKE, code=8).stderr
    assert "XLT_KIT_HOME" in error


def test_a_run_folder_that_is_a_file(kit: Kit, tmp_path: Path) -> None:
    kit.home.mkdir()
    (kit.home / "runs").write_text("")
    assert "run folder" in kit("run", write(tmp_path, RECIPE), code=8).stderr


def test_a_newer_store(kit: Kit) -> None:
    (kit.home / "store").mkdir(parents=True)
    (kit.home / "store" / "store.json").write_text('{"schema": 99}')
    assert "upgrade" in kit("plan", SMOKE, code=8).stderr


def test_unknown_names_of_runs_and_commands(kit: Kit) -> None:
    assert "no run is called" in kit("table", "nothing", code=2).stderr
    assert "Did you mean 'plan'" in kit("plam", code=2).stderr
    assert kit("runs").stdout.startswith("no runs yet")


def test_a_gpu_where_there_is_none(kit: Kit, tmp_path: Path) -> None:
    path = write(tmp_path, RECIPE + "resources: {device: cuda}\n")
    error = kit("run", path, code=10, PATH=str(tmp_path)).stderr
    assert "resources.device=cpu" in error


def test_commands_that_need_nothing(kit: Kit) -> None:
    assert "Commands" in kit("--help").stdout
    assert kit.json("recipes")[0]["name"]
    schema = json.loads(kit("schema").stdout)
    assert "train" in schema["properties"]
    assert "tiny-qa" in kit("data", "list").stdout
    shown = kit.json("data", "show", "tiny-qa", "--language", "or")
    assert {(part["split"], part["items"]) for part in shown["parts"]} == {
        ("train", 103),
        ("dev", 111),
        ("test", 600),
    }


@pytest.mark.parametrize(
    ("words", "code", "kind"),
    [
        (["run", "no.yaml"], 3, "recipe"),
        (["plan", str(SMOKE), "--colour", "red"], 2, "usage"),
        (["paln"], 2, "usage"),
        (["attach"], 2, "usage"),
        (["data", "show", "xquod"], 4, "catalog"),
        (["data", "show", "xquad", "--language", "de", "--offline"], 7, "missing-input"),
    ],
)
def test_errors_for_machines(kit: Kit, words: list[str], code: int, kind: str) -> None:
    done = kit(*words, "--json", code=code)
    assert done.stdout == ""
    error = json.loads(done.stderr)["error"]
    assert (error["exit_code"], error["code"]) == (code, kind)
    assert error["message"] and error["remedy"]


DEFECT = """
import kit.api
def broken(*args, **options):
    raise RuntimeError("hf_abcdefghijklmnop and s3cr3t-value")
kit.api.prepare = broken
from kit.cli import main
main()
"""


def test_a_defect_leaves_a_report_without_secrets(kit: Kit) -> None:
    environment = kit.environment(HF_TOKEN="s3cr3t-value")
    words = [sys.executable, "-c", DEFECT, "plan", str(SMOKE), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)
    error = json.loads(done.stderr)["error"]
    assert (done.returncode, error["code"]) == (70, "defect")
    report = Path(error["path"]).read_text()
    assert Path(error["path"]).parent == kit.home / "crashes"
    assert "in broken" in report and "XLT_KIT_HOME" in report
    for secret in ("hf_abcdefghijklmnop", "s3cr3t-value"):
        assert secret not in report + done.stderr + done.stdout


def test_debug_shows_where_an_error_comes_from(kit: Kit) -> None:
    done = subprocess.run(
        kit.command("data", "show", "xquod", "--debug"),
        capture_output=True,
        text=True,
        env=kit.environment(),
        check=False,
    )
    assert done.returncode == 4
    assert "Traceback" in done.stderr and "error: " in done.stderr


def classes(root: type[KitError] = KitError) -> list[type[KitError]]:
    own = [each for each in root.__subclasses__() if each.__module__ == "kit.errors"]
    return [root, *(found for each in own for found in classes(each))]


def test_the_page_of_errors_tells_each_of_them() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| (\d+) \| `([a-z-]+)` \|", page, re.MULTILINE)
    told = {(int(code), name) for code, name in rows}
    expected = {(each.exit_code, each.code) for each in classes()} | {(70, "defect")}
    assert told == expected
    assert len({code for code, _ in expected}) == len(expected), "two errors share an exit code"
