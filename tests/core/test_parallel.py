"""Work on threads: in order, once, by whoever comes first."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
import time

import pytest

from dnf_studio.core.parallel import BlockPool, Deferred, equal_slices
from dnf_studio.errors import Cancelled, check_interrupt, interrupted_when


@pytest.mark.parametrize("threads", [1, 3])
def test_a_pool_maps_in_order_and_leaves_work_for_later(threads: int) -> None:
    with BlockPool(threads) as pool:

        def block(number: int) -> int:
            squares = [pool.later(lambda k=k: (k, k * k), urgent=k % 2 == 0) for k in range(number)]
            assert [work.result()[0] for work in squares] == list(range(number))
            return sum(work.result()[1] for work in squares)

        assert pool.map(block, range(20)) == [sum(k * k for k in range(n)) for n in range(20)]


def test_ctrl_c_waits_for_no_block() -> None:
    begun, go = threading.Event(), threading.Event()

    def long(_: int) -> bool:
        begun.set()
        return go.wait(30)

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), BlockPool(2) as pool:
        later = pool.later(lambda: long(0))
        assert begun.wait(10)
        raise KeyboardInterrupt
    assert time.monotonic() - start < 15 and not later.done
    go.set()


def test_work_of_the_whole_process_ends_when_that_is_asked_for() -> None:
    asked = threading.Event()
    with interrupted_when(asked.is_set), BlockPool(2) as pool:
        pool.map(lambda _: check_interrupt(), range(4))
        asked.set()
        with pytest.raises(Cancelled):
            pool.map(lambda _: check_interrupt(), range(4))
    check_interrupt()


def test_work_is_done_once_however_many_come() -> None:
    begun, go = [], threading.Event()

    def slow() -> str:
        begun.append(threading.get_ident())
        assert go.wait(10)
        return "done"

    work = Deferred(slow)
    others = [threading.Thread(target=work.run) for _ in range(3)]
    for other in others:
        other.start()
    go.set()
    assert work.result() == "done"
    for other in others:
        other.join()
    assert len(begun) == 1


def test_an_idle_thread_takes_what_is_urgent_and_of_that_the_newest() -> None:
    taken: list[int] = []
    with BlockPool(2) as pool:
        hold, busy = threading.Event(), threading.Barrier(3)

        def wait() -> None:
            busy.wait(10)
            assert hold.wait(10)

        waits = [pool.later(wait) for _ in range(2)]
        busy.wait(10)
        works = [pool.later(lambda k=k: taken.append(k), urgent=k < 2) for k in range(4)]
        order = list(pool._waiting)
        hold.set()
        for work in (*waits, *works):
            work.result()
    assert order == [works[3], works[2], works[0], works[1]]
    assert sorted(taken) == [0, 1, 2, 3]


def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with BlockPool(2) as pool:
        work = pool.later(fail)
        with pytest.raises(ZeroDivisionError):
            work.result()
        with pytest.raises(ZeroDivisionError):
            work.result()


def test_what_is_dropped_is_never_begun() -> None:
    done: list[int] = []
    work = Deferred(lambda: done.append(1))
    work.drop()
    work.run()
    assert not done


@pytest.mark.parametrize(("count", "parts"), [(1, 1), (7, 3), (5000, 4)])
def test_equal_slices_cover_everything_once(count: int, parts: int) -> None:
    slices = equal_slices(count, parts)
    assert [i for part in slices for i in range(count)[part]] == list(range(count))
    sizes = {part.stop - part.start for part in slices}
    assert len(slices) == parts
    assert max(sizes) - min(sizes) <= 1


FAULTS = """
import resource, torch
from dnf_studio.core.parallel import BlockPool
with BlockPool(1):
    def layers():
        values = [torch.ones(1 << 18) for _ in range(8)]
    def faults():
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers()
    before = faults()
    for _ in range(20):
        layers()
    print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library keeps memory in another way")
def test_memory_that_was_freed_serves_again_without_new_pages() -> None:
    """20 times 8 MiB, of 2,048 pages each."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 10_000


ARRAYS = """
import resource
import numpy as np
from dnf_studio.core.parallel import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        kept = [np.ones(1 << 17) for _ in range(4)]
        del kept
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

before = faults()
keep_freed_memory()
faults()
print(before, faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own way with memory")
def test_arrays_of_a_megabyte_are_made_where_earlier_ones_were() -> None:
    before, after = map(int, subprocess.check_output([sys.executable, "-c", ARRAYS], text=True).split())
    assert after < 100 and before > 10 * max(after, 10), (before, after)


GIVEN = """
import ctypes
import threading
from pathlib import Path
from dnf_studio.core.parallel import give_memory_back, keep_freed_memory
from dnf_studio.gui.application.app import _use_few_arenas

_use_few_arenas()
keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
freed, end = threading.Barrier(5), threading.Event()

def used():
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024

def take():
    pieces = [libc.malloc(ctypes.c_size_t(1 << 20)) for _ in range(40)]
    for piece in pieces:
        ctypes.memset(piece, 1, 1 << 20)
    freed.wait()
    for piece in pieces:
        libc.free(piece)
    freed.wait()
    end.wait()

before = used()
for _ in range(4):
    threading.Thread(target=take).start()
freed.wait()
taken = used()
freed.wait()
give_memory_back()
print(taken - before, used() - before)
end.set()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's own way with memory")
def test_what_threads_freed_is_given_back() -> None:
    taken, left = map(float, subprocess.check_output([sys.executable, "-c", GIVEN], text=True).split())
    assert taken > 120 and left < 8, (taken, left)
