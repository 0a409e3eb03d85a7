"""Every error that a user or a file can cause, and what ends work that nobody wants any more.

The message of a `StudioError` is one plain sentence: the command line prints it after
``dnf-studio: `` and the window shows it in a dialog. `Cancelled` is no error: whoever cancels work expects it.
Anything else that is raised is a defect.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path


class StudioError(Exception):
    """A mistake that a user or a file can make, told in one plain sentence.

    Examples
    --------
    >>> import dnf_studio as dnf
    >>> try:
    ...     dnf.load("diffflow-ring")
    ... except dnf.StudioError as error:
    ...     print(error)
    There is no model named 'diffflow-ring'; did you mean 'diffflow-rings'?
    """


class SettingError(StudioError):
    """A setting lies outside what it can be."""


class DataError(StudioError):
    """A data set cannot be read or used."""


class MissingDataError(DataError):
    """The file of a data set is not where it is said to be."""


class CheckpointError(StudioError):
    """A checkpoint cannot be read, trusted or written."""


class ExportError(StudioError):
    """An export cannot be written or read."""


class MissingModelError(ExportError):
    """The model that drew the export at `path` is not here; its samples can be read all the same."""

    def __init__(self, sentence: str, path: Path) -> None:
        super().__init__(sentence)
        self.path = path


class DivergenceError(StudioError):
    """Training or sampling left the finite numbers."""


class UnsupportedError(StudioError):
    """A model cannot do what was asked of it."""


class PluginError(StudioError):
    """What somebody registered is not what it has to be."""


class SetupError(StudioError):
    """This machine lacks something that the window needs."""


class LinkError(StudioError):
    """The script that holds a model, or the window that shows it, is gone or cannot be understood."""


class UnknownNameError(StudioError):
    """A name that nothing here bears, with the nearest one that something does."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(name.lower(), names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}."
        shown = name if len(name) <= 200 else f"{name[:200]}…"
        super().__init__(f"There is no {kind} named '{shown}'; {hint}")


class Cancelled(Exception):
    """Ends work that is no longer wanted, or that something else goes before; raised by the `Check` it was given."""


Check = Callable[[], None]
"""What long work calls as often as it can, for instance between two steps: it raises `Cancelled` or does nothing."""


def cancel_when(unwanted: Callable[[], bool]) -> Check:
    """A check that raises `Cancelled` as soon as `unwanted()`."""

    def check() -> None:
        if unwanted():
            raise Cancelled

    return check


_interrupted: list[Callable[[], bool]] = []


@contextmanager
def interrupted_when(asked: Callable[[], bool]) -> Iterator[None]:
    """Within it `check_interrupt` raises `Cancelled`, on whichever thread it is called, as soon as `asked()`.

    For what ends the whole process, such as Ctrl-C, while threads are at work that lasts many seconds.
    """
    _interrupted.append(asked)
    try:
        yield
    finally:
        _interrupted.remove(asked)


def check_interrupt() -> None:
    """Raise `Cancelled` where the process is to end; called at every step of long work, by any thread."""
    for asked in _interrupted:
        if asked():
            raise Cancelled


def stop_signals() -> list[signal.Signals]:
    """What asks a program to end: Ctrl-C, SIGTERM, and a terminal that closes unless that is ignored, as by nohup.

    SIGUSR1, too, by which clusters announce that a job's time runs out.
    """
    hang_up = getattr(signal, "SIGHUP", None)
    ignored = hang_up is None or signal.getsignal(hang_up) == signal.SIG_IGN
    announced = [signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else []
    return [signal.SIGINT, signal.SIGTERM, *announced, *(() if ignored else (hang_up,))]


def continued(sentence: str) -> str:
    """`sentence` as the end of another one: it begins with a small letter."""
    return sentence[:1].lower() + sentence[1:]
