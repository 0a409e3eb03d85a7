"""The fused fields are the fields."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.config import Config
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.sampling import inference
from dnf_studio.core.sampling.inference import inference_fields


def flow_of(dim: int, layers: int, channels: int) -> DiffFlow:
    torch.manual_seed(dim)
    return DiffFlow(dim, Config.create({"network": {"layers": layers, "channels": channels}})).eval()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(4, 70), st.integers(1, 65), st.integers(0, 30))
def test_equal_to_the_fields_of_the_model(dim: int, layers: int, channels: int, rows: int, node: int) -> None:
    flow = flow_of(dim, layers, channels)
    grid = flow.grid()
    x = 3 * torch.randn(rows, dim)
    with torch.inference_mode():
        for fast, plain in zip(inference_fields(flow, grid), flow.fields(grid), strict=True):
            torch.testing.assert_close(fast(node, x), plain(node, x), rtol=1e-5, atol=1e-5)


def test_without_the_operator_the_plain_fields_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "_fused_layer", lambda: None)
    flow = flow_of(2, 2, 16)
    x = torch.randn(5, 2)
    with torch.inference_mode():
        for fast, plain in zip(inference_fields(flow, flow.grid()), flow.fields(flow.grid()), strict=True):
            assert torch.equal(fast(3, x), plain(3, x))


def test_other_dtypes_take_the_plain_fields() -> None:
    flow = flow_of(2, 1, 8).double()
    x = torch.randn(5, 2, dtype=torch.float64)
    with torch.inference_mode():
        drift, _ = inference_fields(flow, flow.grid())
        assert torch.equal(drift(1, x), flow.drift(x, flow.condition[1]))


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
def test_the_fused_operator_still_exists() -> None:
    """It is torch's own but not documented: should it go, sampling falls back to half the speed."""
    assert inference._fused_layer() is not None
