"""A program that looks into an HDF5 file in a process of its own, which `hdf5_process` starts.

For the library dies of files that are wrong, hangs in them, or gives out what lies in memory beside a chunk that is too
short. ``python hdf5_program.py FILE`` answers a line of JSON to each line of JSON that it is asked; numbers follow as
bytes. It takes no more of the processor's time than it is told, and no more memory than such a file can need.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

if TYPE_CHECKING:
    from dnf_studio.core.data import hdf5_contents
else:
    # Without the packages that it lies in, which take longer to import than all else
    _found = spec_from_file_location("hdf5_contents", os.path.join(os.path.dirname(__file__), "hdf5_contents.py"))
    hdf5_contents = module_from_spec(_found)
    _found.loader.exec_module(hdf5_contents)

MEMORY = 256 << 20
"""Bytes that this process may take besides what a file and its chunks need."""
Object = Any
"""h5py has no types."""


class _Limits:
    """Limits of the time and memory of this process, where the system has them."""

    def __init__(self, path: str) -> None:
        self._size = os.path.getsize(path)
        self._resource: Any = None
        if sys.platform == "win32":
            return
        import resource

        self._resource = resource
        for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
            resource.setrlimit(kind, (0, resource.getrlimit(kind)[1]))

    def renew(self, seconds: int, held: int = 0) -> None:
        """From now on so many seconds of the processor, and memory to hold so many bytes."""
        if self._resource is None:
            return
        used = math.ceil(time.process_time()) + seconds
        self._set(self._resource.RLIMIT_CPU, used)
        if sys.platform != "linux":
            return
        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * self._resource.getpagesize()
        self._set(self._resource.RLIMIT_AS, taken + MEMORY + 8 * min(self._size, MEMORY) + held)

    def _set(self, kind: int, value: int) -> None:
        most = self._resource.getrlimit(kind)[1]
        if most != self._resource.RLIM_INFINITY:
            value = min(value, most)
        self._resource.setrlimit(kind, (value, most))


def _answers(file: Object, asked: dict[str, Any], limits: _Limits) -> Iterator[Any]:
    """What is answered: an object, and after one that says how many bytes follow, these."""
    if asked["what"] == "objects":
        found, places = hdf5_contents.objects(file)
        yield {"attributes": hdf5_contents.attributes(file), "objects": found, "bytes": places.nbytes}
        yield np.ascontiguousarray(places)
    else:
        dataset = file[asked["name"]]
        start, stop = asked["start"], asked["stop"]
        if dataset.chunks is not None:
            limits.renew(
                asked["seconds"], 4 * math.prod((dataset.chunks[0], *dataset.shape[1:])) * dataset.dtype.itemsize
            )
        parts = hdf5_contents.blocks(dataset, start, stop)
        first = next(parts)
        yield {"bytes": (stop - start) * (first.nbytes // len(first))}
        yield first
        yield from parts


def main(path: str) -> None:
    """Answer what is asked of the file until nobody asks any more."""
    assert sys.stdout is not None and sys.stdin is not None
    limits, out = _Limits(path), sys.stdout.buffer

    def say(answer: Any) -> None:  # noqa: ANN401 - JSON or an array
        if not isinstance(answer, np.ndarray):
            out.write(json.dumps(answer).encode() + b"\n")
        elif answer.size:
            out.write(answer.data.cast("B"))

    try:
        limits.renew(1)
        with h5py.File(path, "r", locking="best-effort") as file:
            for line in sys.stdin:
                asked = json.loads(line)
                limits.renew(asked["seconds"])
                for answer in _answers(file, asked, limits):
                    say(answer)
                out.flush()
    except BlockingIOError:
        say({"fault": "busy"})
    except PermissionError:
        say({"fault": "denied"})
    except Exception as problem:  # whatever h5py makes of what is wrong
        say({"fault": str(problem)[:200]})
    out.flush()
    # The library may die of what is left of the file when it closes it
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
