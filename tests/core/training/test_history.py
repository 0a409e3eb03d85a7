from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.core.training.record import MOST_POINTS, History


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_history_stays_small_and_keeps_the_mean(count: int, split: int) -> None:
    whole = History()
    for i in range(1, count + 1):
        whole.add(i, float(i))
    assert len(whole.losses) < MOST_POINTS
    covered = len(whole.losses) * whole.stride
    assert covered + len(whole.as_dict()["open"]) == count
    if covered:
        assert abs(sum(whole.losses) / len(whole.losses) - (covered + 1) / 2) < 1e-9
        assert whole.iterations[-1] == covered
    part = History()
    for i in range(1, count + 1):
        part.add(i, float(i))
        if i == split:
            part = History.from_dict(part.as_dict())
    assert part.as_dict() == whole.as_dict()
