"""What `auto` precision and the linear maps make of the processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dnf_studio.core import hardware
from dnf_studio.core.hardware import choose_hidden_type

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _asked_anew() -> Iterator[None]:
    hardware.is_intel.cache_clear()
    yield
    hardware.is_intel.cache_clear()


@pytest.mark.parametrize(
    ("maker", "instruction", "tiles", "expected"),
    [
        ("GenuineIntel", True, True, torch.bfloat16),
        ("GenuineIntel", True, False, torch.float32),
        ("AuthenticAMD", True, False, torch.bfloat16),
        ("AuthenticAMD", False, False, torch.float32),
    ],
)
def test_auto_is_bfloat16_only_where_it_is_faster(
    maker: str, instruction: bool, tiles: bool, expected: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nvendor_id\t: {maker}\ncpu family\t: 6\n")
    monkeypatch.setattr(hardware, "_listing", lambda: info)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: instruction)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    assert choose_hidden_type("auto", CPU) is expected
    assert choose_hidden_type("bfloat16", CPU) is torch.bfloat16


@pytest.mark.parametrize(("name", "intel"), [("Intel64 Family 6 Model 143, GenuineIntel", True), ("arm", False)])
def test_without_cpuinfo_the_system_is_asked(name: str, intel: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "_listing", lambda: None)
    monkeypatch.setattr(hardware.platform, "processor", lambda: name)
    assert hardware.is_intel() is intel
