"""What a `FourierMLP` is evaluated by: its first layer, by which points enter, and linear maps as fast as they go.

Linear maps of float32 go by oneDNN where torch's own choice is slower, and by MKL on processors of Intel.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from dnf_studio.core.hardware import is_intel
from dnf_studio.core.networks.fourier_mlp import FourierMLP

FEW_COLUMNS = 16


@dataclass
class _Lifted(threading.local):
    """What one of two networks was given last in this thread, for the other."""

    by: InputLayer | None = None
    x: Tensor | None = None
    inputs: Tensor | None = None


class InputLayer:
    """Takes points x (R, D) to their inputs (R, `width`), and what is pulled back from those to x.

    The inputs are `FourierMLP.lift`'s. In a type of two bytes x enters as the sum of two numbers, x rounded and the
    rest, in two columns of the same weights: one of them alone would be off by more than sharp data are thick.
    """

    def __init__(self, network: FourierMLP, hidden: torch.dtype) -> None:
        weight = network.input_embed.weight.detach()
        self.network, self.hidden = network, hidden
        self.split = hidden.itemsize == 2
        twice = [weight[:, : network.dim]] if self.split else []
        self.weight = torch.cat([*twice, weight], 1).to(hidden)
        """(C, `width`)"""
        self.width = self.weight.shape[1]
        if network.features:
            # cos(a) = sin(a + π/2): one sine of twice the columns is sooner there than two
            self._turns = network.input_frequencies.repeat(2, 1).t()
            # Filled in where they lie: numbers that come from the processor cannot be captured
            zeros, features = self._turns.new_zeros, network.features
            self._phase = torch.cat([zeros(features), zeros(features).fill_(0.5 * math.pi)])
        self._lifted: _Lifted | None = None

    def share(self, other: InputLayer, alike: bool | None = None) -> None:
        """Make the inputs once for a tensor x that drift and score are both given, if both have the same inputs.

        x may not change between the two calls. Whether they are `alike` is found out unless it is known: a GPU has to
        be waited for.
        """
        if alike is None:
            mine, others = self.network, other.network
            same = torch.equal(mine.input_frequencies, others.input_frequencies)
            alike = same and torch.equal(mine.reach, others.reach) and self.hidden == other.hidden
        if alike:
            self._lifted = other._lifted = _Lifted()

    @property
    def shares(self) -> bool:
        """Whether another network has the same inputs of the same points."""
        return self._lifted is not None

    def shared_lift(self, x: Tensor) -> Tensor:
        """`lift`, or what the other network's was of the same x a moment ago."""
        last = self._lifted
        if last is None:
            return self.lift(x)
        if last.x is x and last.by is not self and last.inputs is not None:
            inputs, last.x, last.inputs = last.inputs, None, None
            return inputs
        last.by, last.x, last.inputs = self, x, self.lift(x)
        return last.inputs

    def lift(self, x: Tensor, out: Tensor | None = None) -> Tensor:
        """The inputs of x, in `out` if it is given."""
        inputs = x.new_empty(len(x), self.width, dtype=self.hidden) if out is None else out
        dim = self.network.dim
        rounded = inputs[:, :dim].copy_(x)
        if self.split:
            torch.sub(x, rounded, out=inputs[:, dim : 2 * dim])
        if self.network.features:
            waves = torch.addmm(self._phase, self.network.clamped(x), self._turns)
            inputs[:, -waves.shape[1] :].copy_(_sine_in_place(waves))
        return inputs

    def pull(self, x: Tensor, inputs: Tensor, seed: Tensor) -> Tensor:
        """∂/∂x (R, D) of ⟨seed, inputs⟩ for seeds (R, `width`) at x, whose inputs are known."""
        extra = self.width - self.network.input_embed.in_features
        return self.network.lift_pull(x, inputs[:, extra:], seed[:, extra:])

    def of_weight(self, gradient: Tensor) -> Tensor:
        """The gradient (D + 2F, C) of the network's weight, transposed, from that of `weight`, (`width`, C)."""
        gradient = gradient.to(self.network.input_embed.weight.dtype)
        if not self.split:
            return gradient
        dim = self.network.dim
        return torch.cat([gradient[:dim] + gradient[dim : 2 * dim], gradient[2 * dim :]])


def _sine_in_place(angles: Tensor) -> Tensor:
    """Their sines. For a processor torch calls MKL, which on AMD takes 2.6 times as long as NumPy."""
    if angles.device.type != "cpu":
        return angles.sin_()
    values = angles.numpy()
    np.sin(values, out=values)
    return angles


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear` of one matrix by oneDNN where torch's own choice is slower.

    For float32 on an x86 processor torch calls MKL, which on AMD runs at half of oneDNN's speed
    (512×128 by 128×128 on Zen 5: 155 against 75 µs), but not from or to a few columns. On Intel both are as fast,
    and MKL takes transposed matrices as they are, where oneDNN copies them.
    """
    if _by_onednn(x, weight):
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return out
    return F.linear(x, weight, bias)


def linear_gelu(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """GELU of `F.linear` of one matrix, by oneDNN in one pass: a tenth faster."""
    if _by_onednn(x, weight) or (_ONEDNN_BFLOAT16 and x.dtype is torch.bfloat16 and x.device.type == "cpu"):
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "none")
        return out
    return F.gelu(linear(x, weight, bias))


def linear_out(x: Tensor, weight: Tensor, bias: Tensor | None, out: Tensor) -> None:
    """`linear` written into `out`."""
    if _by_onednn(x, weight):
        out.copy_(linear(x, weight, bias))
    elif bias is None:
        torch.mm(x, weight.t(), out=out)
    elif _by_mkl(x):
        torch.mm(x, weight.t(), out=out).add_(bias)  # which addmm would first write to memory, to add to it then
    else:
        torch.addmm(bias, x, weight.t(), out=out)


def _by_onednn(x: Tensor, weight: Tensor) -> bool:
    return _ONEDNN and x.dtype is torch.float32 and x.device.type == "cpu" and min(weight.shape) >= FEW_COLUMNS


def _by_mkl(x: Tensor) -> bool:
    return _MKL and x.dtype is torch.float32 and x.device.type == "cpu"


_MKL = is_intel() and torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
_CALLABLE = torch.backends.mkldnn.is_available() and hasattr(  # type: ignore[no-untyped-call]
    torch.ops.mkldnn, "_linear_pointwise"
)
_ONEDNN = _CALLABLE and not _MKL
_ONEDNN_BFLOAT16 = _CALLABLE and torch.ops.mkldnn._is_mkldnn_bf16_supported()
