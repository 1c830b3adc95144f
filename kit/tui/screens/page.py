"""What all pages share: the line at the top, the command that does the same, help; and small windows that ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Footer, Input, Label, Static

from kit.tui.actions import Bindings, Place, bindings, described, key_name
from kit.tui.doors import DOORS

if TYPE_CHECKING:
    from kit.tui.app import XltKit


def head_line(here: str, words: str) -> Text:
    """The line at the top: the doors, the page that is shown among them, and what it says of itself."""
    text = Text(no_wrap=True, overflow="ellipsis").append(" xlt-kit ", style="bold reverse")
    for door in DOORS:
        text.append(f"  {key_name(door.key.split(',')[0])} ", style="dim")
        text.append(door.word, style="bold underline" if door.place == here else "")
    return text.append("   ").append(words, style="bold") if words else text


class Page(Screen[None]):
    """A page: `place` names its actions, `title_text` stands in the line at the top."""

    place: ClassVar[Place]
    also: ClassVar[tuple[Place, ...]] = ()
    """Places whose actions belong to a widget of this page: they stand in its help."""

    @property
    def kit(self) -> XltKit:
        """The app, with its type."""
        return self.app  # type: ignore[return-value]

    def head(self) -> str:
        """What the line at the top says of this page."""
        return ""

    def command(self) -> str:
        """The command line that shows or does the same without a screen."""
        return ""

    def compose(self) -> ComposeResult:
        """The line at the top, the page's own, the command, the footer."""
        yield Static(id="head")
        yield from self.body()
        yield Static(id="command")
        yield Footer(show_command_palette=False)

    def body(self) -> ComposeResult:
        """The page's own widgets."""
        yield from ()

    def on_mount(self) -> None:
        """Begin, unless the app was left before this page had its widgets."""
        if self.children:
            self.refresh_head()
            self.begin()

    def begin(self) -> None:
        """Fill the page; its widgets are there."""

    def refresh_head(self) -> None:
        """Write the line at the top anew."""
        self.query_one("#head", Static).update(head_line(self.place, self.head()))
        self.refresh_command()

    def refresh_command(self) -> None:
        """Write the command anew."""
        text = Text(f" $ {self.command()}", no_wrap=True, overflow="ellipsis")
        self.query_one("#command", Static).update(text)

    def bring(self, act: Callable[..., object], *words: object) -> None:
        """From a worker's thread: do this on the screen's own, unless the page has been left meanwhile."""
        self.call_later(self._if_there, act, words)

    def _if_there(self, act: Callable[..., object], words: tuple[object, ...]) -> None:
        if self.is_attached and self.is_mounted:
            act(*words)

    def ink(self, style: str) -> str:
        """A style in the colours of the theme: `bold success`, `dim`, `error` …"""
        theme = self.app.current_theme
        known = {
            "success": theme.success,
            "warning": theme.warning,
            "error": theme.error,
            "accent": theme.accent,
        }
        known["primary"] = theme.primary
        return " ".join(known.get(word) or word for word in style.split())

    def track(self) -> str:
        """The style of bars: what is filled, on what is not."""
        theme = self.app.current_theme
        return f"{theme.accent} on {theme.panel}"

    def explain(self) -> None:
        """Help for this page; what belongs to the part that has the focus comes first."""
        focus = getattr(self.focused, "place", None)
        places = (self.place, *self.also)
        first = (focus,) if focus in places else ()
        self.app.push_screen(Help((*first, *(place for place in places if place not in first), "everywhere")))


class Window(ModalScreen[str | None]):
    """A small window in the middle; Escape leaves it without an answer."""

    BINDINGS: ClassVar[Bindings] = [("escape", "dismiss_with_nothing", "Leave")]

    def action_dismiss_with_nothing(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)


class Confirm(Window):
    """Asks before something is ended or deleted; the answer is `yes` or None. `n` has the focus."""

    BINDINGS: ClassVar[Bindings] = [("y", "answer('yes')", "Yes"), ("n", "dismiss_with_nothing", "No")]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = question, yes

    def compose(self) -> ComposeResult:
        """The question and two buttons."""
        with Vertical(classes="window"):
            yield Label(self._question)
            with Horizontal(classes="buttons"):
                yield Button("Leave it (n)", id="no")
                yield Button(f"{self._yes} (y)", variant="error", id="yes")

    def on_mount(self) -> None:
        """The harmless answer has the focus."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by mouse or Enter."""
        self.dismiss("yes" if event.button.id == "yes" else None)

    def action_answer(self, word: str) -> None:
        """Answer by key."""
        self.dismiss(word)


class Ask(Window):
    """Asks for a line of text."""

    def __init__(self, title: str, value: str = "", placeholder: str = "") -> None:
        super().__init__()
        self._title, self._value, self._placeholder = title, value, placeholder

    def compose(self) -> ComposeResult:
        """A title and a field."""
        with Vertical(classes="window"):
            yield Label(self._title)
            yield Input(self._value, placeholder=self._placeholder)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter answers."""
        self.dismiss(event.value)


class Read(Window):
    """A text to read, by its lines."""

    BINDINGS: ClassVar[Bindings] = [("q,enter", "dismiss_with_nothing", "Close")]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text, that scrolls."""
        with VerticalScroll(classes="window help") as frame:
            frame.border_title = self._title
            frame.border_subtitle = "Esc closes"
            yield Static(Text(self._text))


class Help(Window):
    """The actions of a page, from the one list."""

    BINDINGS: ClassVar[Bindings] = [("question_mark,q,enter", "dismiss_with_nothing", "Close")]

    def __init__(self, places: tuple[Place, ...]) -> None:
        super().__init__()
        self._places = places

    def compose(self) -> ComposeResult:
        """A line an action."""
        names = {
            "everywhere": "Everywhere", "recipes": "Recipes", "run": "This run", "log": "In the log",
            "table": "In the table", "table-more": "Tables", "claims": "Claims", "lens": "Lens",
            "examples": "Examples", "runs": "Runs", "difference": "Comparison", "doctor": "This machine",
        }  # fmt: skip
        with VerticalScroll(classes="window help") as frame:
            frame.border_title, frame.border_subtitle = "Help", "Esc closes"
            for place in self._places:
                lines = Table.grid(padding=(0, 2))
                lines.add_column(style="bold cyan", min_width=14)
                lines.add_column()
                for action in described(place):
                    lines.add_row(key_name(action.key), action.help)
                yield Label(Text(names[place], style="bold"))
                yield Static(lines, classes="group")
            yield Static(Text("Arrow keys, Tab and the mouse move.", style="dim"))


__all__ = ["Ask", "Confirm", "Help", "Page", "Read", "Window", "bindings"]
