"""What the verbs write, results to stdout and progress to stderr, and how Ctrl-C reaches their work."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any

from dnf_studio.errors import Cancelled, StudioError, stop_signals
from dnf_studio.progress import drop

EXPLODED = 1e8
"""From which size on a number is no measurement that anybody reads digit by digit."""
INTERRUPTED = 130
"""The exit code after Ctrl-C or its like."""
IMPORTING = "<frozen importlib._bootstrap>"


def emit(result: Mapping[str, Any], text: str, as_json: bool) -> None:
    """A verb's result on stdout: one JSON object, in which what is not finite is null, or `text` for a person."""
    try:
        print(json.dumps(_finite(result), allow_nan=False) if as_json else text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        drop(sys.stdout)
        raise StudioError(f"Cannot write the result: {error.strerror}.") from error


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def number(value: float | None, decimals: int = 4) -> str:
    """So many decimals, a power of ten for what has exploded, or a dash for what is not known."""
    if value is None:
        return "-"
    return f"{value:.{decimals}f}" if abs(value) < EXPLODED else f"{value:.{decimals}e}"


def plus_minus(error: float | None, decimals: int = 4) -> str:
    """An error behind a `number`; nothing where it is not known."""
    return "" if error is None else f" ± {number(error, decimals)}"


def clock(seconds: float) -> str:
    """Seconds as 0:07, 2:10 or 1:02:10."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Stop:
    """Answers `stop_signals` with a KeyboardInterrupt, and while something is imported as soon as that is done.

    Raised within the import of torch it was lost, came out as another error or aborted the process (1 in 25 tries).
    Where nothing has been begun that must be brought to an end, the process ends at once instead.
    """

    def __init__(self) -> None:
        self.came = self.at_once = False
        """`at_once`: whether nothing has been begun, such as a file; whoever begins something says that it is not."""
        self._again: threading.Timer | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        while frame is not None:
            if frame.f_code.co_filename == IMPORTING:
                if self.at_once:
                    os._exit(INTERRUPTED)
                # Unlike a signal it does nothing to a process that answers none any more
                self._again = threading.Timer(0.05, interrupt_main, (number,))
                self._again.daemon = True
                self._again.start()
                return
            frame = frame.f_back
        raise KeyboardInterrupt

    def close(self) -> None:
        """Let nothing come any more: what was asked for is done."""
        if self._again is not None:
            self._again.cancel()
        self.came = self.at_once = False


STOP = Stop()
"""That of this process."""


class Interrupt:
    """Takes `stop_signals` as a wish to end between two steps of the work.

    Work that raises `Cancelled` because of it leaves as a KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.came = STOP.came
        STOP.at_once = False

    def __enter__(self) -> Interrupt:
        self._previous = [(number, signal.signal(number, self._take)) for number in stop_signals()]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for signum, handler in self._previous:
            signal.signal(signum, handler)
        if self.came and isinstance(error, Cancelled):
            raise KeyboardInterrupt from error

    def _take(self, number: int, frame: FrameType | None) -> None:
        self.came = True
