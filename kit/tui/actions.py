"""Every action of the terminal UI, once: keys, footer, palette and help are made from this list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding

from kit.tui.doors import DOORS

Place = Literal[
    "everywhere",
    "recipes",
    "run",
    "table",
    "examples",
    "runs",
    "log",
    "table-more",
    "claims",
    "lens",
    "difference",
    "doctor",
]


@dataclass(frozen=True)
class Action:
    """`name` is the method `action_<name>` of the screen (or widget) that it belongs to. `foot`: in the footer."""

    place: Place
    name: str
    key: str
    label: str
    help: str
    foot: bool = True


ACTIONS = (
    # Their keys stand in the line at the top.
    *(Action("everywhere", f"go('{door.place}')", door.key, door.word, door.help, False) for door in DOORS),
    Action(
        "everywhere", "copy_command", "c", "Copy command", "Copy the command line that does the same", False
    ),
    Action("everywhere", "explain", "question_mark", "Help", "What can be done here"),
    Action("everywhere", "command_palette", "ctrl+p", "Commands", "Find any action by its name", False),
    Action("everywhere", "next_theme", "f9", "Theme", "Dark, light, colour-blind safe, high contrast", False),
    Action("everywhere", "quit", "q,ctrl+q", "Quit", "Leave; runs go on in the background"),
    Action("recipes", "start", "enter,r", "Run", "Start the recipe in the background and watch it"),
    Action("recipes", "search", "slash", "Search", "Show only recipes that contain some words"),
    Action("recipes", "override", "o", "Override", "Change values for this start, checked as you type"),
    Action("recipes", "preview", "p", "Plan", "Every job that would run, and why"),
    Action("recipes", "edit", "e", "Edit", "Open the recipe in $EDITOR", False),
    Action("recipes", "reload", "f5", "Reload", "Read the recipes from disk again", False),
    Action("run", "results", "t", "Table", "The transfer table, as far as it is filled"),
    Action("run", "stop", "s", "Stop", "Stop the run and all its jobs (asks first)"),
    Action("run", "resume", "g", "Go on", "Go on with a run that was stopped, failed or left"),
    Action("run", "stop_job", "x", "Stop job", "Stop the chosen job alone (asks first)", False),
    Action(
        "run", "retry_job", "r", "Retry job", "Try the chosen job again, where it did not end well", False
    ),
    Action("run", "log", "l", "Log", "Move to the log of the chosen job, and back"),
    Action("log", "follow", "f", "Follow", "Stay at the end of the log, or stop doing so"),
    Action("log", "level", "v", "Level", "All lines, warnings and errors, or errors alone"),
    Action("log", "search", "slash", "Search", "Search the log; n and N go on"),
    Action("log", "first_error", "e", "First error", "Jump to the first error or traceback"),
    Action("log", "again(1)", "n", "Next", "The next place of the search", False),
    Action("log", "again(-1)", "N", "Previous", "The place before", False),
    Action("log", "wrap", "w", "Wrap", "Fold long lines, or cut them off", False),
    Action("log", "copy", "y", "Copy", "Copy the lines on screen", False),
    Action("log", "copy_end", "Y", "Copy end", "Copy the last 100 lines", False),
    Action("table", "open_cell", "enter", "Examples", "The examples under the cell"),
    Action(
        "table",
        "metric(1)",
        "m",
        "Metric",
        "The next metric: F1, EM, MLQA's, language-aware, over-generation …",
    ),
    Action("table", "metric(-1)", "M", "Metric back", "The metric before", False),
    Action("table", "values", "v", "Values", "Difference, base, tuned, ratio"),
    Action("table", "intervals", "i", "Intervals", "Beside each figure its interval, or not"),
    Action(
        "table", "sort", "o", "Sort", "Sort the rows by the column of the cursor; again: as in the recipe"
    ),
    Action("table", "group", "b", "Group", "Columns by script, the means of scripts, by family, their means"),
    Action("table", "transpose", "x", "Transpose", "Swap rows and columns"),
    Action("table", "hide", "h", "Hide unsure", "Hide what the interval does not tell from no effect"),
    Action("table", "export", "w", "Export", "Write CSV, Markdown, LaTeX, SVG and JSON"),
    Action(
        "table-more", "turn(1)", "right_square_bracket", "Next table", "The next model, prompt or task", False
    ),
    Action("table-more", "turn(-1)", "left_square_bracket", "Table before", "The one before", False),
    Action("table-more", "live", "l,escape", "The run", "Back to the jobs and logs of the run", False),
    Action("examples", "keep(1)", "f", "Filter", "All, turned right, turned wrong, unchanged"),
    Action(
        "examples", "html", "h", "As HTML", "Write the examples as a page, for scripts that terminals spoil"
    ),
    Action("examples", "leave", "escape,backspace", "Back", "Back to the table"),
    Action("claims", "export", "w", "Export", "Write the verdicts as JSON, CSV and Markdown"),
    Action(
        "claims", "reload", "f5", "Reload", "Judge again: the claims file or the cells have changed", False
    ),
    Action("lens", "row", "r", "Row", "The next row: the base, then what was tuned"),
    Action("lens", "values", "v", "Values", "Probability, or its change against the base"),
    Action(
        "lens", "turn(1)", "right_square_bracket", "Next", "The next evaluation set, or variant of the lens"
    ),
    Action("lens", "turn(-1)", "left_square_bracket", "Before", "The one before", False),
    Action("doctor", "reload", "enter,r,f5", "Look again", "Look at the machine and the recipes again"),
    Action("doctor", "measure", "b", "Measure", "Measure the speed of this machine, some seconds long"),
    Action("doctor", "copy_remedy", "y", "Copy remedy", "Copy the remedy of the chosen line"),
    Action("runs", "open", "enter", "Open", "Watch the run, or see its table"),
    Action("runs", "search", "slash", "Search", "Show only runs that contain some words"),
    Action(
        "runs",
        "compare",
        "equals_sign",
        "Compare",
        "Mark a run as A; on another run: compare that with A",
        False,
    ),
    Action("runs", "delete", "d", "Delete", "Delete the run's folder (asks first); what is stored stays"),
    Action("runs", "reload", "f5", "Reload", "Look again", False),
    Action(
        "difference", "flips", "enter", "Flips", "The questions of the cell that flipped, with both answers"
    ),
    Action("difference", "every", "a", "All cells", "List the cells that are equal as well, or not"),
    Action("difference", "more", "d", "What differs", "All that is recorded of both runs and differs"),
    Action("difference", "leave", "escape,backspace", "Back", "Back to the runs"),
)


Bindings = list[Binding | tuple[str, str] | tuple[str, str, str]]


def bindings(*places: Place) -> Bindings:
    """The key bindings of these places."""
    return [
        Binding(action.key, action.name, action.label, show=action.foot, tooltip=action.help)
        for action in ACTIONS
        if action.place in places
    ]


def described(*places: Place) -> list[Action]:
    """The actions of these places, for help and palette."""
    return [action for action in ACTIONS if action.place in places]


def key_name(key: str) -> str:
    """A key as people say it."""
    words = {
        "question_mark": "?",
        "slash": "/",
        "equals_sign": "=",
        "right_square_bracket": "]",
        "left_square_bracket": "[",
        "escape": "Esc",
        "enter": "Enter",
        "backspace": "⌫",
    }
    names = [words.get(p, p.upper() if p[0] == "f" and p[1:].isdigit() else p) for p in key.split(",")]
    return " or ".join(name.replace("ctrl+", "Ctrl-") for name in names)
