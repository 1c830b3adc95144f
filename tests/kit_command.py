"""The command as its users have it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SMOKE = ROOT / "recipes" / "smoke.yaml"


@dataclass(frozen=True)
class Kit:
    """The command as a user has it: a process of its own, with a home of its own."""

    home: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("XLT_KIT_")}
        return {**kept, "XLT_KIT_HOME": str(self.home), "COLUMNS": "80", **more}

    def __call__(
        self, *words: str | Path, code: int = 0, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*words),
            capture_output=True,
            text=True,
            env=self.environment(**environment),
            cwd=ROOT,
            timeout=1200,
            check=False,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def command(self, *words: str | Path) -> list[str]:
        return [str(Path(sys.executable).with_name("xlt-kit")), *map(str, words)]

    def json(self, *words: str | Path) -> Any:
        return json.loads(self(*words, "--json").stdout)
