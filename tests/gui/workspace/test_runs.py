"""What is kept of runs that were discarded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QApplication

from dnf_studio.config import Config
from dnf_studio.core.data.catalogue import open_configured
from dnf_studio.core.storage.snapshots import KeptWeights
from dnf_studio.core.training.diagnosis import LossWatch
from dnf_studio.core.training.run import Run
from dnf_studio.gui.workspace import opening
from dnf_studio.gui.workspace.runs import DISCARDED_BYTES, EARLIER_BYTES, MOST_DISCARDED, DiscardedRun, StudioRuns

TINY = Config().changed({"sde.steps": 2, "network.channels": 4, "network.layers": 1, "training.batch": 4})
MEGABYTE = 1_000_000


def test_runs_that_were_discarded_before_the_last_one_keep_fewer_snapshots(qapp: QApplication) -> None:
    runs, dataset, opened = StudioRuns(), open_configured(TINY), opening.untrained(TINY)
    kept = tuple(KeptWeights(k, MEGABYTE, file=Path(f"{k}.safetensors")) for k in range(100))
    state = replace(Run(TINY, dataset).state(), iteration=99, snapshots=kept)
    for _ in range(MOST_DISCARDED + 1):
        runs._keep(DiscardedRun(state, dataset, opened))
    sizes = [sum(each.bytes for each in lost.state.snapshots or ()) for lost in runs._discarded]
    assert len(sizes) == MOST_DISCARDED and 3 * MEGABYTE < sizes[-1] <= DISCARDED_BYTES
    assert all(MEGABYTE < size <= EARLIER_BYTES for size in sizes[:-1])
    assert runs.discarded is not None and runs.discarded.state.weights is state.weights
    # Beside those a run has weights of a little earlier, which are kept where the newest are on their way to nowhere
    diverging = DiscardedRun(replace(state, watch=LossWatch(far=2)), dataset, opened).thinned(EARLIER_BYTES)
    assert runs.discarded.state.good is None and diverging.state.good is state.good is not None
    runs.background.close()
