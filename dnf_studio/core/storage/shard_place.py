"""The hidden folder beside an export in which ranks draw its shards, and what they leave there for each other.

``asked.json`` says what is asked of the export, ``owner.json`` which process joins the shards, touched while that is
alive, and ``rank-0.json`` … what became of each rank. A rank writes its own files only; whole shards and partial ones
with their journals are as `samples` leaves them.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import stat
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dnf_studio.core.data.hdf5_reading import Identity, identity_of
from dnf_studio.core.files import make_folder, writing
from dnf_studio.core.partials import is_left, partial_name, process_mark
from dnf_studio.core.storage.export_plan import difference
from dnf_studio.core.storage.journal import Unfinished, unfinished_exports
from dnf_studio.core.storage.shards import Shard
from dnf_studio.errors import ExportError, StudioError

FORMAT, FORMAT_VERSION = "dnf-studio-shards", 1
TOUCH_EVERY = 2.0
WATCH = 10.0
"""Seconds in which an owner shows that it is alive; the clocks of machines, which may differ, are not compared."""
APPEAR = 15.0
"""Seconds after which what another machine wrote is not to be expected any more."""
MOST_TEXT = 1 << 20
LINE = 1024
"""Bytes that no line of a journal but the first exceeds."""


@dataclass(frozen=True)
class RankState:
    """What a rank tells of itself."""

    process: str
    """Its `process_mark`."""
    host: str
    done: bool = False
    failed: str | None = None
    """The sentence with which it ended."""
    written: Mapping[str, Identity] = field(default_factory=dict)
    """What its whole shards are to the file system, so that they are known to be those that it wrote."""


class ShardPlace:
    """The folder of the export to `target`, links followed; `shown` is the path that errors name."""

    def __init__(self, target: Path, shown: Path) -> None:
        self.target, self._shown = target, shown
        name = f".{target.name.encode(errors='ignore')[:240].decode(errors='ignore')}.shards"
        self.folder = target.with_name(name)

    @property
    def asked(self) -> dict[str, Any] | None:
        """What was asked of the export whose shards are there; None where there are none that can be gone on with."""
        found = _read(self.folder / "asked.json")
        if found is None or (found.get("format"), found.get("format_version")) != (FORMAT, FORMAT_VERSION):
            return None
        asked = found.get("asked")
        return asked if isinstance(asked, dict) else None

    def claim(self, asked: Mapping[str, Any], resume: bool) -> None:
        """Make the folder, or with `resume` take that of an export that was interrupted.

        Raises `ExportError` where another program draws into it, where it is none of ours, and where `resume` asks for
        another export than the one that was interrupted.
        """
        self.refuse_busy()
        before = self.asked
        if before is not None and resume and (what := difference(asked, before)):
            raise ExportError(
                f"The interrupted export of '{self._shown}' cannot be gone on with, for {what}; ask for the same, or "
                "begin anew."
            )
        if before is None or not resume:
            self.remove()
        make_folder(self.folder, ExportError)
        head = {"format": FORMAT, "format_version": FORMAT_VERSION, "target": self.target.name, "asked": dict(asked)}
        with writing(self._shown, ExportError):
            for path in self.folder.glob("rank-*.json"):
                path.unlink()
            _write(self.folder / "owner.json", {"process": process_mark(), "host": platform.node()})
            _write(self.folder / "asked.json", head)
        # What is left of them without a row goes before the ranks look
        unfinished_exports(self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Show that its owner, this process, is alive; the folder stays where the block fails."""
        ended = threading.Event()

        def touch() -> None:
            while not ended.wait(TOUCH_EVERY):
                with suppress(OSError):
                    os.utime(self.folder / "owner.json")

        thread = threading.Thread(target=touch, daemon=True, name="dnf-owner")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with suppress(OSError):
                (self.folder / "owner.json").unlink()

    def remove(self) -> None:
        """Remove the folder with all that is in it; raises `ExportError` where it is none of ours."""
        if not os.path.lexists(self.folder):
            return
        ours = stat.S_ISDIR(self.folder.lstat().st_mode)
        if not ours or (os.listdir(self.folder) and _read(self.folder / "asked.json") is None):
            raise ExportError(f"'{self.folder}' is in the way of the shards of '{self._shown}'; remove it.")
        with writing(self._shown, ExportError):
            shutil.rmtree(self.folder)

    def appears(self) -> bool:
        """Whether this process sees the folder that another one has just made; a network may take some seconds."""
        return appears(self.folder / "asked.json")

    def path(self, shard: Shard) -> Path | None:
        """Where a shard is that is there to its last row, in the folder or already beside the export; else None."""
        return next((path for path in (self.folder / shard.name, self.beside(shard)) if path.is_file()), None)

    def beside(self, shard: Shard) -> Path:
        """Where a shard is to lie in the end."""
        return self.target.with_name(shard.name)

    def unfinished(self) -> dict[str, Unfinished]:
        """Shards that processes of this machine that are no more left in part, by name."""
        return {one.target.name: one for one in unfinished_exports(self.folder)}

    def tell(self, rank: int, state: RankState) -> None:
        """Leave word of a rank; raises `ExportError`."""
        with writing(self._shown, ExportError):
            _write(self.folder / f"rank-{rank}.json", asdict(state))

    def told(self, rank: int) -> RankState | None:
        """The last word of a rank; None where it has said nothing."""
        found = _read(self.folder / f"rank-{rank}.json")
        if found is None:
            return None
        with suppress(TypeError, ValueError, KeyError):
            written = {str(name): tuple(map(int, value)) for name, value in found["written"].items()}
            state = RankState(**{**found, "written": written})
            if isinstance(state.process, str) and isinstance(state.failed, str | None):
                return state
        return None

    def is_gone(self, state: RankState) -> bool:
        """Whether the process of a rank on this machine is no more; False where that is not known."""
        return state.process != process_mark() and is_left(state.process)

    def rows(self, shards: Sequence[Shard]) -> dict[str, int]:
        """How many rows of each shard are written, as far as their journals tell."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            names = []
        found, known = dict.fromkeys((shard.name for shard in shards), 0), {shard.name: shard for shard in shards}
        for name in names:
            if name in known:
                found[name] = known[name].rows
            elif (shard := known.get(name[1:].partition(".journal-")[0])) is not None:
                found[shard.name] = max(found[shard.name], min(_last_rows(self.folder / name), shard.rows))
        return found

    def refuse_busy(self) -> None:
        """Raise `ExportError` where the owner of the folder is alive."""
        path = self.folder / "owner.json"
        owner = _read(path)
        if owner is None:
            return
        # The number of a process that ended may be another one's by now, and of another machine's nothing is known
        if not is_left(str(owner.get("process"))) and _changes(path, WATCH):
            raise ExportError(
                f"Another program, on '{str(owner.get('host'))[:100]}', is writing an export to '{self._shown}'; wait "
                "for its end or choose another file."
            )


@contextmanager
def reported(place: ShardPlace, rank: int) -> Iterator[dict[str, Identity]]:
    """Within it a rank is at work: what became of it stands in the folder, with the whole shards that it notes down."""
    mine = RankState(process_mark(), platform.node())
    place.tell(rank, mine)
    written: dict[str, Identity] = {}
    try:
        yield written
    except BaseException as error:
        why = str(error) if isinstance(error, StudioError) else "it was interrupted."
        with suppress(StudioError):  # of a full disk nothing more can be told
            place.tell(rank, RankState(mine.process, mine.host, failed=why, written=written))
        raise
    place.tell(rank, RankState(mine.process, mine.host, done=True, written=written))


def appears(path: Path) -> bool:
    """Whether a file that another machine wrote is to be seen here, within some seconds."""
    until = time.monotonic() + APPEAR
    while not path.exists():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def note_written(folder: Path, shard: Shard, written: dict[str, Identity]) -> None:
    """Note that this process has written a shard as it is."""
    written[shard.name] = identity_of(folder / shard.name)


def _last_rows(journal: Path) -> int:
    """What the last whole line of a journal says; 0 where there is none."""
    with suppress(OSError, ValueError, TypeError, LookupError):
        with journal.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - LINE))
            lines = file.read(LINE).split(b"\n")
        # The first line of all says what is asked
        return int(json.loads(lines[-2])[0])
    return 0


def _changes(path: Path, seconds: float) -> bool:
    """Whether a file is touched or goes away within so many seconds; it is opened each time, so that no cache of a
    network's file system answers."""
    until, before = time.monotonic() + seconds, _touched(path)
    while time.monotonic() < until:
        time.sleep(0.25)
        if _touched(path) != before:
            return os.path.lexists(path)
    return False


def _touched(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None


def _read(path: Path) -> dict[str, Any] | None:
    """The object in a small JSON file; None where there is none that is whole."""
    with suppress(OSError, ValueError, RecursionError):
        if path.lstat().st_size <= MOST_TEXT and stat.S_ISREG(path.lstat().st_mode):
            found = json.loads(path.read_bytes())
            return found if isinstance(found, dict) else None
    return None


def _write(path: Path, value: Mapping[str, Any]) -> None:
    """Put a small JSON file in its place, whole at any time; raises `OSError`."""
    partial = path.with_name(partial_name(path.name, process_mark()))
    partial.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")
    os.replace(partial, path)
