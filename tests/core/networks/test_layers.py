"""The linear maps by each library, whichever this machine would take."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from dnf_studio.core.networks import layers
from dnf_studio.core.networks.layers import linear, linear_gelu, linear_out


@pytest.fixture(params=["onednn", "mkl", "torch"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that multiplies."""
    name: str = request.param
    if name == "onednn" and not layers._CALLABLE:
        pytest.skip("torch was built without oneDNN")
    monkeypatch.setattr(layers, "_ONEDNN", name == "onednn")
    monkeypatch.setattr(layers, "_MKL", name == "mkl")
    return name


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("columns", [48, 2])
def test_each_is_the_plain_map(bias: bool, columns: int) -> None:
    torch.manual_seed(0)
    x, weight, shift = torch.randn(65, 32), torch.randn(columns, 32), torch.randn(columns) if bias else None
    expected = F.linear(x.double(), weight.double(), None if shift is None else shift.double()).float()
    torch.testing.assert_close(linear(x, weight, shift), expected, rtol=1e-5, atol=1e-5)
    out = torch.full((65, columns), torch.nan)
    linear_out(x, weight, shift, out)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    if shift is not None:
        torch.testing.assert_close(linear_gelu(x, weight, shift), F.gelu(expected), rtol=1e-5, atol=1e-5)


def test_transposed_matrices() -> None:
    x = torch.randn(65, 32)
    torch.testing.assert_close(linear(x.t(), x.t()), x.t() @ x)


def test_bfloat16_is_left_to_torch() -> None:
    """A product that is rounded before the bias is added would be off: here 96.75 − 96."""
    x, weight = torch.full((4, 32), 3.0).bfloat16(), torch.full((20, 32), 1.01).bfloat16()
    shift = torch.full((20,), -96.0).bfloat16()
    out = torch.empty(4, 20, dtype=torch.bfloat16)
    linear_out(x, weight, shift, out)
    assert torch.equal(out, torch.addmm(shift, x, weight.t()))
