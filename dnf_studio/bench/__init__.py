"""How fast this machine is at what the studio does, each number beside a reference run in turn.

A topic is a module of this package with ``rows(sizes)``, an iterator of `Row`, and its two sizes,
``FULL`` and ``QUICK``. What is measured and its reference run one after the other, again and
again, so that another program on the machine hits both alike. `ratio` is how many times better
than the reference; two topics measure a cost, where the best is 1:

- memory: the peak at N = 30 over the peak at a large N, so 1 where memory does not grow with N;
- export: sampling alone over sampling and writing, so 1 where writing costs nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from importlib import import_module

from dnf_studio.errors import SettingError, UnknownNameError

PLAIN = "the plain loop of the paper, on one thread or on two, whichever is faster"
TOPICS = {
    "training": PLAIN,
    "memory": "the same step at N = 30",
    "sampling": PLAIN,
    "export": "the same sampling without a file",
    "startup": 'python -c "import torch, PySide6"',
    "drawing": "one ScatterPlotItem and two PlotCurveItems of pyqtgraph, drawn into the same picture",
    "explorer": f"{PLAIN}, for as many paths from nothing",
    "gpu": "the plain loop of the paper on the same GPU, or the step without a CUDA graph",
}
"""Each topic and what its reference is."""


@dataclass(frozen=True)
class Row:
    """What was measured, what its reference gave in the same minute, and how many times better it is."""

    name: str
    value: float
    unit: str
    reference: float
    """The reference's value, in `unit` too."""
    ratio: float
    """Above 1 is better than the reference."""


def less(name: str, value: float, unit: str, reference: float) -> Row:
    """A row of which less is better."""
    return Row(name, value, unit, reference, reference / value)


def more(name: str, value: float, unit: str, reference: float) -> Row:
    """A row of which more is better."""
    return Row(name, value, unit, reference, value / reference)


def check_topics(names: Iterable[str]) -> tuple[str, ...]:
    """`names` in the order in which topics are measured, or all; raises `SettingError` for one that is none."""
    chosen = tuple(names)
    for name in chosen:
        if name not in TOPICS:
            raise SettingError(str(UnknownNameError("topic", name, TOPICS)))
    return tuple(topic for topic in TOPICS if not chosen or topic in chosen)


def measure(topic: str, quick: bool = False) -> Generator[Row, None, None]:
    """The rows of one topic as they come; `quick` measures less and shorter.

    Raises `SetupError` where this machine lacks what it takes.
    """
    module = import_module(f"{__name__}.{topic}")
    yield from module.rows(module.QUICK if quick else module.FULL)
