"""The examples under a cell as a page for a browser, which draws every script and direction rightly."""

from __future__ import annotations

import html
from collections.abc import Sequence

from kit.report.examples import CHANGES, Answer, Shown, after_first_line, clean, differing, marked

_STYLE = """
body { font: 18px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #222; background: #fdfcf9 }
section { border-top: 1px solid #ccc; padding: .6em 0 }
h2, h3 { font-size: .8em; color: #666; margin: .6em 0 0 }
p { margin: .3em 0 }
mark { background: #ffe58a }
.question { font-weight: bold }
.gold { color: #176b3a }
.answer, .rest { border-inline-start: 3px solid #888; padding: 0 .6em }
.rest { color: #777 }
"""


def as_html(name: str, items: Sequence[Shown]) -> str:
    """A page of its own, without scripts or anything from elsewhere; each text says its direction by itself."""
    head = f'<meta charset="utf-8"><title>{html.escape(name)}</title><style>{_STYLE}</style>'
    body = "\n".join(_section(item) for item in items)
    return f"<!doctype html>\n<html><head>{head}</head>\n<body><h1>{html.escape(name)}</h1>\n{body}\n</body></html>\n"


def _section(item: Shown) -> str:
    change = ", ".join(CHANGES[one] for one in dict.fromkeys(item.changes))
    parts = [f"<h2>{html.escape(item.id)} <small>{change}</small></h2>"]
    if item.example is not None:
        context = html.escape(clean(marked(item.example))).replace("⟦", "<mark>").replace("⟧", "</mark>")
        parts += [_line("context", context), _line("question", html.escape(clean(item.example.question)))]
        parts += [_line("gold", html.escape(clean(answer))) for answer in item.example.answers]
    parts += _answer("base", item.base, None)
    for answer in item.tuned:
        seed = f", seed {answer.seed}" if answer.seed is not None else ""
        parts += _answer(f"tuned{seed}", answer, item.base)
    return f"<section>{''.join(parts)}</section>"


def _answer(name: str, answer: Answer, base: Answer | None) -> list[str]:
    pieces = differing(clean(base.answer if base else answer.answer), clean(answer.answer))
    text = "".join(f"<u>{html.escape(p)}</u>" if new else html.escape(p) for p, new in pieces)
    notes = html.escape("; ".join(filter(None, (answer.verdict, answer.ending))))
    lines = [f"<h3>{name} {'✓' if answer.right else '✗'} {notes}</h3>", _line("answer", text)]
    rest = after_first_line(answer)
    return [*lines, _line("rest", html.escape(rest))] if rest else lines


def _line(kind: str, text: str) -> str:
    return f'<p class="{kind}" dir="auto">{text}</p>'
