"""What changed while a run went on: settings that were changed, and the stages of progressive training."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any

from dnf_studio.config import Config, flatten
from dnf_studio.config.grids import grid_label

__all__ = ["STAGE", "Mark", "Marks"]

STAGE = "stage"
"""Name of a mark for an N that the run itself goes on to."""
MOST_MARKS = 1000
Value = bool | int | float | str | None


@dataclass(frozen=True)
class Mark:
    """From iteration `iteration` + 1 on, `name` is `after` and no longer `before`."""

    iteration: int
    name: str
    """A dotted setting such as ``sde.steps``, or `STAGE` for the N of progressive training."""
    before: Value
    after: Value


class Marks:
    """The marks of a run in order, the newest 1,000 of them."""

    def __init__(self, marks: Iterable[Mark] = (), steps: int | None = None) -> None:
        self._marks = list(marks)
        self._steps = steps
        self._fresh: list[Mark] = []

    @property
    def all(self) -> tuple[Mark, ...]:
        """Every mark so far."""
        return tuple(self._marks)

    def change(self, iteration: int, before: Config, after: Config) -> None:
        """Note what differs between two settings; two changes of one setting at one iteration are one mark."""
        old, new = flatten(before.model_dump()), flatten(after.model_dump())
        for name in new:
            if old[name] != new[name]:
                self._put(Mark(iteration, name, _short(old[name]), _short(new[name])))

    def step(self, iteration: int, steps: int) -> tuple[Mark, ...]:
        """Note that the next iteration has N = `steps`; returns the marks since the last call.

        An N that follows from a change of ``sde.steps`` made just now is no stage of its own.
        """
        told = any(mark.name == "sde.steps" for mark in self._fresh)
        if self._steps not in (None, steps) and not told:
            self._put(Mark(iteration, STAGE, self._steps, steps))
        self._steps = steps
        fresh, self._fresh = tuple(self._fresh), []
        return fresh

    def as_dict(self) -> dict[str, object]:
        """For the JSON of a checkpoint."""
        return {"steps": self._steps, "marks": [list(astuple(mark)) for mark in self._marks]}

    @classmethod
    def from_dict(cls, values: object) -> Marks:
        """Read what `as_dict` gave; anything else has no marks."""
        try:
            rows, steps = values["marks"], values["steps"]  # type: ignore[index]
            marks = [Mark(int(row[0]), str(row[1]), _plain(row[2]), _plain(row[3])) for row in rows]
            return cls(marks[-MOST_MARKS:], None if steps is None else int(steps))
        except (TypeError, ValueError, KeyError, IndexError, OverflowError):
            return cls()

    def _put(self, mark: Mark) -> None:
        for marks in (self._marks, self._fresh):
            for earlier in marks[-10:]:
                if (earlier.iteration, earlier.name) == (mark.iteration, mark.name):
                    marks.remove(earlier)
                    mark = Mark(mark.iteration, mark.name, earlier.before, mark.after)
                    break
            if mark.before != mark.after:
                marks.append(mark)
            del marks[:-MOST_MARKS]


def _short(value: Any) -> Value:  # noqa: ANN401 - any setting
    """A grid of one's own in words, for its nodes would fill the plot."""
    return grid_label(value) if isinstance(value, tuple) else value


def _plain(value: object) -> Value:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError("not a plain value")
