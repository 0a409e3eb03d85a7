from __future__ import annotations

import threading

import numpy as np

from dnf_studio.core.training.record import StepReport
from dnf_studio.workers.mailbox import Mailbox, ReportLog


def report(iteration: int) -> StepReport:
    return StepReport(iteration, 1.0, 3, np.zeros(3, np.float32), 0.01, 1.0, 0.0)


def test_newest_wins_and_taking_empties() -> None:
    box: Mailbox[int] = Mailbox()
    assert box.take() is None
    box.put(1)
    box.put(2)
    assert box.take() == 2
    assert box.take() is None


def test_no_report_is_lost_or_out_of_order_between_threads() -> None:
    log, taken = ReportLog(), []
    writer = threading.Thread(target=lambda: [log.append(report(i)) for i in range(20_000)])
    writer.start()
    while writer.is_alive():
        taken += log.take()
    writer.join()
    taken += log.take()
    assert [r.iteration for r in taken] == list(range(20_000))
    assert log.take() == []
