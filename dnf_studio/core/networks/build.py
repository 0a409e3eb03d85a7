"""The kinds of network: from the settings to one, and from a network to the fastest evaluation of it."""

from __future__ import annotations

import torch
from torch import Tensor

from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.networks.autograd_kernel import AutogradKernel
from dnf_studio.core.networks.base import FieldKernel, FieldNetwork
from dnf_studio.core.networks.fourier_kernel import FourierKernel
from dnf_studio.core.networks.fourier_mlp import FourierMLP
from dnf_studio.core.networks.module_network import MAKERS, made
from dnf_studio.core.networks.unet import UNet
from dnf_studio.core.sde.paths import Field
from dnf_studio.errors import UnsupportedError


def make_network(dim: int, config: Config, image: ImageShape | None) -> FieldNetwork:
    """A network of the kind and size that the settings name, for points that are images of the size `image`, if any.

    Raises `UnsupportedError` for a U-Net on data that are no images, `PluginError` for a network that somebody
    registered and that is none.
    """
    size = config.network
    if size.kind == "mlp":
        return FourierMLP(dim, size.layers, size.channels, size.features_of(dim))
    if size.kind in MAKERS:
        return made(size.kind, dim, size, image)
    if image is None:
        raise UnsupportedError(
            "A U-Net is for images, which this data does not hold; set the network's kind to 'mlp', or take other data."
        )
    return UNet(image, size.channels, size.layers)


def make_kernel(network: FieldNetwork, embeddings: Tensor, hidden: torch.dtype | None = None) -> FieldKernel:
    """The fastest kernel that there is for `network`, with layers in `hidden`: written out, or by autograd."""
    if isinstance(network, FourierMLP):
        return FourierKernel(network, embeddings, hidden)
    return AutogradKernel(network, embeddings, hidden)


def make_kernels(
    networks: tuple[FieldNetwork, FieldNetwork],
    embeddings: tuple[Tensor, Tensor],
    hidden: torch.dtype | None = None,
    alike: bool | None = None,
) -> tuple[FieldKernel, FieldKernel]:
    """`make_kernel` of two networks that are given the same points; `alike` is what `shares_inputs` said of them."""
    one, other = (make_kernel(*both, hidden) for both in zip(networks, embeddings, strict=True))
    if isinstance(one, FourierKernel) and isinstance(other, FourierKernel):
        one.input.share(other.input, alike)
    return one, other


def shares_inputs(kernel: FieldKernel) -> bool:
    """Whether the other of two `make_kernels` makes the same of the points alone."""
    return isinstance(kernel, FourierKernel) and kernel.input.shares


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


def _kernel_field(kernel: FieldKernel) -> Field:
    return lambda i, x: kernel.value(x, i)
