"""The pictures of the README: the smoke recipe, run by the terminal UI itself, seen page by page (`make screenshots`).

Writes one SVG a page into docs/pictures. With `--png DIR` a Chromium on this machine draws each as a PNG as well, for
a look at what a browser makes of the scripts.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from textual.widgets import OptionList

from tests.kit_command import ROOT
from tests.tui.driving import Drive, drive
from tests.tui.scenes import SCENES, picture

SIZE = (120, 36)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


async def all_pages(user: Drive, folder: Path) -> None:
    """From the first page to the finished table and the examples under it."""

    async def keep(name: str) -> None:
        folder.joinpath(f"{name}.svg").write_text(await user.still(lambda: picture(user)), encoding="utf-8")

    await SCENES["recipes"](user)
    await keep("recipes")
    await user.press("enter")
    await user.until(lambda: halfway(user), "a tuning", 300)
    await SCENES["jobs"](user)
    folder.joinpath("jobs.svg").write_text(picture(user), encoding="utf-8")
    await user.until(lambda: " done" in user.static("#state"), "the end", 1200)
    for name, scene in (("table", "table"), ("examples", "examples-hi")):
        await user.press("1")
        await user.until(lambda: user.page() == "Recipes", "the recipes")
        await SCENES[scene](user)
        await keep(name)


def halfway(user: Drive) -> bool:
    """Whether a tuning is between two and nine tenths done."""
    rows = user.app.screen.query_one("#jobs", OptionList).options
    return any(re.search(r"▶ tune[^▶]* [2-8]\d% step", str(row.prompt)) for row in rows)


def draw(svg: Path, png: Path) -> None:
    """A PNG of an SVG, as a browser draws it."""
    browser = next((name for name in _BROWSERS if shutil.which(name)), None)
    if browser is None:
        raise SystemExit(f"none of {', '.join(_BROWSERS)} is installed")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text("utf-8"))
    assert size is not None
    window = ",".join(str(int(float(side)) + 1) for side in size.groups())
    words = [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={window}"]
    subprocess.run([*words, f"--screenshot={png}", svg.absolute().as_uri()], check=True, capture_output=True)


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("--png", type=Path, help="a folder for PNGs as well")
    parser.add_argument("--only-png", type=Path, nargs="*", help="draw these SVGs and make no new ones")
    chosen = parser.parse_args()
    made = chosen.only_png
    if made is None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as home:
            drive(Path(home), lambda user: all_pages(user, chosen.out), ROOT / "recipes", SIZE)
        made = sorted(chosen.out.glob("*.svg"))
    if chosen.png:
        chosen.png.mkdir(parents=True, exist_ok=True)
        for svg in made:
            draw(svg, chosen.png / f"{svg.stem}.png")


if __name__ == "__main__":
    main()
