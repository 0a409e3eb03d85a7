"""Who made this machine's processor, where that decides which arithmetic is fast."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

__all__ = ["is_intel", "multiplies_bfloat16_fast"]

FIRST_CORE = 1024
"""Characters that name the maker; the whole, of a machine with many cores, takes a while to read."""
INTEL = "GenuineIntel"


@cache
def is_intel() -> bool:
    """Whether Intel made it; False where the system does not say."""
    listed = _listing()
    if listed is None:
        return INTEL in platform.processor()
    with listed.open(encoding="utf-8", errors="replace") as file:
        return INTEL in file.read(FIRST_CORE)


def _listing() -> Path | None:
    """Where Linux describes each core."""
    listed = Path("/proc/cpuinfo")
    return listed if listed.exists() else None


def multiplies_bfloat16_fast() -> bool:
    """Whether matrices of bfloat16 are multiplied faster than those of float32.

    By AMX's tiles they are. AVX-512's instruction alone is twice as fast as float32 on AMD and half as fast on Intel,
    whose processors hide AMX from some virtual machines (512×128 by 128×128 on Emerald Rapids: 230 against 120 µs).
    """
    if torch.cpu._is_amx_tile_supported():
        return True
    return bool(torch.cpu._is_avx512_bf16_supported()) and not is_intel()
