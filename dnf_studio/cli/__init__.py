"""The ``dnf-studio`` command: opens the window, or hands a verb to its module.

Opening the window stays light: typer and rich are imported only for the verbs.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

from dnf_studio import plugins
from dnf_studio.cli.output import INTERRUPTED, STOP
from dnf_studio.cli.verbs import VERBS, run_verb
from dnf_studio.errors import DivergenceError, SettingError, StudioError, stop_signals
from dnf_studio.progress import drop, note, silence

__all__ = ["VERBS", "main", "verb_of"]

DONE, FAILED, BAD_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 failed, 2 bad usage, 130 after Ctrl-C or its like."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    previous = [(number, signal.signal(number, STOP)) for number in stop_signals()]
    try:
        if _rank():
            silence()
        rest, files = _split(words)
        plugins.use(files)
        return _dispatch(rest)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except SettingError as error:
        return _complain(error, BAD_USAGE)
    except StudioError as error:
        return INTERRUPTED if STOP.came else _complain(error, FAILED)
    except Exception:
        if STOP.came:  # what an import makes of a KeyboardInterrupt
            return INTERRUPTED
        raise
    finally:
        STOP.close()
        for number, handler in previous:
            signal.signal(number, handler)


def _dispatch(words: list[str]) -> int:
    if words and words[0] in VERBS:
        STOP.at_once = True
        for fault in plugins.load():
            note(f"dnf-studio: {fault}")
        code = run_verb(words[0], words[1:])
    else:
        from dnf_studio.cli.window import run as open_window

        code = open_window(words)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def verb_of(words: Sequence[str]) -> str | None:
    """The verb that a command line names; None where it opens the window."""
    rest, _ = _split(words)
    return rest[0] if rest and rest[0] in VERBS else None


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """`words` without ``--with FILE``, wherever it stands, and those files, empty where none was named."""
    rest: list[str] = []
    files: list[str] = []
    left = iter(words)
    for word in left:
        option, equals, value = word.partition("=")
        if option == "--with":
            files.append(value if equals else next(left, ""))
        else:
            rest.append(word)
    return rest, files


def _complain(error: StudioError, code: int) -> int:
    """Tell why the process ends; what all ranks of torchrun know alike is told by the first."""
    if not (rank := _rank()):
        note(f"dnf-studio: {error}")
        return code
    from dnf_studio.core.ranks import RanksDiffer

    if not isinstance(error, RanksDiffer | DivergenceError):
        note(f"dnf-studio, rank {rank}: {error}", always=True)
    return code


def _rank() -> str:
    """The number of this process among those that torchrun started; empty for the first one, and without torchrun."""
    return os.environ.get("RANK", "").lstrip("0") if "WORLD_SIZE" in os.environ else ""


def _prepare_streams() -> None:
    """A terminal that cannot show a character shows a replacement, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """Whoever read our output has gone; nothing more is written, not even by Python at its exit."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            drop(stream)
    return FAILED
