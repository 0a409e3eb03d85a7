"""The sums over the blocks of a batch, the same to the bit whatever threads and ranks compute them.

Where blocks begin and end follows from the batch alone, each rank computes a run of them, and their sums are added one
after the other in the order of the blocks, as one rank alone does it: Adam's first step is a sign, so that sums added
in another order can move a weight by twice the learning rate.

What a block gives goes to the other ranks in one flat bucket, while the next block is computed. Each rank is sent a
part of all buckets, adds them in order, and gives the sum to all: for as many blocks as ranks that is the traffic of
an all-reduce, about twice the gradients for each rank. Of a rank's last block there is nothing more to compute
meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, reduce
from typing import TypeVar, cast

import torch
from torch import Tensor

from dnf_studio.core.parallel import BlockPool, single_threaded_kernels
from dnf_studio.core.ranks import Ranks
from dnf_studio.errors import Cancelled
from dnf_studio.progress import note

T = TypeVar("T")

Sums = list[Tensor]
"""What a block gives: tensors of the same shapes, type and device for all blocks."""


def sum_blocks(
    pool: BlockPool,
    work: Callable[[T], Sums],
    blocks: Sequence[T],
    zeros: Callable[[], Sums],
    last: Callable[[], Sums] | None = None,
) -> Sums:
    """The sums of what `work` gives for all `blocks`, computed by the threads and ranks of `pool`.

    `zeros` are sums over no blocks; `last` is another piece of work, added after all blocks, which an idle thread may
    do before. Where the work is `Cancelled` on one rank it is on all.
    """
    ranks, count = pool.ranks, len(blocks) + (last is not None)
    own = ranks.run_of(count)
    deferred = pool.later(last) if last is not None and own.start < own.stop == count else None

    def found() -> Iterator[Sums]:
        yield from pool.each(work, blocks[own])
        if deferred is not None:
            yield pool.result(deferred)

    with single_threaded_kernels():
        if ranks.count == 1:
            return reduce(_added, found())
        _tell_of_idle(len(blocks), ranks.count)
        sums, parts = _exchanged(ranks, count, found(), zeros())
        runs = [range(len(blocks))[ranks.run_of(count, rank)] for rank in range(ranks.count)]
        pool.parts = [(part, len(run) / len(blocks)) for part, run in zip(parts, runs, strict=True)]
        return sums


def _added(one: Sums, other: Sums) -> Sums:
    return cast(Sums, torch._foreach_add(one, other))


def _exchanged(ranks: Ranks, count: int, found: Iterator[Sums], zeros: Sums) -> tuple[Sums, list[float]]:
    """The sums over the `count` blocks of all ranks, of which this one's are `found` one after the other, and what
    each rank gave to the first one, the loss."""
    size = sum(tensor.numel() for tensor in zeros)
    part = -(-size // ranks.count)  # numbers of a bucket that one rank adds up
    runs = [ranks.run_of(count, rank) for rank in range(ranks.count)]
    table = zeros[0].new_empty(count, part)
    pending, given_up, own = [], False, zeros[0].new_zeros(1)
    for turn in range(max(run.stop - run.start for run in runs)):
        senders = [rank for rank, run in enumerate(runs) if run.start + turn < run.stop]
        here = ranks.rank in senders
        bucket = zeros[0].new_zeros(part * ranks.count if here else 0)
        if here and not given_up:
            try:
                torch.cat([tensor.flatten() for tensor in next(found)], out=bucket[:size])
                own += bucket[:1]
            except Cancelled:
                # The others wait for this one, and learn of it with the sums
                given_up = True
        received = zeros[0].new_empty(len(senders), part)
        taken = [part if rank in senders else 0 for rank in range(ranks.count)]
        finish = ranks.swap(received, bucket, taken, [part if here else 0] * ranks.count)
        pending.append((finish, [runs[rank].start + turn for rank in senders], received))
    for finish, places, received in pending:
        finish()
        table[places] = received
    total = reduce(torch.add, table)
    everywhere = ranks.all_gather(torch.cat([total, own, total.new_full((1,), float(given_up))]))
    if everywhere[:, -1].any():
        raise Cancelled
    flat = everywhere[:, :-2].flatten()[:size]
    sizes = [tensor.numel() for tensor in zeros]
    sums = [values.view_as(like).clone() for values, like in zip(torch.split(flat, sizes), zeros, strict=True)]
    return sums, everywhere[:, -2].tolist()


@cache
def _tell_of_idle(blocks: int, ranks: int) -> None:
    """Say once that some ranks have nothing to do."""
    if blocks < ranks:
        note(
            f"A batch has {blocks} block{'s' if blocks > 1 else ''} to compute, so that {ranks - blocks} of {ranks} "
            f"ranks have none; start fewer, or take a larger --batch."
        )
