"""The process in which libhdf5 works on files of others, from the side of whom it works for."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import explain
from dnf_studio.errors import StudioError

PROGRAM = Path(__file__).with_name("hdf5_program.py")
MOST_ANSWER = 1 << 28
"""Bytes of JSON that are read of an answer."""
SECONDS = 1
"""Seconds of the processor, for what is small."""
BYTES_A_SECOND = 2e7
PATIENCE = 60
"""By how much an answer may take longer than its time of the processor, on a machine that has other things to do."""


class LibraryApart:
    """In a process of its own, which may die."""

    def __init__(self, path: Path, error: type[StudioError]) -> None:
        self._path, self._late = path, False
        # Nothing from the folder that the person is in may be imported
        command = [sys.executable, "-P", str(PROGRAM), os.path.abspath(path)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as problem:
            raise error(f"Cannot start the process that reads '{path}': {explain(problem)}.") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for stream in self._streams:
            with suppress(OSError):  # what it was still to be told
                stream.close()
        self._process.wait()

    @property
    def _streams(self) -> tuple[IO[bytes], IO[bytes]]:
        assert self._process.stdin is not None and self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def objects(self) -> tuple[dict[str, Any], NDArray[np.int64]]:
        with self._asked({"what": "objects"}, os.path.getsize(self._path)) as (answer, out):
            places = np.empty(int(answer["bytes"]), np.uint8)
            self._fill(places.data, out)
        return answer, places.view(np.int64).reshape(-1, 2)

    def values(self, name: str, start: int, stop: int, target: NDArray[Any]) -> None:
        size = os.path.getsize(self._path) + target.nbytes
        with self._asked({"what": "values", "name": name, "start": start, "stop": stop}, size) as (answer, out):
            if answer["bytes"] != target.nbytes:
                raise ValueError("other values than promised")
            self._fill(target.data.cast("B"), out)

    @contextmanager
    def _asked(self, question: dict[str, Any], size: int) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
        """The answer, and from where the bytes after it are read, in a time that allows for `size` bytes of work."""
        seconds = SECONDS + math.ceil(size / BYTES_A_SECOND)
        ask, out = self._streams
        watch = threading.Timer(PATIENCE * seconds, self._give_up)
        watch.daemon = True
        watch.start()
        try:
            ask.write(json.dumps({**question, "seconds": seconds}).encode() + b"\n")
            ask.flush()
            line = out.readline(MOST_ANSWER)
            if not line.endswith(b"\n"):
                raise self._death()
            answer = json.loads(line)
            if "fault" in answer:
                raise {"busy": BlockingIOError, "denied": PermissionError}.get(answer["fault"], ValueError)
            yield answer, out
        except BrokenPipeError:
            raise self._death() from None
        finally:
            watch.cancel()

    def _fill(self, target: memoryview, out: IO[bytes]) -> None:
        done = 0
        while done < len(target):
            count = out.readinto(target[done:])  # type: ignore[attr-defined]
            if not count:
                raise self._death()
            done += count

    def _give_up(self) -> None:
        self._late = True
        self._process.kill()

    def _death(self) -> Exception:
        """Why there is no answer."""
        code = self._process.wait()
        # Of the processor's time there was no more
        late = self._late or (hasattr(signal, "SIGXCPU") and code == -signal.SIGXCPU)
        return TimeoutError() if late else ValueError(f"the library ended with {code}")
