"""Mirrors the folder of a run on another machine in a folder here, for as long as somebody watches it."""

from __future__ import annotations

import math
import os
import posixpath
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dnf_studio.core.files import make_folder, writing
from dnf_studio.core.storage.run_folder import FILE, HEAD, LOCK, NEWEST, RECORD
from dnf_studio.errors import Check, LinkError
from dnf_studio.link.ssh import FILES, SNAPSHOTS, RunPlace, Shell

ASKED_EVERY = 1.0
"""Seconds between two looks at the folder there."""
SLICE = 0.6
"""Seconds of work between two words of it."""
SNAPSHOTS_EVERY = 5.0
"""Seconds between two looks at which snapshots there are, unless the record tells of a new one: the list is long."""
PART, LEAST_PART, MOST_PART = 0.5, 1 << 10, 1 << 20
"""How much is asked for at a time: seconds of the bandwidth, and bytes at least and at most."""
MOST_RECORD = 1 << 24
"""Bytes of a record that are brought here at most, its end where it is longer."""
LATER = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds until the connection is tried again, the first time, the second and so on."""
SHOWN = 5.0
"""Seconds that the speed is a mean of."""


def check_nothing() -> None:
    """For who waits without an end."""


class Mirror:
    """Mirrors the folder of a run at `place` in a folder here, `here`, with at most `limit` bytes a second.

    First the record and the newest weights come, then the snapshots, the newest first. A connection that is lost is
    tried again and again. It is for one thread at a time.
    """

    def __init__(self, place: RunPlace, here: Path, limit: float) -> None:
        self.place, self.here, self.limit = place, here, limit
        self.title = place.title
        self._connection: Shell | None = None
        self._work: Iterator[str] | None = None
        self._failures, self._again, self._why = 0, 0.0, ""
        self._came: deque[tuple[float, int]] = deque()
        self._paid = self._since = time.monotonic()
        self._counted = 0
        self._looked = self._listed = -math.inf
        self._there: dict[str, int] = {}
        self._announced: bytes | None = None
        self._newest: bytes | None = None
        self._last = self._begun = False
        self._tail = b""
        self._told = False
        """Whether the record has told of new weights since the folder was looked at."""
        self._refused = ""
        self._check: Check = check_nothing

    def connect(self, check: Check = check_nothing) -> None:
        """Connect and bring the head of the run; raises `LinkError` where that cannot be, or where there is no run."""
        make_folder(self.here, LinkError)
        self._open(check)
        assert self._connection is not None
        there = self._connection.list(self.place.folder, check)
        if HEAD not in there and LOCK not in there:
            self.close()
            raise LinkError(
                f"There is no run in '{self.place.folder}' on {self.place.host}: it has no {HEAD}, or is closed to you."
            )

    def pull(self, check: Check) -> str:
        """Bring some of what is new, for about half a second, and say how it stands; raises `LinkError` for no loss."""
        if time.monotonic() < self._again:
            return self._waiting()
        until = time.monotonic() + SLICE
        try:
            if self._connection is None:
                self._open(check)
            self._check = check
            self._work = self._work or self._mirror(lambda: self._check())
            word = next(self._work)
            while word != "" and time.monotonic() < until:
                word = next(self._work)
        except LinkError as problem:
            self._lose(problem)
            return self._waiting()
        self._failures = 0
        return self._words(word)

    def close(self) -> None:
        """End the connection."""
        connection, self._connection, self._work = self._connection, None, None
        if connection is not None:
            connection.close()

    def _open(self, check: Check) -> None:
        self._connection = connection = Shell(self.place.host)
        self._counted = 0
        try:
            connection.begin(check)
        except LinkError as problem:
            self._connection = None
            said = connection.close() or str(problem)
            raise LinkError(f"Cannot reach {self.place.host} by ssh: {said.rstrip('.')}.") from problem
        except BaseException:
            self.close()
            raise

    def _lose(self, problem: LinkError) -> None:
        connection, self._connection, self._work = self._connection, None, None
        said = connection.close() if connection is not None else ""
        self._why = (said or str(problem)).removeprefix(f"Cannot reach {self.place.host} by ssh: ").rstrip(".")
        self._again = time.monotonic() + LATER[min(self._failures, len(LATER) - 1)]
        self._failures += 1

    def _waiting(self) -> str:
        left = max(0.0, self._again - time.monotonic())
        # Why comes last, where a narrow window leaves it out
        return f"no connection, trying again in {left:.0f} s ({self._why})"

    def _words(self, word: str) -> str:
        now = time.monotonic()
        while self._came and self._came[0][0] < now - SHOWN:
            self._came.popleft()
        rate = sum(count for _, count in self._came) / max(SLICE, min(SHOWN, now - self._since))
        speed = f"{rate / 1000:,.0f} kB/s by ssh, at most {self.limit / 1000:,.0f}"
        return ", ".join(filter(None, [speed, word, self._refused and f"'{self._refused}' cannot be read there"]))

    def _mirror(self, check: Check) -> Iterator[str]:
        """Bring what is new again and again; a word of what is to come after every piece, empty where there is none."""
        connection = self._connection
        assert connection is not None
        while True:
            looked = time.monotonic()
            there = self._look(connection, check)
            self._tidy(there)
            for name in self._wanted(there):
                word = self._still(there)
                for _ in self._bring(connection, name, there[name], check):
                    yield word
                if self._told or time.monotonic() > looked + ASKED_EVERY:
                    break
            while not self._told and time.monotonic() < looked + ASKED_EVERY:
                yield ""

    def _look(self, connection: Shell, check: Check) -> dict[str, int]:
        """The files there are, where the list of snapshots may be a few seconds old."""
        self._looked = time.monotonic()
        if self._told or self._looked > self._listed + SNAPSHOTS_EVERY:
            there = connection.list(self.place.folder, check)
            self._listed = self._looked
        else:
            snapshots = {name: size for name, size in self._there.items() if name.startswith(SNAPSHOTS)}
            there = connection.list(self.place.folder, check, FILES) | snapshots
        self._pay(check)
        self._told, self._there = False, there
        return there

    def _wanted(self, there: dict[str, int]) -> list[str]:
        """What is to be brought, in its order."""
        head = [HEAD] if HEAD in there and (self._begun or not (self.here / HEAD).exists()) else []
        lock = [LOCK] if there.get(LOCK) and not (self.here / LOCK).exists() else []
        record = [RECORD] if there.get(RECORD, 0) > self._size(RECORD) else []
        newest = [NEWEST] if NEWEST in there and self._newest_is_new() else []
        snapshots = sorted((name for name in self._missing(there)), reverse=True)
        ended = not there.get(LOCK) and FILE in there and (self._last or not (self.here / FILE).exists())
        # Weights that were announced go before all others, so that they are seen soon
        return [*head, *lock, *record, *newest, *snapshots[:1], *([FILE] if ended else []), *snapshots[1:]]

    def _newest_is_new(self) -> bool:
        return self._newest is None or self._newest != self._announced or not (self.here / NEWEST).exists()

    def _missing(self, there: dict[str, int]) -> list[str]:
        return [name for name in there if name.startswith(SNAPSHOTS) and self._size(name) != there[name]]

    def _still(self, there: dict[str, int]) -> str:
        missing, count = len(self._missing(there)), sum(name.startswith(SNAPSHOTS) for name in there)
        return f"{count - missing} of {count} snapshots here" if missing > 1 else "receiving"

    def _size(self, name: str) -> int:
        try:
            return (self.here / name).stat().st_size
        except OSError:
            return 0

    def _tidy(self, there: dict[str, int]) -> None:
        """Remove here what is there no more; a record that is shorter than ours is another one."""
        if not there:
            return
        self._refused = self._refused if self._refused in there else ""
        gone = [name for name in (NEWEST, FILE) if name not in there] + ([] if there.get(LOCK) else [LOCK])
        snapshots = self.here / SNAPSHOTS
        with suppress(OSError):
            gone += {posixpath.join(SNAPSHOTS, name) for name in os.listdir(snapshots)} - there.keys()
        if 0 < there.get(RECORD, 0) < self._size(RECORD):
            gone += [RECORD, HEAD, FILE]
        for name in gone:
            with suppress(OSError):
                (self.here / name).unlink(missing_ok=True)

    def _bring(self, connection: Shell, name: str, size: int, check: Check) -> Iterator[None]:
        """Bring a file whole, or what is new of the record; that goes on while a large file comes."""
        if name == RECORD:
            yield from self._bring_record(connection, size, check)
            return
        target, announced = self.here / name, self._announced
        partial = target.with_name(f".{target.name}.part")
        make_folder(target.parent, LinkError)
        if not self._hold(connection, name, check):
            return
        with writing(target, LinkError), partial.open("wb") as file:
            for count in self._parts(size):
                for piece in connection.more(count, check):
                    file.write(piece)
                    self._pay(check)
                    yield
                if time.monotonic() > self._looked + ASKED_EVERY:
                    self._looked = time.monotonic()
                    longer = connection.list(self.place.folder, check, (RECORD,)).get(RECORD, 0)
                    if longer > self._size(RECORD):
                        yield from self._bring_record(connection, longer, check)
        with writing(target, LinkError):
            partial.replace(target)
        self._newest = announced if name == NEWEST else self._newest
        self._last = self._last and name != FILE
        self._begun = self._begun and name != HEAD

    def _bring_record(self, connection: Shell, size: int, check: Check) -> Iterator[None]:
        target = self.here / RECORD
        if not self._size(RECORD) and not self._hold(connection, RECORD, check):
            return
        begin = max(self._size(RECORD), size - MOST_RECORD)
        with writing(target, LinkError), target.open("r+b" if target.exists() else "w+b") as file:
            # What is left out of a long one are zeros, and so places stay the same
            file.seek(begin)
            for count in self._parts(size - begin):
                for piece in connection.read(self.place.folder, RECORD, begin, count, check):
                    file.write(piece)
                    file.flush()
                    self._note(piece)
                    self._pay(check)
                    yield
                begin += count

    def _hold(self, connection: Shell, name: str, check: Check) -> bool:
        """Whether the file can be read there; one that cannot is told for as long as that is so."""
        held = connection.hold(self.place.folder, name, check)
        if not held:
            self._refused = self._refused or name
        elif name == self._refused:
            self._refused = ""
        return held

    def _parts(self, size: int) -> Iterator[int]:
        """The bytes to ask for at a time, so that no more come at once than the bandwidth allows."""
        while size > 0:
            part = min(size, MOST_PART, max(LEAST_PART, int(self.limit * PART)))
            yield part
            size -= part

    def _note(self, piece: bytes) -> None:
        """See in the record that new weights were written, or that the run has begun anew or ended."""
        *lines, self._tail = (self._tail + piece).split(b"\n")
        for line in lines:
            if b'"event":"weights"' in line:
                self._told = True
                self._announced = line if NEWEST.encode() in line else self._announced
            self._last = self._last or b'"event":"end"' in line
            self._begun = self._begun or b'"event":"begin"' in line

    def _pay(self, check: Check) -> None:
        """Wait so long that no more than `limit` bytes come a second, lists of files among them."""
        assert self._connection is not None
        count, self._counted = self._connection.taken - self._counted, self._connection.taken
        now = time.monotonic()
        self._came.append((now, count))
        self._paid = max(self._paid, now - 0.2) + count / self.limit
        while (left := self._paid - time.monotonic()) > 0:
            check()
            time.sleep(min(left, 0.1))
