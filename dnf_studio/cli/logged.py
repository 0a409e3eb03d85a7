"""The folder that ``train --log`` logs a run in: whose it is, where the run is saved, and that its end is told."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dnf_studio.core.ranks import restarts, under_torchrun
from dnf_studio.core.storage.run_folder import HEAD, RECORD, check_new, checkpoint_file, is_run_folder, read_head
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.errors import CheckpointError, SettingError
from dnf_studio.progress import note

if TYPE_CHECKING:
    from dnf_studio.core.training.run import Run
    from dnf_studio.core.training.run_log import RunLog
NOWHERE = "Say where the run is saved: -o FILE, or --log RUN/ for a folder that can be watched while it trains."


class Logged:
    """A run that is logged in a folder, or where there is none only saved to a file.

    Within it the folder is this process's. A `resume` that is the folder of a run is gone on with, in it unless `log`
    names another one. Raises `SettingError` where the run would be saved nowhere.
    """

    def __init__(self, output: Path | None, log: Path | None, resume: Path | None, writes: bool = True) -> None:
        """Only that one of several ranks which `writes` has the folder."""
        goes_on = resume is not None and is_run_folder(resume)
        self.folder = resume if log is None and goes_on else log
        same = goes_on and self.folder is not None and os.path.realpath(self.folder) == os.path.realpath(str(resume))
        self._new, self._writes = not same, writes
        self._lock: RunLock | None = None
        self._log: RunLog | None = None
        self.resume = checkpoint_file(resume) if goes_on and resume is not None else resume
        if output is None and self.folder is None:
            raise SettingError(NOWHERE)
        self.own = output is None
        """Whether the run is saved in its folder alone."""
        self.output = output or checkpoint_file(self.folder or Path())
        self.kept_at = self.output if self.folder is None else checkpoint_file(self.folder)
        """The file beside which states of the run are kept."""

    def __enter__(self) -> Self:
        if self.folder is not None and self._writes:
            self._check(self.folder)
            self._lock = RunLock.take(self.folder, note)
            try:
                self._check(self.folder)
            except CheckpointError:
                self._lock.release()
                raise
        return self

    def _check(self, folder: Path) -> None:
        """Raise `CheckpointError` where there is no run to go on with, or where a new one cannot begin."""
        if not self._new:
            read_head(folder)
            self._check_resumable()
        elif not _is_started_again(folder):
            check_new(folder)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._log is not None:
            stopped = isinstance(error, KeyboardInterrupt)
            self._log.end("done" if error is None else "stopped" if stopped else "failed")
        elif self._lock is not None:
            self._lock.release(nothing_logged=True)

    def begin(self, run: Run, sinks: Sequence[str] = ()) -> RunLog | None:
        """Begin to log `run`, and to hand its record on to `sinks`; None where there is no folder."""
        from dnf_studio.core.training.run_log import RunLog
        from dnf_studio.core.training.run_sinks import make_sinks

        if self.folder is None and sinks:
            raise SettingError("--sink hands on the record of a run; give it a folder with --log RUN/.")
        if self._lock is None:
            return None
        before = read_head(self._lock.folder)
        if self._new and before is not None and before.settings != json.loads(json.dumps(run.config.model_dump())):
            raise CheckpointError(f"'{self.folder}' holds a run with other settings; name another folder.")
        self._log = RunLog(self._lock, run, make_sinks(sinks, self._lock.folder, run.config.model_dump()))
        return self._log

    def keep_snapshots(self, run: Run, wanted: bool | None, weights: bool) -> bool:
        """Let `run` keep snapshots where its folder or its file is to have them; whether the file is.

        They are `wanted` or not, and where nothing is said in every folder, and beside a file where the run has some.
        With `weights` a file has none.
        """
        beside = not weights and (bool(run.snapshots.all) if wanted is None else wanted)
        logged = self.folder is not None and wanted is not False
        run.snapshots.keep((beside or logged) and self._writes)
        return logged if self.own else beside

    def _check_resumable(self) -> None:
        """Raise `CheckpointError` where the folder that is gone on with keeps no state of the run."""
        from dnf_studio.core.storage.autosave import Place

        if self.resume is None:
            return
        place = Place.beside(self.resume)
        if not any(os.path.exists(path) for path in (self.resume, place.newest, place.older)):
            raise CheckpointError(
                f"The run '{self.folder}' ended before its state was kept for the first time, after 20 seconds, so it "
                "cannot be gone on with; begin anew in another folder."
            )


def _is_started_again(folder: Path) -> bool:
    """Whether torchrun, or a cluster, has started the ranks of the run in `folder` again, which has not ended."""
    if not under_torchrun() or not os.path.exists(folder / HEAD):
        return False
    return restarts() > 0 or not _is_done(folder)


def _is_done(folder: Path) -> bool:
    """Whether the record ends with the end of its training."""
    from dnf_studio.core.training.run_lines import END, MOST_LINE, read_line

    try:
        with (folder / RECORD).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - MOST_LINE))
            last = read_line(file.read().rstrip().rpartition(b"\n")[2]) or {}
    except OSError:
        return False
    return last.get("event") == END and last.get("how") == "done"
