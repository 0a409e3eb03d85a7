"""A function of tensors that is captured once and replayed: on CUDA as a CUDA graph.

A step of training is thousands of small kernels, each of which Python launches; a graph of them is launched at once.
It computes on the addresses it was captured with. So inputs are copied into buffers of its own and what it gives is
copied out, weights are read where they lie and change there, and there is a graph for each set of shapes.

torch.compile was looked at and not taken: it would compile kernels that are written out here already, gives up on what
changes shape too often, and needs Triton or a compiler where training runs. torch.cuda.make_graphed_callables is for
what autograd goes through, where the adjoint goes without. Reference: PyTorch's documentation, "CUDA semantics",
section "CUDA Graphs", "torch.compile" and "CUDAGraph Trees", which has what a graph costs: up to CUDA 12.4 64 KB a
kernel.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.networks.unet import UNet
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.block_sums import Sums
from dnf_studio.progress import note

VARIABLE = "DNF_STUDIO_CAPTURE"
"""The environment variable that is 0 where nothing is to be captured."""
DEVICES = frozenset({"cuda"})
"""Kinds of device on which steps are captured. Tests add the processor, where a replay is a call."""
NETWORKS = (FourierMLP, UNet)
"""Networks whose evaluations do the same each time, all of it on the device. Another one, a kind of these too, may do
something else in Python each time, which a graph would lose."""
WARM_UPS = 3
"""Calls before one is captured, as the documentation has it: libraries make what they need once at the first ones."""
MOST = 4
"""Graphs that are kept, those that were used last: N, batch and grid change seldom."""
SAME = 0.01
"""The part of a tensor's length by which a first replay may miss what it stands for; sums on a GPU have no order."""

Work = Callable[[], Sums]


@dataclass
class _Known:
    """What there is for inputs of the same shapes."""

    calls: int = 0
    buffers: list[Tensor | None] = field(default_factory=list)
    replay: Work | None = None


class Captured:
    """``function(key, *inputs)``, evaluated as it is three times for each key and set of shapes, then replayed.

    `function` may read no other tensors than its inputs, each a tensor or None, and the weights and buffers of
    `networks`; what else it depends on is its `key`. It may not ask for values on a device, which would make the
    processor wait, nor draw random numbers. What it returns belongs to the caller.
    """

    def __init__(self, function: Callable[..., Sums], networks: Sequence[FieldNetwork]) -> None:
        self._function, self._networks = function, networks
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()
        self._recorder: _Recorder | None = None
        self.active = os.environ.get(VARIABLE) != "0"
        """Whether anything is to be captured; no more where that failed."""

    def serves(self, device: torch.device, pool: BlockPool) -> bool:
        """Whether steps on `device` are to be computed here.

        They are on CUDA, with known networks, in the main thread, unless that failed before. The documentation asks
        that no other thread uses the device during a capture; in the window, where training has a thread, the explorer
        does. Ranks go without: what nccl does meanwhile could not be tried.
        """
        alone = pool.threads == 1 and pool.ranks.count == 1 and threading.current_thread() is threading.main_thread()
        known = all(type(network) in NETWORKS for network in self._networks)
        return self.active and alone and known and device.type in DEVICES

    @property
    def replays(self) -> int:
        """How many sets of shapes are replayed."""
        return sum(known.replay is not None for known in self._known.values())

    def block(self, pool: BlockPool, key: Hashable, *inputs: Tensor | None) -> Callable[[slice], Sums]:
        """For `sum_blocks`, where the whole batch is one block; that may be ended before it begins only."""

        def run(_rows: slice) -> Sums:
            pool.check()
            return self(key, *inputs)

        return run

    def __call__(self, key: Hashable, *inputs: Tensor | None) -> Sums:
        """What `function` returns, replayed where it can be."""
        step = partial(self._function, key, *inputs)
        if not self.active:
            return step()
        known, recorder = self._of(key, inputs), self._recorder or _recorder(inputs)
        self._recorder = recorder
        known.calls += 1
        if known.replay is None:
            found = recorder.evaluate(step)
            if known.calls == WARM_UPS:
                self._capture(known, recorder, key, inputs)
            return found
        for buffer, value in zip(known.buffers, inputs, strict=True):
            if buffer is not None and value is not None:
                buffer.copy_(value)
        found = [value.clone() for value in known.replay()]
        return self._checked(found, recorder, step) if known.calls == WARM_UPS + 1 else found

    def _of(self, key: Hashable, inputs: Sequence[Tensor | None]) -> _Known:
        """What is known for such inputs; of what was not used for long nothing is."""
        shapes = tuple(None if value is None else (value.shape, value.dtype, value.device) for value in inputs)
        weights = (tensor for network in self._networks for tensor in (*network.parameters(), *network.buffers()))
        place = key, shapes, tuple(tensor.data_ptr() for tensor in weights)
        known = self._known.setdefault(place, _Known())
        self._known.move_to_end(place)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return known

    def _capture(self, known: _Known, recorder: _Recorder, key: Hashable, inputs: Sequence[Tensor | None]) -> None:
        """Have the next calls for such inputs replayed."""
        try:
            known.buffers = [None if value is None else value.contiguous().clone() for value in inputs]
            known.replay = recorder.record(partial(self._function, key, *known.buffers))
        except Exception as error:  # whatever it is, the function was evaluated without it before
            self._give_up((str(error).splitlines() or [type(error).__name__])[0].rstrip("."))

    def _checked(self, found: Sums, recorder: _Recorder, step: Work) -> Sums:
        """What a first replay `found`, if that is what `step` gives: inputs and weights are others than at the capture.

        Else what `step` gives, and nothing is replayed any more; nor where memory does not hold both.
        """
        expected: Sums | None = None
        why = "a replay gave other numbers"
        try:
            expected = recorder.evaluate(step)
        except torch.OutOfMemoryError:
            why = "memory does not hold it beside the step itself"
        if expected is not None and _same(found, expected):
            return found
        self._give_up(why)
        return recorder.evaluate(step) if expected is None else expected

    def _give_up(self, why: str) -> None:
        """Capture nothing more, free what there is, and say so."""
        self.active = False
        for known in self._known.values():
            known.replay = None
        self._known.clear()
        note(f"Training steps go on without CUDA graphs, with the same results, as capturing one failed: {why}.")


