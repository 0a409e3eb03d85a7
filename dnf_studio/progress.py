"""How far a long work is, for whoever waits for it: at a terminal, in a notebook, or in a log.

Command line and scripts share it. What draws a bar is imported only where one is drawn.
"""

from __future__ import annotations

import html
import os
import sys
import time
from contextlib import ExitStack
from typing import Any, Self, TextIO

PLAIN_EVERY = 10.0
SHOWN_EVERY = 0.1
"""Seconds between two looks of a notebook's bar, each of which is a message to the browser."""


class Progress:
    """A live bar where stderr is a terminal or the program is a notebook, else a plain line every ten seconds.

    With `shown` false it shows nothing.
    """

    def __init__(self, title: str, shown: bool = True) -> None:
        self._title, self._hidden = title, _silent or not shown
        self._stack = ExitStack()
        self._live: Any = None
        self._notebook: _NotebookBar | None = None
        self._shown = time.monotonic()

    def __enter__(self) -> Self:
        if self._hidden:
            return self
        if _in_notebook():
            self._notebook = _NotebookBar(self._title)
        elif sys.stderr is not None and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn
            from rich.progress import Progress as Live

            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
            self._live = Live(*columns, console=Console(stderr=True), transient=True)
            self._stack.enter_context(self._live)
            self._task = self._live.add_task(self._title, total=1.0, text="")
        return self

    def __exit__(self, *_: object) -> None:
        if self._notebook is not None:
            self._notebook.close()
        try:
            self._stack.close()
        except OSError:
            drop(sys.stderr)

    def update(self, fraction: float | None, text: str) -> None:
        """Show that `fraction` of the work is done, None where that is not known, and `text`."""
        if self._hidden:
            return
        if self._notebook is not None:
            self._notebook.update(fraction, text)
        elif self._live is not None:
            known = fraction is not None
            try:
                self._live.update(self._task, total=1.0 if known else None, completed=fraction or 0.0, text=text)
            except OSError:  # as in `note`
                drop(sys.stderr)
        elif time.monotonic() - self._shown >= PLAIN_EVERY:
            self._shown = time.monotonic()
            note(f"{self._title}: {text}" if fraction is None else f"{self._title}: {100 * fraction:.0f}%, {text}")


class _NotebookBar:
    """A bar of plain HTML below a notebook's cell, which needs no widgets; it stays with what was said last."""

    def __init__(self, title: str) -> None:
        from IPython.display import HTML, display

        self._title, self._html = title, HTML
        self._last: tuple[float | None, str] | None = None
        self._drawn = time.monotonic()
        self._handle = display(HTML(html.escape(title)), display_id=True)

    def update(self, fraction: float | None, text: str) -> None:
        self._last = fraction, text
        if time.monotonic() - self._drawn >= SHOWN_EVERY:
            self._draw()

    def close(self) -> None:
        if self._last is not None:
            self._draw()

    def _draw(self) -> None:
        if self._handle is None or self._last is None:
            return
        self._drawn = time.monotonic()
        fraction, text = self._last
        value = "" if fraction is None else f" value='{fraction:.3f}'"
        told = html.escape(f"{self._title}: {text}")
        self._handle.update(self._html(f"<progress max='1'{value}></progress> {told}"))


def _in_notebook() -> bool:
    """Whether this is a notebook's kernel; nothing is imported to find out."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


_silent = False


def silence() -> None:
    """Let this process tell nothing any more but why it ends, on stdout neither: another one speaks for it."""
    global _silent
    _silent = True
    if sys.stdout is not None:
        drop(sys.stdout)


def note(text: str, always: bool = False) -> None:
    """One plain line on stderr, of a process that is silent only if it is `always` to be told.

    Where nobody can read it any more it is dropped: work goes on without being told of.
    """
    if sys.stderr is None or (_silent and not always):
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # its reader has left, its terminal is closed, or the disk it goes to is full
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Send what is still buffered, and all that follows, nowhere: Python's own last flush must not fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
