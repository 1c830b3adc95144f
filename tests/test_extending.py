"""docs/extending.md, followed to the letter: its files are written, its commands run, its paths looked up."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kit.catalog import Catalog
from kit.errors import CatalogError
from tests.job.conftest import EMBEDDED
from tests.kit_command import ROOT, Kit

PAGE = (ROOT / "docs" / "extending.md").read_text("utf-8")
FILES = re.findall(r"`([\w/.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page, a model in it, and the package installed beside it."""
    folder = tmp_path_factory.mktemp("extending")
    for name, text in FILES:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(EMBEDDED, folder / "my-model")
    words = (
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        folder / "packages",
    )
    subprocess.run([sys.executable, "-m", "pip", *words, folder / "things"], check=True, cwd=folder)
    return folder


def test_following_the_page_ends_in_tables_and_verdicts(place: Path) -> None:
    kit, path = Kit(place / "home"), str(place / "packages")
    (commands,) = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    said = {}
    for line in commands.splitlines()[1:]:  # the first installs the package, which is done
        words = line.split()[1:]
        named = [str(place / word) if word.endswith(".yaml") else word for word in words]
        said[words[0]] = kit(*named, PYTHONPATH=path).stdout
    assert "starts_right (my-things 1.2)" in said["table"] and "pcm-x" in said["table"]
    assert "M1" in said["claims"]

    table = json.loads(kit("table", "mine", "--metric", "starts_right", "--json", PYTHONPATH=path).stdout)
    assert "my-things 1.2" in json.dumps(table)
    csv = kit("table", "mine", "--metric", "starts_right", "--format", "csv", PYTHONPATH=path).stdout
    assert "starts_right (my-things 1.2)" in csv

    lost = kit("table", "mine", "--metric", "starts_right", code=2).stderr
    assert "no metric is called 'starts_right'" in lost
    lost = kit("plan", place / "mine.yaml", code=10).stderr
    assert "no installed package has the reader 'semicolons'" in lost and "'streets'" in lost


def test_what_a_package_does_wrong_is_told_with_its_name(place: Path) -> None:
    kit, module = Kit(place / "home"), place / "packages" / "my_things.py"
    sound = module.read_text()
    words = ("table", "mine", "--metric", "starts_right")
    try:
        module.write_text(sound.replace("return float(", "return 7 + float("))
        done = kit(*words, code=10, PYTHONPATH=str(module.parent))
        assert "my-things 1.2 has failed" in done.stderr and "not from 0 to 1" in done.stderr
        module.write_text("import nothing_of_the_kind\n" + sound)
        done = kit(*words, code=10, PYTHONPATH=str(module.parent))
        assert (
            "cannot be loaded: ModuleNotFoundError" in done.stderr and "install my-things anew" in done.stderr
        )
    finally:
        module.write_text(sound)


def test_the_files_that_an_executor_touches_are_there() -> None:
    named = [name for name in re.findall(r"`((?:kit|tests)/[\w/.]+\.py)`", PAGE) if "NAME" not in name]
    assert len(named) >= 4 and all((ROOT / name).is_file() for name in named)


def test_a_reader_and_its_format_go_together(tmp_path: Path) -> None:
    text = dict(FILES)["catalog.yaml"].replace("format: plugin", "format: jsonl")
    (tmp_path / "catalog.yaml").write_text(text)
    with pytest.raises(CatalogError, match="go together"):
        Catalog.load([tmp_path / "catalog.yaml"])
