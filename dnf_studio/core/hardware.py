"""What this machine computes on, and in which type, by what is fast there."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import torch

from dnf_studio.config import Device, Precision
from dnf_studio.errors import SettingError

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
    """The file in which Linux describes each core."""
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


def choose_device(device: Device) -> torch.device:
    """The device that a setting names; `auto` prefers cuda, then mps, then cpu.

    Raises `SettingError` if the device named is not there.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, there in present.items() if there))
    if not present[device]:
        raise SettingError(f"The device '{device}' is not available here; try 'auto' or 'cpu'.")
    return torch.device(device)


def choose_hidden_type(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of the hidden layers; `auto` takes bfloat16 where the hardware multiplies it faster."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if device.type == "cpu":
        fast = multiplies_bfloat16_fast()
    else:
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if fast else torch.float32
