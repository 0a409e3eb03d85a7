"""A thread of Python's own for work that a QThread looks after."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

__all__ = ["run_in_python_thread"]


def run_in_python_thread(work: Callable[[], None], name: str) -> None:
    """Call `work()` in a thread made by Python, wait for it, and raise what it raised.

    A `QThread` is made by Qt. When one ends under Python 3.11, tensors that lie in a
    `threading.local` are freed while its thread state is being deleted; their destructor takes and
    releases that state again, which deletes it twice and kills the process. Threads made by Python
    free their locals earlier, and Python 3.12 counts correctly.
    """
    problems: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as problem:
            problems.append(problem)

    thread = Thread(target=guarded, name=name, daemon=True)
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
