"""Shards of an export: files of whole seed blocks, each an export by itself, and a file that shows them as one.

Which rows a shard has depends on the number of samples alone, never on who draws them, so that any number of ranks goes
on where any other ended. A file that shows shards as one holds HDF5 virtual data sets. libhdf5 fills in what it does
not find and says nothing, and follows any path: here a shard is a plain file beside the one that names it, of the size
it was written with, or the export is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dnf_studio.core.files import explain
from dnf_studio.core.sampling.blocks import BLOCK
from dnf_studio.errors import ExportError

MOST_SHARDS = 128
"""A shard has one block of 65,536 samples, and more where there would be more shards than these."""
MOST_LISTED = 4096
"""Shards that are read of a file, which may come from a program with another limit."""
NAME = re.compile(r"[^./\\:%\x00-\x1f][^/\\:%\x00-\x1f]*\.(?P<export>[0-9a-f]{8})-\d{3,4}-of-\d{3,4}\.h5")
"""Letters that lead to no other folder, drive or, as the percent sign for libhdf5, to a name with a number in it."""
FILL = {"f": float("nan"), "i": -1}
"""What libhdf5 gives for rows of a shard that is gone, by the kind of number; never zeros, which could be samples."""


@dataclass(frozen=True)
class Shard:
    """Some rows of an export, and the file that has them."""

    name: str
    """That of a file in the folder of the export."""
    first: int
    """Number of its first row."""
    rows: int
    bytes: int = 0
    """The size of the file; 0 before it is written."""

    @property
    def stop(self) -> int:
        """The number after that of its last row."""
        return self.first + self.rows


def export_id(asked: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits for all that the rows of an export depend on (`asked_of`): shards of the same name have
    the same rows."""
    return hashlib.sha256(json.dumps(asked, sort_keys=True, allow_nan=False).encode()).hexdigest()[:8]


def shards_of(target: Path, count: int, export: str) -> tuple[Shard, ...]:
    """The shards of an export of `count` samples to `target`, in whole blocks of 65,536, the last one with the rest."""
    blocks = -(-count // BLOCK)
    size = -(-blocks // MOST_SHARDS) * BLOCK
    starts = range(0, count, size)
    stem = stem_of(target)
    return tuple(
        Shard(f"{stem}.{export}-{k:03}-of-{len(starts):03}.h5", start, min(size, count - start))
        for k, start in enumerate(starts, start=1)
    )


def stem_of(target: Path) -> str:
    """What the names of the shards of `target` begin with: as much of its own as leaves room for that of a partial file
    within 255 bytes."""
    stem = re.sub(r"[\\:%\x00-\x1f]", "_", target.name.removesuffix(".h5")).lstrip(".") or "export"
    return stem.encode(errors="ignore")[:180].decode(errors="ignore")


def listed(shards: Sequence[Shard]) -> str:
    """The JSON text ``provenance/shards`` of the file that shows `shards` as one."""
    return json.dumps({"files": [asdict(one) for one in shards]}, ensure_ascii=False)


def read_list(value: Any, count: int) -> tuple[Shard, ...]:  # noqa: ANN401 - any JSON value
    """The shards of an export of `count` samples as `listed` wrote them; raises ValueError for anything else."""
    files = value["files"]
    if not isinstance(files, list) or not 1 <= len(files) <= MOST_LISTED:
        raise ValueError("no list of shards")
    shards, row = [], 0
    for one in files:
        shard = Shard(*(one[key] for key in ("name", "first", "rows", "bytes")))
        numbers = (shard.first, shard.rows, shard.bytes)
        if not isinstance(shard.name, str) or not all(type(number) is int for number in numbers):
            raise ValueError("no shard")
        if not NAME.fullmatch(shard.name) or len(os.fsencode(shard.name)) > 255:
            raise ValueError("a shard that is not beside its export")
        if shard.first != row or shard.rows < 1 or row % BLOCK or shard.bytes < 1:
            raise ValueError("shards with other rows than the export")
        shards.append(shard)
        row = shard.stop
    if row != count or len({shard.name for shard in shards}) != len(shards):
        raise ValueError("shards with other rows than the export")
    return tuple(shards)


def check_sources(name: str, facts: Mapping[str, Any], shards: Sequence[Shard]) -> None:
    """Raise ValueError unless the virtual data set `name` shows all rows of `shards` and nothing else."""
    expected = [[shard.name, name, shard.first, shard.stop] for shard in shards]
    if facts.get("sources") != expected:
        raise ValueError(f"{name} shows other files than the shards")


def check_beside(path: Path, shards: Sequence[Shard]) -> None:
    """Raise `ExportError` unless all `shards` of the export at `path` are plain files beside it, of their sizes."""
    missing = [shard.name for shard in shards if not os.path.lexists(path.parent / shard.name)]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ExportError(
            f"The export '{path}' has its samples in shards beside it, and '{missing[0]}'{more} is not there; put it "
            "back, or draw the export again."
        )
    for shard in shards:
        place = path.parent / shard.name
        try:
            found = place.lstat()
        except OSError as problem:
            raise ExportError(f"Cannot read '{place}': {explain(problem)}.") from problem
        if not stat.S_ISREG(found.st_mode):
            raise ExportError(f"The shard '{place}' is no plain file; put the one that was written in its place.")
        if found.st_size != shard.bytes:
            raise ExportError(
                f"The shard '{place}' has {found.st_size:,} bytes and was written with {shard.bytes:,}; put the one "
                "that was written in its place, or draw the export again."
            )
