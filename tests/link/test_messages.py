"""Messages between script and window: there and back to the last bit, and anything else is refused."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.errors import LinkError
from dnf_studio.link.messages import Message, pack, unpack


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(["float32", "float64", "int64", "bool", "uint8"]), st.lists(st.integers(0, 4), max_size=3))
def test_what_is_sent_is_what_comes(dtype: str, shape: list[int]) -> None:
    values = np.linspace(-2, 3, math.prod(shape)).reshape(shape).astype(dtype)
    turned = values.T
    found = unpack(pack(Message("answer", {"step": 3, "name": "ε"}, {"x": values, "y": turned})))
    assert (found.kind, dict(found.facts)) == ("answer", {"step": 3, "name": "ε"})
    for name, given_ in (("x", values), ("y", turned)):
        assert found.arrays[name].dtype == dtype
        np.testing.assert_array_equal(found.arrays[name], given_, strict=True)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 60), st.integers(0, 20))
def test_what_is_damaged_is_refused_in_one_sentence(noise: bytes, at: int, less: int) -> None:
    whole = pack(Message("value", {"version": 1}, {"x": np.ones((2, 2), np.float32)}))
    for data in (noise, whole[: len(whole) - 1 - less], whole + noise + b"!", whole[:at] + noise):
        try:
            unpack(data)
        except LinkError as error:
            assert str(error).endswith(".")
        else:
            assert data == whole


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "value", "facts": {}, "arrays": [["x", "object", [1]]]},
        {"kind": "value", "facts": {}, "arrays": [["x", "float32", [-1]]]},
        {"kind": "value", "facts": {}, "arrays": [["x", "float32", [1 << 20, 1 << 20, 1 << 20]]]},
        {"kind": "value", "facts": {}, "arrays": [["x", "float32", [0]], ["x", "float32", [0]]]},
        {"kind": "reduce", "facts": {}, "arrays": []},
        {"kind": "value", "facts": [], "arrays": []},
        {"kind": "value", "facts": {}, "arrays": [], "more": 1},
        [],
    ],
)
def test_a_header_that_cannot_be_is_refused(header: object) -> None:
    words = json.dumps(header).encode()
    with pytest.raises(LinkError):
        unpack(len(words).to_bytes(4, "big") + words)


def test_what_is_too_long_is_not_sent() -> None:
    with pytest.raises(LinkError, match="too large"):
        pack(Message("news", {"name": "x" * (1 << 17)}))
    with pytest.raises(LinkError, match="object"):
        pack(Message("news", {}, {"x": np.array([None])}))
