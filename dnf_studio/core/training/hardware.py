"""Which device and which type `auto` means on this machine."""

from __future__ import annotations

import torch

from dnf_studio.config import Device, Precision
from dnf_studio.core.processor import multiplies_bfloat16_fast
from dnf_studio.errors import SettingError

__all__ = ["choose_device", "choose_hidden_type"]


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
