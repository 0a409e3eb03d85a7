"""Follows the folder of a run: from its files to what the views show. Runs in a background thread, and imports torch.

It polls, since changes on another machine are told by no file system. A third of a second between two looks is little
beside the two seconds in which new weights are to be seen, and next to nothing for a server of files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dnf_studio.config import Config
from dnf_studio.core.training.record import StepReport
from dnf_studio.errors import Check, CheckpointError, SettingError
from dnf_studio.gui.workspace.opening import Opened

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.storage.run_folder import Head
    from dnf_studio.core.storage.snapshots import KeptWeights
    from dnf_studio.core.training.run_reader import RunReader
    from dnf_studio.workers.snapshot import Snapshot

POLL = 0.3
"""Seconds between two looks at the record."""
WAKE = 0.1
LISTED_EVERY = 3.0
"""Seconds between two looks at which snapshots there are."""
AGAIN = 0.7
"""Seconds until weights that were told of and are not there are looked for again."""
PACE = 40
"""Reports that the speed is taken of."""
HELD = "{} is trained by another process; to train a model here open data or another model first."


class Puller(Protocol):
    """What brings the folder of another machine here."""

    title: str
    """What the run is called: its host and folder."""

    def pull(self, check: Check) -> str:
        """Bring what is new, and say how that stands in a few words; raises `StudioError` for good."""

    def close(self) -> None:
        """Bring nothing more."""


@dataclass(frozen=True, eq=False)
class Joined:
    """The first weights of the run, or after its end its checkpoint: a model to show."""

    opened: Opened
    config: Config
    """The settings that the run goes on with."""
    host: str


@dataclass(frozen=True, eq=False)
class News:
    """How the run stands, and what has come since the last word of it."""

    iteration: int = 0
    steps: int = 0
    rate: float | None = None
    """Iterations a second."""
    left: float | None = None
    """Seconds of training left, as far as known."""
    quiet: float = 0.0
    """Seconds without a line."""
    usual: float = 0.0
    stale: bool = False
    gone: bool = False
    """Nobody trains there any more, though the run has not said that it ended."""
    ended: str = ""
    """How it ended; empty while it lasts."""
    trouble: str = ""
    """Why nothing can be read just now, as a sentence."""
    pulled: str = ""
    """How a folder of another machine is brought here."""
    reports: list[StepReport] = field(default_factory=list)
    snapshot: tuple[Snapshot, Checkpoint] | None = None
    """Newer weights."""
    kept: tuple[KeptWeights, ...] | None = None
    """All snapshots, where there are others than before."""


class _Folder:
    """One folder while it is followed."""

    def __init__(self, folder: Path, title: str, pulled: bool) -> None:
        from dnf_studio.core.training.run_reader import RunReader

        self.folder, self.title, self._pulled = folder, title, pulled
        self.reader: RunReader = RunReader(folder)
        self.news = News()
        self.config = Config()
        self.over = self.anew = False
        """Whether its checkpoint at the end is shown; whether it is another run than it was."""
        self._shown = -1
        self._wanted: int | None = None
        self._known: dict[int, KeptWeights] = {}
        self._listed = self._again = 0.0
        self._last: list[StepReport] = []

    def begin(self, head: Head) -> Joined | None:
        """What there is to show at first; None where there are no weights yet."""
        from dnf_studio.core.storage.run_folder import checkpoint_file, newest_checkpoint

        try:
            path, checkpoint = newest_checkpoint(self.folder)
        except CheckpointError:
            return None
        try:
            self.config = Config.create(head.settings)
        except SettingError:  # of another version, which may have settings of other names
            self.config = checkpoint.config
        self._shown = checkpoint.iteration
        opened, host = self._opened(checkpoint), str(head.environment.get("host", ""))[:80]
        if path == checkpoint_file(self.folder) and self.reader.left:
            self.over = True
            opened = replace(opened, path=path, held="")
        return Joined(opened, self.config, host)

    def end(self) -> Joined | None:
        """The checkpoint at its end, to be shown as any other; None where there is none that can be read."""
        from dnf_studio.core.storage.checkpoint import read_checkpoint
        from dnf_studio.core.storage.run_folder import checkpoint_file

        file = checkpoint_file(self.folder)
        try:
            checkpoint = read_checkpoint(file)
        except CheckpointError:
            return None
        self._shown, self.over = checkpoint.iteration, True
        return Joined(replace(self._opened(checkpoint), path=file, held=""), self.config, "")

    def look(self, check: Check) -> News:
        """What is new."""
        from dnf_studio.core.training.run_lines import marks_of

        told = self.reader.look(check)
        self.anew = told.anew
        if told.begun is not None and told.reports and (marks := marks_of(told.begun.get("marks"))):
            # Those of a run that was taken up from a file are nowhere else
            told.reports[0] = replace(told.reports[0], marks=(*marks, *told.reports[0].marks))
        if told.reports:
            self._last = [*self._last, *told.reports][-PACE:]
        if told.begun is not None:
            self._wanted = None
        if told.weights is not None:
            self._wanted = max(told.weights[0], self._wanted or 0)
        if told.begun is not None and told.ended is None:
            self.over = False
            self._shown = min(self._shown, int(told.begun.get("iteration") or 0))
        reader, last = self.reader, self._last[-1] if self._last else None
        if told.ended is not None:
            ended = str(told.ended.get("how"))[:20]
        else:
            ended = "" if told.begun is not None else self.news.ended
        stale = reader.stale and not ended
        rate = self._rate()
        self.news = News(
            iteration=last.iteration if last else self._shown,
            steps=last.steps if last else 0,
            rate=None if stale or ended else rate,
            left=None if stale or ended or last is None else self._left(last, rate),
            quiet=reader.quiet,
            usual=reader.usual,
            stale=stale,
            gone=stale and reader.left,
            ended=ended,
        )
        return replace(self.news, reports=told.reports, snapshot=self._newer(), kept=self._snapshots())

    def _newer(self) -> tuple[Snapshot, Checkpoint] | None:
        """Weights that the record told of and that are not shown yet; where they are gone, those after them come."""
        from dnf_studio.core.storage.run_folder import newest_checkpoint
        from dnf_studio.workers.snapshot import Snapshot

        if self._wanted is None or self._wanted <= self._shown or time.monotonic() < self._again:
            return None
        # Of another machine the record comes sooner than the weights that it tells of
        self._again = time.monotonic() + AGAIN
        try:
            _, checkpoint = newest_checkpoint(self.folder)
        except CheckpointError:
            return None
        if checkpoint.iteration <= self._shown:
            return None
        self._shown, self._again = checkpoint.iteration, 0.0
        return Snapshot.of_checkpoint(checkpoint), checkpoint

    def _snapshots(self) -> tuple[KeptWeights, ...] | None:
        from dnf_studio.core.storage.run_folder import snapshot_files
        from dnf_studio.core.storage.snapshots import KeptWeights

        if time.monotonic() < self._listed + LISTED_EVERY:
            return None
        self._listed = time.monotonic()
        found = {int(path.stem): path for path in snapshot_files(self.folder)}
        if found.keys() == self._known.keys():
            return None
        # Each stays the same object, by which it is known whether it is shown
        self._known = {k: self._known.get(k) or KeptWeights(k, 0, file=path) for k, path in found.items()}
        return tuple(self._known.values())

    def _opened(self, checkpoint: Checkpoint) -> Opened:
        from dnf_studio.gui.workspace.opening import show_checkpoint

        found = show_checkpoint(checkpoint, self.title, None)
        source = "" if self._pulled else str(self.folder.absolute())
        return replace(found, source=source, kind="run", held=HELD.format(self.title))

    def _rate(self) -> float | None:
        first, last = (self._last[0], self._last[-1]) if len(self._last) > 1 else (None, None)
        if first is None or last is None or not last.seconds > first.seconds:
            return None
        return (last.iteration - first.iteration) / (last.seconds - first.seconds)

    def _left(self, last: StepReport, rate: float | None) -> float | None:
        training = self.config.training
        if training.seconds is not None:
            return max(0.0, training.seconds - last.seconds)
        return (training.iterations - last.iteration) / rate if rate else None


def followed(folder: Path, title: str, check: Check, puller: Puller | None = None) -> Iterator[Joined | News]:
    """What comes of the run in `folder`, for as long as anybody wants it; with a `puller` it is of another machine.

    Raises `CheckpointError` where it is no run, or one of a newer version. What cannot be read for a while is told.
    """
    try:
        yield from _followed(folder, title, check, puller)
    finally:
        if puller is not None:
            puller.close()


def _followed(folder: Path, title: str, check: Check, puller: Puller | None) -> Iterator[Joined | News]:
    from dnf_studio.core.storage.run_folder import is_run_folder, read_head

    one, joined = _Folder(folder, title, puller is not None), False
    while True:
        pulled = puller.pull(check) if puller is not None else ""
        try:
            if not joined:
                # What is not there yet of another machine's comes
                head = read_head(folder) if puller is None or is_run_folder(folder) else None
                first = one.begin(head) if head is not None else None
                if first is not None:
                    joined = True
                    yield first
            news = one.look(check) if joined else News()
            if one.anew:
                one, joined = _Folder(folder, title, puller is not None), False
                continue
            yield replace(news, pulled=pulled)
            if joined and news.ended and not one.over and (last := one.end()) is not None:
                yield last
        except CheckpointError as problem:
            if not joined:
                raise
            yield replace(one.news, trouble=str(problem), pulled=pulled)
        _wait(check)


def _wait(check: Check) -> None:
    until = time.monotonic() + POLL
    while time.monotonic() < until:
        check()
        time.sleep(WAKE)
