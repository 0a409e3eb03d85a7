"""The lines of a run's record: JSON objects that tell of iterations, of new weights, of its beginnings and its ends.

A line is whole where it ends in a line feed; what cannot be read, and events that are not known, are passed over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import numpy as np

from dnf_studio.core.training.record import Mark, Marks, StepReport

MOST_LINE = 1 << 20
"""Bytes of a line that is read; one that is longer is none of ours."""
MOST_RANKS = 4096
BEGIN, WEIGHTS, END = "begin", "weights", "end"


@dataclass
class Gathered:
    """What a line is to tell: the reports since the one before it."""

    over: int = 0
    last: StepReport | None = None
    marks: list[Mark] = field(default_factory=list)
    validation: float | None = None
    _losses: float = 0.0
    _ranks: tuple[float, ...] = ()

    def add(self, report: StepReport) -> None:
        """Take up one more."""
        self.over += 1
        self.last = report
        self._losses += report.loss
        same = len(self._ranks) == len(report.ranks)
        self._ranks = tuple(map(sum, zip(self._ranks, report.ranks, strict=True))) if same else report.ranks
        self.marks += report.marks
        self.validation = report.validation if report.validation is not None else self.validation

    def line(self, at: float) -> dict[str, Any]:
        """The line, as plain values; there has to be a report. `at` are the seconds since this sitting began."""
        assert self.last is not None
        last = self.last
        found: dict[str, Any] = {
            "iteration": last.iteration,
            "over": self.over,
            "loss": self._losses / self.over,
            "steps": last.steps,
            "learning_rate": last.learning_rate,
            "gradient_norm": last.gradient_norm,
            "seconds": round(last.seconds, 4),
            "at": round(at, 3),
        }
        others = {"validation": self.validation, "bend": last.bend}
        found |= {name: value for name, value in others.items() if value is not None}
        if self._ranks:
            found["ranks"] = [value / self.over for value in self._ranks]
        if self.marks:
            found["marks"] = [list(astuple(mark)) for mark in self.marks]
        return found


def line_bytes(values: Mapping[str, Any]) -> bytes:
    """A line with its end; numbers have nine digits, as single precision needs, and those that JSON lacks are null."""
    return json.dumps({name: _plain(value) for name, value in values.items()}, separators=(",", ":")).encode() + b"\n"


def read_line(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it cannot be read."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def report_of(values: Mapping[str, Any]) -> StepReport | None:
    """What a line says of iterations, as the report on the last of them with the mean of their losses; else None."""
    try:
        iteration, loss = int(values["iteration"]), float(values["loss"])
        if "event" in values or not 0 < iteration < 2**53 or not math.isfinite(loss):
            return None
        steps = int(values.get("steps") or 0)
        ranks = tuple(map(float, values.get("ranks") or ()))
        return StepReport(
            iteration=iteration,
            loss=loss,
            steps=steps if 0 <= steps <= 10_000 else 0,
            disagreement=_NONE,
            learning_rate=_number(values.get("learning_rate")),
            gradient_norm=_number(values.get("gradient_norm")),
            seconds=_number(values.get("seconds")),
            marks=marks_of(values.get("marks")),
            validation=_some(values.get("validation")),
            bend=_some(values.get("bend")),
            ranks=ranks if len(ranks) <= MOST_RANKS and all(map(math.isfinite, ranks)) else (),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def marks_of(rows: object) -> tuple[Mark, ...]:
    """The marks of a line; anything else has none."""
    return Marks.from_dict({"marks": rows, "steps": None}).all if isinstance(rows, Sequence) and rows else ()


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _some(value: object) -> float | None:
    found = _number(value)
    return found if math.isfinite(found) else None


_NONE = np.empty(0, np.float32)
