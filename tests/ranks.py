"""Ranks for tests: threads of this process, who speak over a store in memory and a process group of gloo."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import torch.distributed as dist

from dnf_studio.core.ranks import Ranks

T = TypeVar("T")


def as_ranks(count: int, work: Callable[[Ranks], T], patience: float = 30.0) -> list[T]:
    """What `work` returns, done by so many ranks at once, in their order; an error of any is raised here."""
    store = dist.HashStore()

    def one(rank: int) -> T:
        def group() -> dist.ProcessGroup:
            made = dist.ProcessGroupGloo(dist.PrefixStore("group", store), rank, count, timedelta(seconds=patience))
            return made  # type: ignore[return-value]  # a backend has the same methods

        return work(Ranks(rank, count, store, group, patience))

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))
