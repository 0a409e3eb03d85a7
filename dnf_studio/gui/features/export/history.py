"""The exports of this and earlier sessions, the newest first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from dnf_studio.gui.workspace.memory import Memory

__all__ = ["KEPT", "ExportHistory", "ExportRecord"]

KEPT = 20
NAME = "exports"
MOST = 10**18
"""Greatest number that a record can hold."""


@dataclass(frozen=True)
class ExportRecord:
    """One file that was written."""

    path: str
    count: int
    steps: int
    lam: float
    size: int = 0
    """Bytes."""
    created: str = ""
    """ISO 8601."""
    selected: bool = False
    """Whether it holds selected points rather than new samples."""
    solver: str = "SDE"
    """Its name; λ belongs to the SDE alone."""
    far: int = 0
    """Samples far from the data; 0 also where that is not known."""

    def in_place(self, size: int, now: datetime) -> ExportRecord:
        """The record of the file once it is there."""
        return replace(self, size=size, created=now.isoformat(timespec="seconds"))


class ExportHistory:
    """The last 20 exports in the memory of the window; what cannot be read of them is left out."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    @property
    def records(self) -> tuple[ExportRecord, ...]:
        """The newest first, each file once."""
        return self._memory.get(NAME, _records, ())

    def add(self, record: ExportRecord) -> None:
        """Put `record` first, in the place of an older one of the same file."""
        self._keep((record, *(other for other in self.records if other.path != record.path)))

    def remove(self, path: str) -> None:
        """Forget the file at `path`, which stays where it is."""
        self._keep(tuple(record for record in self.records if record.path != path))

    def _keep(self, records: tuple[ExportRecord, ...]) -> None:
        self._memory.put(NAME, [asdict(record) for record in records[:KEPT]])


def _records(found: list[Any]) -> tuple[ExportRecord, ...]:
    return tuple(ExportRecord(**item) for item in found if _is_record(item))[:KEPT]


def _is_record(item: Any) -> bool:  # noqa: ANN401 - whatever the memory holds
    # An older program wrote neither of these
    later = {"solver", "far"}
    if not isinstance(item, dict) or item.keys() | later != {field.name for field in fields(ExportRecord)}:
        return False
    texts = item["path"], item["created"], item.get("solver", "")
    numbers = item["count"], item["steps"], item["lam"], item["size"], item.get("far", 0)
    return all(isinstance(text, str) for text in texts) and all(map(_is_number, numbers))


def _is_number(value: object) -> bool:
    """A number that can be shown: JSON also has NaN, infinity and integers of any length."""
    return isinstance(value, int | float) and -MOST <= value <= MOST
