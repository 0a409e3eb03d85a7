"""What a script computes for its window to show first: what the window would show itself, or nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import dnf_studio as dnf
from dnf_studio.core.sde.sample_settings import AS_VIEWED, DISPLAY_SEED
from dnf_studio.errors import LinkError
from dnf_studio.link import picture
from dnf_studio.link.messages import Message
from dnf_studio.link.picture import ARRAYS, POINTS, read_picture
from dnf_studio.link.rows import GivenRows
from dnf_studio.workers.frames import Frame, FrameRequest
from dnf_studio.workers.passes import Passes
from dnf_studio.workers.snapshot import Snapshot
from tests.link.test_watch import models
from tests.link.window import Joined, started

ROWS = torch.randn(400, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_it_is_to_the_bit_what_the_window_would_show_first(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = list[Frame]()
    for name, model in {**models(), "studio": dnf.load("diffflow-rings")}.items():
        frames.clear()
        # One without data shows samples of its own
        data = None if name == "wrap" else ROWS
        with started(monkeypatch) as process, dnf.show(model, data=data, title="mine.py"):
            there = Joined(process)
            assert there.picture is not None, name
            facts, first = read_picture(there.picture)
            flow = there.flow
            if data is None:
                points = flow.standardisation.to_model(flow.sample(400, seed=DISPLAY_SEED)).float()
            else:
                points = GivenRows(ROWS.numpy(), ("a", "b"), flow.standardisation).fresh(400, DISPLAY_SEED)
            passes = Passes(frames.append)
            passes.run(FrameRequest(Snapshot.of(flow), AS_VIEWED, points), lambda _: bool(frames), training=True)
            passes.close()
        assert (facts.title, facts.follows, facts.lacks) == ("mine.py", False, dict(flow.lacks))
        assert [need[0] for need in facts.solvers] == [one.name for one in flow.solvers]
        for array in ARRAYS:
            np.testing.assert_array_equal(getattr(first, array), getattr(frames[0], array), err_msg=f"{name} {array}")
        assert first.forward.shape[1] == POINTS and not first.complete and not first.all_points


def test_where_there_is_none_the_model_comes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        if len(x) == POINTS:
            raise RuntimeError("not so many")
        return -x

    with started(monkeypatch) as process, dnf.watch(dnf.from_score(broken, dim=2), data=ROWS):
        assert Joined(process).picture is None
    monkeypatch.setattr(picture, "MOST_SECONDS", 0.0)
    with started(monkeypatch) as process, dnf.watch(models()["velocity"], data=ROWS):
        assert Joined(process).picture is None


def test_what_is_no_picture_is_refused() -> None:
    facts = {"title": "a", "pid": 1, "follows": True, "lacks": {}, "solvers": [["sde", "fields"]]}
    shapes = {"t": (4,), "g": (4,), "forward": (4, 5, 2), "backward": (4, 5, 2), "mean_contributions": (3,)}
    said = Message(
        "picture", facts, {k: np.zeros(s, np.float32) for k, s in {**shapes, "contributions": (3, 5)}.items()}
    )
    assert read_picture(said)[1].forward.shape == (4, 5, 2)
    for wrong in (
        {"t": np.zeros(3)},
        {"backward": np.zeros((4, 6, 2))},
        {"forward": np.zeros(4)},
        {"mean_contributions": np.zeros(2)},
        {"more": np.zeros(1)},
    ):
        with pytest.raises(LinkError):
            read_picture(replace(said, arrays={**said.arrays, **wrong}))
    with pytest.raises(LinkError):
        read_picture(replace(said, facts={**facts, "pid": "x"}))