class _Recorder(Protocol):
    """How a device records work."""

    def evaluate(self, work: Work) -> Sums:
        """What `work` gives, in the place where it may be recorded later."""
        ...

    def record(self, work: Work) -> Work:
        """`work` for replays, whose tensors the next one overwrites; nothing need be computed now."""
        ...


class _Calls:
    """For a device without graphs: a replay is a call, on the same buffers."""

    def evaluate(self, work: Work) -> Sums:
        return work()

    def record(self, work: Work) -> Work:
        return work


class _Graphs:
    """CUDA graphs on one device, which share their memory: none runs beside another, and results are copied out."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._memory = torch.cuda.graph_pool_handle()

    def evaluate(self, work: Work) -> Sums:
        # On the stream of the captures, since libraries have a workspace for each stream
        here = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(here)
        with torch.cuda.stream(self._stream):
            found = work()
        here.wait_stream(self._stream)
        return found

    def record(self, work: Work) -> Work:
        graph = torch.cuda.CUDAGraph()
        # The outer one puts the stream back where the end of a capture fails
        with torch.cuda.stream(self._stream), torch.cuda.graph(graph, self._memory, self._stream):
            outputs = work()

        def replay() -> Sums:
            graph.replay()
            return outputs

        return replay


def _recorder(inputs: Sequence[Tensor | None]) -> _Recorder:
    """That of the inputs' device."""
    device = next(value.device for value in inputs if value is not None)
    return _Graphs(device) if device.type == "cuda" else _Calls()


def _same(found: Sums, expected: Sums) -> bool:
    """Whether tensors agree as far as the order of sums lets them; with what is not finite all agree."""
    norm = torch.linalg.vector_norm
    lengths = torch.stack([torch.stack([norm(a - b), norm(b)]) for a, b in zip(found, expected, strict=True)])
    return bool(((lengths[:, 0] <= SAME * lengths[:, 1]) | ~lengths[:, 1].isfinite()).all())
