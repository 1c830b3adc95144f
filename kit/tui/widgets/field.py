"""A field that is not there until it is asked for: Enter keeps its words, Escape takes them back."""

from __future__ import annotations

from typing import ClassVar

from textual.message import Message
from textual.widgets import Input

from kit.tui.actions import Bindings


class Field(Input):
    """An input line of a page. Hidden, it takes no focus, so no key is typed into what nobody sees."""

    BINDINGS: ClassVar[Bindings] = [("escape", "leave", "Close")]

    class Left(Message):
        """The user is through with the field; the page moves the focus on."""

    def __init__(self, placeholder: str, name: str) -> None:
        super().__init__(placeholder=placeholder, id=name, classes="hidden")
        self.can_focus = False

    def open(self) -> None:
        """Show it and type into it."""
        self.put(self.value, shown=True)
        self.focus()

    def put(self, value: str, shown: bool) -> None:
        """Give it a value, and show or hide it, without telling anybody of a change."""
        with self.prevent(Input.Changed):
            self.value = value
        self.set_class(not shown, "hidden")
        self.can_focus = shown

    async def action_submit(self) -> None:
        """Enter: the words stay."""
        self.post_message(self.Left())

    def action_leave(self) -> None:
        """Escape: the words go."""
        self.value = ""
        self.set_class(True, "hidden")
        self.can_focus = False
        self.post_message(self.Left())
