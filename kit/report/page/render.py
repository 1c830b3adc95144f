"""A page as HTML: one file, which needs nothing from elsewhere and no script to be read."""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from kit.report.page.build import Page

_HERE = Path(__file__).parent


def render(page: Page) -> str:
    """The whole file. The same page gives the same bytes."""
    values = {field.name: getattr(page, field.name) for field in fields(page)}
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    script = (_HERE / "script.js").read_text(encoding="utf-8")
    return _template().render(
        **values, style=Markup(style), script=Markup(script), json=Markup(embedded_json(page))
    )


def embedded_json(page: Page) -> str:
    """The data of a page as they may stand within a `script`: nothing in them ends it, or begins a comment."""
    text = json.dumps(page.data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


@cache
def _template() -> Template:
    """The template, with its text escaped; `picture` alone marks what the kit itself has drawn."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["picture"] = Markup
    return environment.get_template("page.html.j2")
