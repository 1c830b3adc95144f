"""Every page of the terminal UI as a user comes to it: for the snapshots, and for pictures (`make screenshots`)."""

from __future__ import annotations

import re

from textual.widgets import OptionList

from tests.tui.driving import Drive, Script

SIZES = ((80, 24), (120, 40), (200, 60))
_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture(user: Drive) -> str:
    """What is on screen as an SVG, without fonts from elsewhere."""
    return _FONT.sub("", user.app.export_screenshot(title="xlt-kit"))


async def recipes(user: Drive) -> None:
    """The first page."""
    await user.until(lambda: "Enter" in user.static("#plan"), "the plan")
    await user.until(lambda: user.app.screen.query_one("#list", OptionList).option_count, "the recipes")


async def faults(user: Drive) -> None:
    """A recipe with faults."""
    await user.press("slash")
    await user.type("broken")
    await user.press("enter")
    await user.until(lambda: "✗" in user.static("#plan") and "✗" in user.static("#yaml"), "the faults")


async def jobs(user: Drive) -> None:
    """A run at work, a tuning of it chosen."""
    await user.press("3")
    await user.until(lambda: user.log_view().border_subtitle, "the log")
    rows = [str(row.prompt) for row in user.app.screen.query_one("#jobs", OptionList).options]
    tuning = next(at for at, row in enumerate(rows) if row.startswith(("▶ tune", "▶ series")))
    await user.press("home", *["down"] * tuning)
    await user.until(lambda: "tokens/s" in user.static("#curve"), "its curve")
    await user.until(lambda: "following" in (user.log_view().border_subtitle or ""), "its log")


async def stop(user: Drive) -> None:
    """The question before a run is stopped."""
    await jobs(user)
    await user.press("s")
    await user.until(lambda: user.page() == "Confirm", "the question")


async def table(user: Drive) -> None:
    """The transfer table."""
    await user.press("4")
    await user.until(lambda: user.heat().heat.rows, "the table")
    await user.press("down", "right", "right")
    await user.until(lambda: "→" in user.static("#detail"), "the cell")


async def claims(user: Drive) -> None:
    """Verdicts on the claims beside the run's recipe."""
    await user.press("5")
    await user.until(lambda: "inconclusive" in user.static("#caption"), "the verdicts")
    await user.press("down", "down")
    await user.until(lambda: "lowers F1 in other" in user.text(), "the reasons")


async def lens(user: Drive) -> None:
    """What a lens saw, layer by layer."""
    await user.press("6")
    await user.until(lambda: user.heat().heat.rows, "the layers")
    await user.press("down", *["right"] * user.heat().heat.columns.index("Beng"))
    await user.until(lambda: "Beng" in user.static("#detail"), "the cell")


def examples(language: str) -> Script:
    """The examples under the cell of a language that tuning has turned right."""

    async def script(user: Drive) -> None:
        await table(user)
        column = [head.rstrip("†") for head in user.heat().heat.columns].index(language)
        await user.press("home", *["right"] * column, "enter")
        await user.until(lambda: user.page() == "ExamplesPage" and user.static("#text"), "the examples")
        await user.press("f", "f", "f")

    return script


async def runs(user: Drive) -> None:
    """Every run of the home."""
    await user.press("2")
    await user.until(lambda: user.page() == "Runs" and "done" in user.text(), "the runs")


async def doctor(user: Drive) -> None:
    """This machine, and which recipes fit it."""
    await user.press("7")
    await user.until(
        lambda: user.page() == "DoctorPage" and "to mend" in user.static("#head"), "the findings"
    )
    await user.until(lambda: "store du" in user.static("#advice"), "the remedy of the first problem")
    await user.press("up")
    await user.until(lambda: "nvidia-ctk" in user.static("#advice"), "that of the warning above it")


async def help_page(user: Drive) -> None:
    """What can be done with the table."""
    await table(user)
    await user.press("question_mark")
    await user.until(lambda: user.page() == "Help", "the help")


SCENES: dict[str, Script] = {
    "recipes": recipes,
    "faults": faults,
    "jobs": jobs,
    "stop": stop,
    "table": table,
    **{f"examples-{language}": examples(language) for language in ("ar", "bn", "hi", "or")},
    "claims": claims,
    "lens": lens,
    "runs": runs,
    "doctor": doctor,
    "help": help_page,
}
