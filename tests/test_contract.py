"""The two worlds: importing the whole host pulls in neither torch nor its kin; the job sees the contract alone."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import kit

HEAVY = ("torch", "transformers", "peft", "tokenizers", "safetensors", "accelerate")


def loaded_by(code: str) -> set[str]:
    """The top-level modules in `sys.modules` after `code`, in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def host_modules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(kit.__path__, "kit.")]
    return [name for name in names if not name.startswith("kit.job.") and name != "kit.job"]


def test_the_host_imports_nothing_heavy() -> None:
    names = host_modules()
    assert "kit.api" in names and "kit.cli.run" in names and "kit.executors.local" in names
    loaded = loaded_by("\n".join(f"import {name}" for name in names))
    assert "pydantic" in loaded  # the probe does see what is loaded
    assert not loaded & set(HEAVY)


HELP = """
import contextlib, io, kit.cli
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    kit.cli.main(["--help"])
"""


def test_the_first_paint_waits_for_no_room() -> None:
    loaded = loaded_by("import kit.cli.tui, kit.tui.app")
    assert "textual" in loaded
    assert not loaded & {"pydantic", "numpy", "scipy", "docker", "yaml", *HEAVY}


def test_help_needs_no_room() -> None:
    loaded = loaded_by(HELP)
    assert "click" in loaded
    assert not loaded & {"pydantic", "rich", "textual", "numpy", "scipy", "docker", "yaml", *HEAVY}
