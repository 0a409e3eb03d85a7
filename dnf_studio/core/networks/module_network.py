"""Networks of plug-ins: what makes them, what they must be, and any module v(x, t) as a `FieldNetwork`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dnf_studio.config import NetworkConfig
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.networks.base import FieldNetwork
from dnf_studio.errors import PluginError, StudioError

MakeNetwork = Callable[[int, NetworkConfig, ImageShape | None], nn.Module]
"""Makes a network for points of D components, of the size that the settings say, for images where points are some."""
MAKERS: dict[str, MakeNetwork] = {}
"""Those of plug-ins, by the name of the kind."""
ASKED = 3
SAME = 1e-4
"""Relative difference up to which a value counts as the same."""


class ModuleNetwork(FieldNetwork):
    """gain · module(x, t), with a gain that is learned and 1 at first, or 0 for a field that begins at zero.

    The embedding of a time is the time itself, and the gain.
    """

    def __init__(self, dim: int, module: nn.Module) -> None:
        super().__init__()
        self.dim, self.module = dim, module
        self.gain = nn.Parameter(torch.ones(1))

    def begin_at_zero(self) -> None:
        nn.init.zeros_(self.gain)

    def embed_time(self, t: Tensor) -> Tensor:
        return torch.stack([t, self.gain.expand(len(t))], 1)

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        time, gain = embedding.reshape(-1, 2).expand(len(x), 2).unbind(1)
        value: Tensor = self.module(x, time)
        return value.to(x.dtype) * gain[:, None]


def made(kind: str, dim: int, config: NetworkConfig, image: ImageShape | None) -> FieldNetwork:
    """The network of the kind `kind`; raises `PluginError` where it is not what a network has to be."""
    try:
        module = MAKERS[kind](dim, config, image)
        if not isinstance(module, nn.Module):
            raise PluginError(f"The network '{kind}' is to be a torch Module, not of type {type(module).__name__}.")
        network = module if isinstance(module, FieldNetwork) else ModuleNetwork(dim, module)
        _check(kind, dim, network)
    except StudioError:
        raise
    except Exception as error:
        said = (str(error).splitlines() or [""])[0]
        raise PluginError(f"The network '{kind}' failed: {type(error).__name__}: {said}") from error
    return network


def _check(kind: str, dim: int, network: FieldNetwork) -> None:
    """That a checkpoint can hold its numbers, that its values have the right shape, and each is of its point alone."""
    for name, tensor in network.state_dict().items():
        if tensor.dtype not in (torch.float32, torch.uint8):
            raise PluginError(
                f"The network '{kind}' keeps '{name}' as {tensor.dtype}; a checkpoint holds float32 and uint8 only."
            )
    if next(network.parameters()).is_meta:
        return  # of which only names and shapes are wanted
    with torch.no_grad():
        x = torch.linspace(-1, 1, ASKED * dim).reshape(ASKED, dim)
        t = torch.full((ASKED,), 0.5)
        value = network(x, t)
        if value.shape != x.shape:
            raise PluginError(
                f"The network '{kind}' is to return {tuple(x.shape)} for x {tuple(x.shape)} and t ({ASKED},), and "
                f"returned {tuple(value.shape)}."
            )
        if not torch.allclose(network(x[:1], t[:1]), value[:1], SAME, SAME):
            raise PluginError(
                f"The network '{kind}' has another value at a point alone than among others; it must have none of "
                "batch normalisation, dropout and the like."
            )
