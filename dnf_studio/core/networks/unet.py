"""The U-Net of DDPM, at a size for small images.

A library's would not do: diffusers' computes the embedding of t within `forward` and for every sample,
where it is to be computed once a node, and takes seconds to import.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.networks.base import FieldNetwork

LOWEST = 7
"""Pixels of the longer side at the lowest resolution, at most: 28 × 28 goes down to 7 × 7, 32 × 32 to 4 × 4."""
GROUP = 4
"""Channels of a group of the normalization, at least."""
MOST_GROUPS = 32


class UNet(FieldNetwork):
    """A U-Net of residual blocks with group normalization and SiLU, and attention at the lowest resolution.

    A row is an image line by line, the channels of a pixel together. The image is halved until its
    longer side has at most seven pixels, odd sides rounding up, with `channels` channels at its own
    size and twice as many below. Every resolution has `layers` residual blocks on the way down and one
    more on the way up, which take the values of the way down beside their own. Nothing is shared between
    the points of a batch. At first the field is zero, and every block passes on what it gets.

    t is embedded by sines and cosines as in `FourierMLP` (method.md, section 12), and the shifts of all blocks come
    from there: `embed_time` has them side by side, `body` hands them out. Under autocast the first and
    the last layer stay in the type of x.

    Reference: Ho, Jain and Abbeel, "Denoising Diffusion Probabilistic Models", NeurIPS 2020, arXiv:2006.11239,
    appendix B.
    """

    timestep_coeff: Tensor

    def __init__(self, shape: ImageShape, channels: int = 32, layers: int = 1) -> None:
        super().__init__()
        self.shape, self.dim = shape, shape.size
        self._levels = _halvings(max(shape.height, shape.width))
        widths = [channels] + [2 * channels] * self._levels
        self.input = nn.Conv2d(shape.channels, channels, 3, padding=1)
        passed = [channels]
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            for _ in range(layers):
                self.down.append(ResidualBlock(passed[-1], width))
                passed.append(width)
            if level < len(widths) - 1:
                self.down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                passed.append(width)
        self.middle = nn.ModuleList([ResidualBlock(width, width), Attention(width), ResidualBlock(width, width)])
        self.up = nn.ModuleList()
        for level, out in reversed(list(enumerate(widths))):
            for _ in range(layers + 1):
                self.up.append(ResidualBlock(width + passed.pop(), out))
                width = out
            if level > 0:
                self.up.append(nn.Conv2d(width, width, 3, padding=1))
        self.output_norm = group_norm(width)
        self.output = _zero(nn.Conv2d(width, shape.channels, 3, padding=1))
        self._widths = [block.width for block in self.modules() if isinstance(block, ResidualBlock)]
        self._add_embedding(channels)

    def _add_embedding(self, channels: int) -> None:
        self.register_buffer("timestep_coeff", torch.linspace(0.1, 100, channels)[None])
        self.timestep_phase = nn.Parameter(torch.randn(1, channels))
        inner = 4 * channels
        self.timestep_embed = nn.Sequential(
            nn.Linear(2 * channels, inner), nn.SiLU(), nn.Linear(inner, inner), nn.SiLU(), nn.Linear(inner, self.shifts)
        )

    @property
    def shifts(self) -> int:
        """E, the channels of all residual blocks together."""
        return sum(self._widths)

    @property
    def other_multiply_adds(self) -> int:
        """Attention: products of each pair of pixels at the lowest resolution, and sums of the values by them."""
        height, width = (-(-side // (1 << self._levels)) for side in (self.shape.height, self.shape.width))
        return 2 * (height * width) ** 2 * cast(Attention, self.middle[1]).looks.in_channels

    def begin_at_zero(self) -> None:
        """So it does anyway."""
        _zero(self.output)

    def embed_time(self, t: Tensor) -> Tensor:
        """What each channel of each residual block is shifted by, (K, E), at the times t (K,)."""
        angle = t[:, None] * self.timestep_coeff + self.timestep_phase
        shifts: Tensor = self.timestep_embed(torch.cat([angle.sin(), angle.cos()], dim=-1))
        return shifts

    def body(self, x: Tensor, embedding: Tensor) -> Tensor:
        shifts = iter(torch.split(embedding.reshape(-1, self.shifts, 1, 1), self._widths, 1))
        size = self.shape
        image = x.reshape(-1, size.height, size.width, size.channels).permute(0, 3, 1, 2)
        with torch.autocast(x.device.type, enabled=False):
            # The channels of a pixel side by side, as convolutions on a processor have them anyway
            h = self.input(image).contiguous(memory_format=torch.channels_last)
        passed = [h]
        for layer in self.down:
            h = layer(h, next(shifts)) if isinstance(layer, ResidualBlock) else layer(h)
            passed.append(h)
        first, attention, second = self.middle
        h = second(attention(first(h, next(shifts))), next(shifts))
        for layer in self.up:
            if isinstance(layer, ResidualBlock):
                h = layer(torch.cat([h, passed.pop()], 1), next(shifts))
            else:
                h = layer(F.interpolate(h, passed[-1].shape[-2:]))
        with torch.autocast(x.device.type, enabled=False):
            value: Tensor = self.output(F.silu(self.output_norm(h.to(x.dtype))))
        return value.permute(0, 2, 3, 1).reshape(x.shape)


class ResidualBlock(nn.Module):
    """h + conv(SiLU(norm(conv(SiLU(norm(h))) + shift))), where h changes its width by a 1 × 1 convolution."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.norm = group_norm(before)
        self.conv = nn.Conv2d(before, width, 3, padding=1)
        self.shifted_norm = group_norm(width)
        self.shifted_conv = _zero(nn.Conv2d(width, width, 3, padding=1))
        self.skip = nn.Identity() if before == width else nn.Conv2d(before, width, 1)

    def forward(self, h: Tensor, shift: Tensor) -> Tensor:
        """(B, C, H, W) for a shift (1 or B, C, 1, 1)."""
        inner = self.conv(F.silu(self.norm(h))) + shift.to(h.dtype)
        value: Tensor = self.skip(h) + self.shifted_conv(F.silu(self.shifted_norm(inner)))
        return value


class Attention(nn.Module):
    """Each pixel looks at all others of its image, with one head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = group_norm(width)
        self.looks = nn.Conv2d(width, 3 * width, 1)
        self.out = _zero(nn.Conv2d(width, width, 1))

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W)"""
        query, key, value = self.looks(self.norm(h)).flatten(2).transpose(1, 2).chunk(3, 2)
        seen = F.scaled_dot_product_attention(query, key, value)
        found: Tensor = h + self.out(seen.transpose(1, 2).reshape(h.shape))
        return found


class Norm(nn.GroupNorm):
    """Group normalization in the type of its weights also under autocast: of bfloat16 it is four times slower."""

    def forward(self, h: Tensor) -> Tensor:
        """(B, C, H, W), in the type of `h`."""
        with torch.autocast(h.device.type, enabled=False):
            return super().forward(h.to(self.weight.dtype)).to(h.dtype)


def group_norm(width: int) -> Norm:
    """Group normalisation with the most groups, up to 32, that have equally many channels, four or more each."""
    groups = next(n for n in range(min(MOST_GROUPS, max(1, width // GROUP)), 0, -1) if width % n == 0)
    return Norm(groups, width)


def _halvings(side: int) -> int:
    """How often `side` pixels are halved, rounding up, until there are `LOWEST` of them."""
    return max(0, math.ceil(math.log2(side / LOWEST)))


def _zero(layer: nn.Conv2d) -> nn.Conv2d:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(cast(Tensor, layer.bias))
    return layer
