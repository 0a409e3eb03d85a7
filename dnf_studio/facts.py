"""What a thing of the studio is, in a line for a terminal and as a small table for a notebook."""

from __future__ import annotations

import html
from collections.abc import Mapping
from reprlib import Repr

SHORT = Repr()
"""How a value is shown: names of files and columns may be of any length."""
SHORT.maxstring, SHORT.maxother, SHORT.maxdict = 60, 80, 8


class WithFacts:
    """Has a `repr` of one line, and in notebooks a table, both of the same few facts."""

    def _facts(self) -> Mapping[str, object]:
        """What there is to say, by name; what is None is left out. Text is quoted where it is a string."""
        return {}

    def __repr__(self) -> str:
        said = (f"{name}={_shown(value)}" for name, value in self._facts().items() if value is not None)
        return f"{type(self).__name__}({', '.join(said)})"

    def _repr_html_(self) -> str:
        return html_table(type(self).__name__, self._facts())


def html_table(title: str, facts: Mapping[str, object]) -> str:
    """A table with a row for each fact that is not None; whatever a file or a person called things is escaped."""
    rows = (
        f"<tr><th style='text-align:left'>{html.escape(name.replace('_', ' '))}</th>"
        f"<td style='text-align:left'>{html.escape(_plain(value))}</td></tr>"
        for name, value in facts.items()
        if value is not None
    )
    return f"<table><caption>{html.escape(title)}</caption>{''.join(rows)}</table>"


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else SHORT.repr(value)


def _plain(value: object) -> str:
    """A value as a person reads it: text without quotes, tuples without brackets."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_plain, value))
    whole = isinstance(value, int) and not isinstance(value, bool)
    text = value if isinstance(value, str) else f"{value:,}" if whole else _shown(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
