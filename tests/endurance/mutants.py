"""Files with something wrong in them, and what the studio makes of each: a process that may die of it.

``python -m tests.endurance.mutants FORMAT FOLDER FIRST COUNT`` reads the mutants FIRST … FIRST + COUNT − 1, which their
numbers fix, and writes a line of JSON before and after each. `test_mutants.py` starts it, and starts it anew behind a
mutant that it died of.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import signal
import struct
import sys
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dnf_studio.errors import StudioError
from tests.endurance import seeds

MOST_SECONDS = 2.0
"""Of the processor, that one mutant may take."""
MOST_MEMORY = 100 << 20
"""Bytes beyond four times those of the honest file."""
NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 65536, 2**31 - 1, -(2**31), 2**32 - 1, 2**62, 2**63 - 1)
Mutation = Callable[[bytes, random.Random], bytes]


def mutated(raw: bytes, chance: random.Random) -> bytes:
    """`raw` after a few changes of all kinds; mostly small ones, which leave the rest to be understood."""
    content = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(max(1, len(content)))
        # What is said of the data stands at the beginning or at the end
        at = chance.choice((at, min(at, chance.randrange(256)), max(0, len(content) - 1 - chance.randrange(256))))
        size = chance.choice((1, 2, 4, 8, 64, 1000))
        match chance.randrange(9):
            case 0 if content:
                content[at % len(content)] ^= 1 << chance.randrange(8)
            case 1:
                content[at : at + 1] = bytes([chance.randrange(256)])
            case 2 | 3:
                width, order = chance.choice((1, 2, 4, 8)), chance.choice(("little", "big"))
                value = chance.choice(NUMBERS) % (1 << 8 * width)
                content[at : at + width] = value.to_bytes(width, order)  # type: ignore[arg-type]
            case 4:
                del content[at : at + size]
            case 5:
                content[at:at] = content[at : at + size]
            case 6:
                content[at:at] = chance.randbytes(size)
            case 7:
                other = chance.randrange(max(1, len(content)))
                content[at : at + size] = content[other : other + size]
            case _:
                if chance.random() < 0.2:
                    del content[at:]
                else:
                    content[at : at + size] = bytes(size)
    return bytes(content)


def in_archive(raw: bytes, chance: random.Random) -> bytes:
    """A mutant of an archive, or a sound archive with a mutant in it."""
    if chance.random() < 0.3:
        return mutated(raw, chance)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        chosen = chance.choice(names)
        for name in names:
            content = old.read(name)
            new.writestr(name, mutated(content, chance) if name == chosen else content)
    return made.getvalue()


def in_chunks(raw: bytes, chance: random.Random) -> bytes:
    """A mutant of a PNG whose checksums are right."""
    if chance.random() < 0.2:
        return mutated(raw, chance)
    at, made = 8, bytearray(raw[:8])
    while at < len(raw):
        size = struct.unpack(">I", raw[at : at + 4])[0]
        body = raw[at + 4 : at + 8 + size]
        if chance.random() < 0.4:
            body = body[:4] + mutated(body[4:], chance)
        made += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + size
    return bytes(made)


def in_header(raw: bytes, chance: random.Random) -> bytes:
    """A mutant of a safetensors file, mostly of its metadata, with a sum that fits."""
    from dnf_studio.core.storage.metadata import metadata_sum

    if chance.random() < 0.3:
        return mutated(raw, chance)
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    metadata = header["__metadata__"]
    name = chance.choice([key for key in metadata if key != "metadata_sha256"])
    honest = metadata[name]
    metadata[name] = mutated(honest.encode(), chance).decode(errors="replace")
    if chance.random() < 0.6:
        try:
            metadata[name] = json.dumps(_changed(json.loads(honest), chance))
        except ValueError:  # a plain word
            metadata[name] = honest[chance.randrange(len(honest) + 1) :]
    metadata["metadata_sha256"] = metadata_sum(metadata)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + raw[8 + length :]


def in_values(raw: bytes, chance: random.Random) -> bytes:
    """A mutant of JSON: of its text, or of one of its values."""
    if chance.random() < 0.4:
        return mutated(raw, chance)
    return json.dumps(_changed(json.loads(raw), chance)).encode()


def _changed(value: object, chance: random.Random) -> object:
    """`value` with something else in the place of one of the values within it."""
    if isinstance(value, dict) and value and chance.random() < 0.95:
        key = chance.choice(list(value))
        return {**value, key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        at = chance.randrange(len(value))
        return [*value[:at], _changed(value[at], chance), *value[at + 1 :]]
    others = (None, True, "", "x", -1, 0, 0.5, 1e308, -1e308, 10**30, 2**63, [], {}, [[]] * 9, {"a": {}}, "9" * 400)
    return chance.choice(others)


MUTATIONS: dict[str, Mutation] = {
    "npz": in_archive,
    "xlsx": in_archive,
    "pt": in_archive,
    "png": in_chunks,
    "safetensors": in_header,
    "json": in_values,
}


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    what: str
    """``read``, ``refused``, or what was wrong with how it was answered."""
    seconds: float
    memory: int
    told: str = ""


def outcome(read: Callable[[Path], None], path: Path, honest: int) -> Outcome:
    """Read the mutant at `path`, of a file of `honest` bytes when it is read."""
    before, start = _peak(reset=True), _seconds()
    what, told = "read", ""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        # What Python's own reader of pickles says of an escape sequence it does not know
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="pickletools")
        try:
            read(path)
        except StudioError as error:
            what, told = "refused", str(error)
            if not told.endswith((".", "?")) or "\n" in told or len(told) > 1000:
                what = "no sentence"
        except Exception:
            what, told = "uncaught", traceback.format_exc()
    seconds, memory = _seconds() - start, _peak() - before
    if what in ("read", "refused") and warned:
        what, told = "warning", f"{warned[0].filename}:{warned[0].lineno}: {warned[0].message}"
    if what in ("read", "refused") and seconds > MOST_SECONDS:
        what = "slow"
    if what in ("read", "refused") and memory > 4 * honest + MOST_MEMORY:
        what = "large"
    return Outcome(what, seconds, memory, told[-3000:])


def _seconds() -> float:
    """Those of the processor that this process took, and those that it started."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak(reset: bool = False) -> int:
    """The most memory that this process had since the last reset, bytes; what it has now where that is not known."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


def main(kind: str, folder: Path, first: int, count: int) -> None:
    """Read these mutants; one that takes more than twice `MOST_SECONDS` ends the process."""
    form = seeds.FORMATS[kind]
    honest = form.make(folder)
    mutate = MUTATIONS.get(kind, mutated)
    for path in honest:
        with suppress(StudioError):  # of a table with text something has to be chosen
            form.read(path)
    contents = [path.read_bytes() for path in honest]
    for number in range(first, first + count):
        chance = random.Random(f"{kind} {number}")
        chosen = chance.randrange(len(honest))
        path = folder / f"mutant-{number}{form.suffix}"
        path.write_bytes(mutate(contents[chosen], chance))
        print(json.dumps({"start": number}), flush=True)
        signal.setitimer(signal.ITIMER_PROF, 2 * MOST_SECONDS)
        found = outcome(form.read, path, len(contents[chosen]))
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(json.dumps({"end": number, **vars(found)}), flush=True)
        if found.what in ("read", "refused"):
            path.unlink()
    print(json.dumps({"done": True}), flush=True)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
