"""The seam between networks and what evaluates them: engines, samplers and views know a `FieldKernel` only."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

import torch
from torch import Tensor

from dnf_studio.core.models.autograd_kernel import AutogradKernel
from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.kernels import FourierKernel
from dnf_studio.core.models.networks import FourierMLP
from dnf_studio.core.models.room import Room
from dnf_studio.core.sde.paths import Field

__all__ = [
    "AnyGradients",
    "AnyKernel",
    "AnyTape",
    "FieldKernel",
    "make_kernel",
    "make_kernels",
    "network_field",
    "network_fields",
]

T = TypeVar("T")
R = TypeVar("R", contravariant=True)
G = TypeVar("G")


class FieldKernel(Protocol[T, R, G]):
    """The body of one network at fixed weights, for the time embeddings (K, E) of K nodes.

    Its tapes T hold the points of several nodes: R is the points of one (one of ``tape.nodes()``) or of all
    (``tape.all``). `record`, `record_each` or `record_all` evaluate them, `pull` goes back once for
    each of those, and then `collect` gives the gradients G of the parameters.
    """

    hidden: torch.dtype
    """The type of the hidden layers."""

    @property
    def room(self) -> Room:
        """How many points to work on at once."""
        ...

    def value(self, x: Tensor, node: int) -> Tensor:
        """The field (R, D) at x (R, D) for one node."""
        ...

    def with_divergence(self, x: Tensor, node: int, signs: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`value` (R, D) and its divergence (R,), exact or estimated with `signs` (R, D) (`FieldWithDivergence`)."""
        ...

    def open(self, x: Tensor, tape: T | None = None) -> T:
        """A tape for the points x (K, R, D), in the memory of a `tape` from before where that can be used."""
        ...

    def record(self, rows: R, node: int) -> Tensor:
        """`value` at the points of one node, kept for `pull`."""
        ...

    def record_each(self, tape: T, nodes: slice) -> None:
        """Evaluate all points, one of `nodes` for each of the tape's, to be pulled node by node."""
        ...

    def record_all(self, tape: T, nodes: slice, beside: T | None = None) -> Tensor:
        """The same as a field (K, R, D), to be pulled at once.

        `beside` is a tape of the other of two `make_kernels` that has recorded the last of its points there, the
        same as here, and keeps them until `collect`: what both make of points alone is taken from it.
        """
        ...

    def pull(self, rows: R, seed: Tensor) -> Tensor:
        """∂/∂x of ⟨seed, value⟩ at recorded points, (R, D), or (K·R, D) of all."""
        ...

    def zero_gradients(self) -> G:
        """Sums over the kernel's nodes at zero, for `add`."""
        ...

    def collect(self, tape: T) -> G:
        """The gradients of a tape that has been pulled."""
        ...

    def add(self, part: G, nodes: slice, sums: G) -> None:
        """Add to `sums` what `collect` found of a tape whose nodes are `nodes`."""
        ...

    def assign(self, network: Any, blocks: list[G]) -> Tensor:  # noqa: ANN401 - the kernel's own kind of network
        """Put the sum of the blocks' gradients into `network`; returns those of the time embeddings, (K, E)."""
        ...


AnyKernel = FieldKernel[Any, Any, Any]
AnyTape: TypeAlias = Any
AnyGradients: TypeAlias = Any
"""As some kernel keeps them."""


def make_kernel(network: FieldNetwork, embeddings: Tensor, hidden: torch.dtype | None = None) -> AnyKernel:
    """The fastest kernel that there is for `network`, with layers in `hidden`: written out, or by autograd."""
    if isinstance(network, FourierMLP):
        return FourierKernel(network, embeddings, hidden)
    return AutogradKernel(network, embeddings, hidden)


def make_kernels(
    networks: tuple[FieldNetwork, FieldNetwork], embeddings: tuple[Tensor, Tensor], hidden: torch.dtype | None = None
) -> tuple[AnyKernel, AnyKernel]:
    """`make_kernel` of two networks that are given the same points."""
    one, other = (make_kernel(*words, hidden) for words in zip(networks, embeddings, strict=True))
    if isinstance(one, FourierKernel) and isinstance(other, FourierKernel):
        one.input.share(other.input)
    return one, other


def network_field(network: FieldNetwork, times: Tensor, hidden: torch.dtype | None = None) -> Field:
    """`network` as a function of node and state, for the time inputs (K,) of K nodes, embedded once.

    Differentiable where gradients are enabled now, the kernel with layers in `hidden` where they are not.
    """
    embeddings = network.embed_time(times)
    if torch.is_grad_enabled():
        return lambda i, x: network.body(x, embeddings[i])
    return _kernel_field(make_kernel(network, embeddings, hidden))


def network_fields(
    first: FieldNetwork, second: FieldNetwork, times: Tensor, hidden: torch.dtype | None = None
) -> tuple[Field, Field]:
    """`network_field` of two networks that are given the same states, one after the other."""
    if torch.is_grad_enabled():
        return network_field(first, times), network_field(second, times)
    one, other = make_kernels((first, second), (first.embed_time(times), second.embed_time(times)), hidden)
    return _kernel_field(one), _kernel_field(other)


def _kernel_field(kernel: AnyKernel) -> Field:
    return lambda i, x: kernel.value(x, i)
