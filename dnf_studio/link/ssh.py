"""A shell on another machine, through the ssh of whoever watches a run there, and what is asked of it.

One ``ssh HOST exec /bin/sh`` lasts as long as the connection and asks for a password once, if at all: what is to be
done there is written into that shell, which needs ``ls``, ``tail``, ``head`` and ``dd``. Nothing is installed or
listens there, and the names of folders pass no other shell. What comes back is counted, so that no end of it has to be
looked for. What was asked for comes as fast as the net is (ssh holds two megabytes of it), so whoever wants it slower
asks for less at a time.
"""

from __future__ import annotations

import os
import posixpath
import queue
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import IO

from dnf_studio.core.files import explain
from dnf_studio.core.storage.run_folder import FILE, HEAD, LOCK, NEWEST, RECORD
from dnf_studio.errors import Check, LinkError

PLACE = re.compile(r"((?:[\w.+\\-]+@)?)(\[[0-9a-fA-F:.]+\]|[\w.-]+):(.+)", re.DOTALL)
LINE = re.compile(r"-\S*\s+\d+\s+\S+\s+\S+\s+(\d+)\s.*\s(\S+)")
"""What ``ls -ln`` says of a file: its size and its name."""
FILES = (HEAD, RECORD, NEWEST, FILE, LOCK)
SNAPSHOTS = "run.snapshots"
SNAPSHOT = re.compile(r"\d{9}\.safetensors")
OPTIONS = ("-T", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")
PIECE = 1 << 15
WAITING = 4
"""Pieces that wait here; with more, ssh waits, and so does the other machine."""
SILENT = 40.0
"""Seconds without a byte that was asked for, after which the connection is given up."""
MOST_FILE = 1 << 32


@dataclass(frozen=True)
class RunPlace:
    """The folder of a run on another machine."""

    host: str
    """As ssh takes it: a name of its own settings too, with the user's before an @."""
    folder: str

    @classmethod
    def read(cls, text: str) -> RunPlace:
        """``HOST:FOLDER`` or ``USER@HOST:FOLDER``; a relative folder begins at the user's own. Raises `LinkError`."""
        found = PLACE.fullmatch(text)
        if found is None or any(part.startswith("-") for part in found.groups()[:2]):
            raise LinkError(f"'{text}' is no place of a run; it is written as HOST:FOLDER or USER@HOST:FOLDER.")
        if any(ord(letter) < 32 for letter in text):
            raise LinkError("The folder of a run has no control characters in its name.")
        folder = found[3].removeprefix("~/") or "."
        return cls(found[1] + found[2].strip("[]"), folder)

    @property
    def title(self) -> str:
        """Host and name of the folder."""
        return f"{self.host}:{os.path.basename(self.folder.rstrip('/')) or self.folder}"


class Shell:
    """A shell on the other machine."""

    def __init__(self, host: str) -> None:
        self._host, self._number, self._greeting = host, 0, ""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the connection lasts
        program = shutil.which("ssh")
        if program is None:
            raise LinkError("There is no 'ssh' here, through which runs of other machines are watched; install it.")
        try:
            self._process = subprocess.Popen(
                [program, *OPTIONS, "--", host, "exec /bin/sh"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
            )
        except OSError as problem:
            raise LinkError(f"Cannot start 'ssh': {explain(problem)}.") from problem
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input: IO[bytes] = self._process.stdin
        self._pieces: queue.Queue[bytes] = queue.Queue(WAITING)
        self._rest = b""
        self.taken = 0
        """Bytes that have come, as far as they were wanted."""
        self._over = self._closed = False
        Thread(target=self._receive, args=(self._process.stdout,), daemon=True).start()

    def begin(self, check: Check) -> None:
        """Wait until the shell answers; what its settings say before that tells only why none does, as of no login."""
        word = f"dnf-studio-{os.getpid()}"
        with suppress(LinkError):  # what ended at once may have said why
            self._send(f"LC_ALL=C; export LC_ALL; echo; echo {word}")
        while (line := self._line(check)) != word.encode():
            self._greeting = line.decode(errors="replace").strip() or self._greeting
        self._greeting = ""

    def list(self, folder: str, check: Check, names: Sequence[str] = (*FILES, f"{SNAPSHOTS}/")) -> dict[str, int]:
        """Sizes of the files of the run there, by their names; nothing where there is no such folder."""
        self._number += 1
        inside = f"cd -- {quoted(folder)} 2>/dev/null && ls -ln {' '.join(names)} 2>/dev/null"
        self._send(f"({inside}); echo; echo end-{self._number}")
        found: dict[str, int] = {}
        while (line := self._line(check)) != f"end-{self._number}".encode():
            one = LINE.fullmatch(line.decode(errors="replace"))
            if one is None or int(one[1]) > MOST_FILE:
                continue
            # Nothing else that the other machine may say is a file of ours
            if SNAPSHOT.fullmatch(one[2]):
                found[posixpath.join(SNAPSHOTS, one[2])] = int(one[1])
            elif one[2] in FILES:
                found[one[2]] = int(one[1])
        return found

    def read(self, folder: str, name: str, begin: int, count: int, check: Check) -> Iterator[bytes]:
        """`count` bytes of a file from `begin` on, in pieces; where it has become shorter zeros take their place."""
        return self._bytes(f"cd -- {quoted(folder)} && tail -c +{begin + 1} {name} | head -c {count}", count, check)

    def hold(self, folder: str, name: str, check: Check) -> bool:
        """Hold a file open there for `more`, as it is now, whatever takes its name later; whether it can be read."""
        path = quoted(posixpath.join(folder, name))
        # A failed exec by itself would end the shell
        self._send(f"exec 3<&-; {{ command exec 3< {path}; }} 2>/dev/null && echo held || echo not")
        return self._line(check) == b"held"

    def more(self, count: int, check: Check) -> Iterator[bytes]:
        """The next `count` bytes of the file that is held, in pieces; zeros where it has no more."""
        return self._bytes(f"dd bs={count} count=1 <&3", count, check)

    def _bytes(self, inside: str, count: int, check: Check) -> Iterator[bytes]:
        self._send(f"{{ ( {inside}; ) 2>/dev/null; head -c {count} /dev/zero; }} | head -c {count}")
        left = count
        while left:
            piece = self._take(check)
            self._rest, piece = piece[left:], piece[:left]
            left -= len(piece)
            yield piece

    def close(self) -> str:
        """End it; what ssh or the shell that did not begin said last, which tells why where it ended by itself."""
        self._closed = True
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._input.close()
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().decode(errors="replace").splitlines() if line.strip()]
        self._said.close()
        return (lines[-1] if lines else self._greeting)[:200]

    def _receive(self, output: IO[bytes]) -> None:
        """The body of the thread that waits for what comes."""
        with output, suppress(OSError, ValueError):
            while piece := os.read(output.fileno(), PIECE):
                while not self._closed:
                    with suppress(queue.Full):
                        self._pieces.put(piece, timeout=0.2)
                        break
        self._over = True

    def _send(self, line: str) -> None:
        try:
            self._input.write(line.encode() + b"\n")
            self._input.flush()
        except OSError as problem:
            raise LinkError("The connection is lost.") from problem

    def _take(self, check: Check) -> bytes:
        """What has come; raises `LinkError` where nothing comes any more."""
        if self._rest:
            piece, self._rest = self._rest, b""
            return piece
        until = time.monotonic() + SILENT
        while time.monotonic() < until:
            check()
            over = self._over
            with suppress(queue.Empty):
                piece = self._pieces.get(block=not over, timeout=0.1)
                self.taken += len(piece)
                return piece
            if over:
                raise LinkError("The connection is lost.")
        raise LinkError(f"Nothing came for {SILENT:.0f} seconds.")

    def _line(self, check: Check) -> bytes:
        while b"\n" not in self._rest:
            if len(before := self._rest) > 1 << 20:
                raise LinkError("The other machine says what cannot be understood.")
            self._rest = b""
            self._rest = before + self._take(check)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r")


def quoted(name: str) -> str:
    """`name` as one word of a shell, whatever is in it."""
    return "'" + name.replace("'", "'\\''") + "'"
