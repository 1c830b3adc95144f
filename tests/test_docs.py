"""What the docs say: the commands are those that there are, the walk runs, the appendix is that of the recipes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kit.api.appendix import appendix
from kit.cli.app import COMMANDS, cli
from tests.kit_command import ROOT, Kit

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))
_INLINE, _BLOCK = re.compile(r"`(xlt-kit [^`]+)`"), re.compile(r"```sh\n(.*?)```", re.DOTALL)
_IN_RECIPE = re.compile(r"(?:Command|One override): +(xlt-kit [a-z][^;#\n]*)")


def commands_in(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".yaml":
        return [
            found for line in text.splitlines() if line.startswith("#") for found in _IN_RECIPE.findall(line)
        ]
    lines = [line for block in _BLOCK.findall(text) for line in block.splitlines()]
    return _INLINE.findall(text) + [line for line in lines if line.startswith("xlt-kit ")]


def options_of(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


@pytest.mark.parametrize("path", [*PAGES, *RECIPES], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_it_is_one_that_there_is(path: Path) -> None:
    """The name, the name below it, and each option; what stands for a value is not looked at."""
    for line in commands_in(path):
        words = shlex.split(line.partition(" #")[0].replace("…", "").replace("'", " ").replace('"', " "))[1:]
        if not words or words[0].startswith("-"):
            continue
        name = words[0].rstrip(",.;:")
        assert name in COMMANDS, f"{line!r} names no command"
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group) and len(words) > 1 and re.fullmatch("[a-z-]+", words[1]):
            inner = command.get_command(click.Context(command), words[1])
            assert inner is not None, f"{line!r}: {name} has no {words[1]}"
            command = inner
        asked = {word.partition("=")[0].rstrip(",.;:|") for word in words if re.match("--?[a-z]", word)}
        unknown = {word for word in asked if word.startswith("--")} - options_of(command) - {"--help"}
        assert not unknown, f"{line!r}: no option {unknown}"


def test_every_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("http:", "https:")):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    named = {
        line for block in re.findall(r"```\{toctree\}\n(.*?)```", index, re.DOTALL) for line in block.split()
    }
    assert {path.stem for path in (ROOT / "docs").glob("*.md")} - named == {"index"}


def test_the_appendix_is_that_of_the_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    written = (ROOT / "docs" / "appendix.md").read_text(encoding="utf-8")
    assert written == appendix(Path("recipes")), "write it again with: make appendix"


def test_the_citation_is_one() -> None:
    ours = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert ours == (ROOT / "kit" / "bundle" / "CITATION.cff").read_text(encoding="utf-8")
    from kit import __version__

    assert f'version: "{__version__}"' in ours


@pytest.mark.slow
def test_the_walk_runs_line_by_line(tires: tuple[Kit, str], tmp_path: Path) -> None:
    """In the home of a run that is there: its first line then computes nothing again, and checks all the same."""
    kit, _ = tires
    environment = kit.environment(PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin", COLUMNS="120")
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    text = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    lines = [line for block in _BLOCK.findall(text) for line in block.splitlines() if line.strip()]
    assert len(lines) > 10
    for line in lines:
        done = subprocess.run(
            line,
            shell=True,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), line
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("sphinx", reason="the docs are built where the extra `docs` is installed")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "docs",
            str(tmp_path / "html"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "html" / "quickstart.html").exists()
