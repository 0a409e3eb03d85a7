"""Paths of both processes from a script: their steps, units, seeds, and where they disagree."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import dnf_studio as dnf
from dnf_studio import colours
from dnf_studio.core.exploration.excess import excess
from dnf_studio.errors import DataError, SettingError, StudioError, UnsupportedError
from tests.core.storage.files import make_flow

X = np.random.default_rng(0).normal(size=(700, 2)) * [0.2, 0.1]
FLOW = make_flow()


def test_each_step_of_a_forward_path_is_one_of_the_sde_in_both_units() -> None:
    p = dnf.paths(FLOW, X[:5], steps=6, units="model")
    dt = np.diff(p.t)[:, None, None]
    noise = (np.diff(p.forward, axis=0) - p.drift[:-1] * dt) / (p.g[:-1, None, None] * np.sqrt(dt))
    assert noise.shape == (6, 5, 2) and abs(noise.mean()) < 0.5 and 0.5 < noise.std() < 1.5
    q = dnf.paths(FLOW, X[:5], steps=6)
    scale = np.array(FLOW.standardisation.scale)
    np.testing.assert_allclose(q.forward[0], X[:5], atol=1e-6)
    np.testing.assert_allclose((np.diff(q.forward, axis=0) - q.drift[:-1] * dt) / scale, noise * p.g[:-1, None, None]
                               * np.sqrt(dt), atol=1e-5)  # fmt: skip
    np.testing.assert_allclose(q.score * scale, p.score, rtol=1e-4, atol=1e-6)


def test_fields_parts_and_disagreement_are_those_of_the_numerics() -> None:
    p = dnf.paths(FLOW, X[:6], steps=4, units="model", seed=3)
    grid = FLOW.grid(4)
    path = torch.from_numpy(p.forward)
    drift, score = FLOW.fields(grid)
    for i in (0, 4):
        np.testing.assert_allclose(p.drift[i], drift(i, path[i]).detach(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(p.score[i], score(i, path[i]).detach(), rtol=1e-5, atol=1e-6)
    assert p.parts is not None and p.contribution is not None
    widths = 2 * np.log(p.g[1:] / p.g[:-1])[:, None]
    np.testing.assert_allclose(sum(p.parts) + widths, p.contribution, atol=1e-5)
    dt = torch.from_numpy(np.diff(p.t))[:, None, None]
    noise = (path.diff(dim=0) - torch.from_numpy(p.drift[:-1]) * dt) / (
        torch.from_numpy(p.g)[:-1, None, None] * dt.sqrt()
    )
    np.testing.assert_allclose(p.disagreement, excess(FLOW, path[0], noise).log_ratios.detach(), atol=2e-3)
    assert p.disagreement is p.disagreement


def test_the_same_seed_has_the_same_paths_whatever_n_is_and_however_many_points() -> None:
    few, many = dnf.paths(FLOW, X[:600], steps=4), dnf.paths(FLOW, X[:700], steps=4)
    np.testing.assert_allclose(few.forward[:, :512], many.forward[:, :512], atol=1e-5)
    np.testing.assert_allclose(few.backward[:, :512], many.backward[:, :512], atol=1e-5)
    finer = dnf.paths(FLOW, X[:600], steps=8)
    apart = [
        np.abs(other.forward[-1] - few.forward[-1]).mean()
        for other in (finer, dnf.paths(FLOW, X[:600], steps=4, seed=1))
    ]
    assert apart[0] < 0.5 * apart[1]
    assert np.array_equal(finer.backward[0], few.backward[0])


def test_backward_paths_begin_and_end_as_asked() -> None:
    ode = dnf.paths(FLOW, X[:4], start="forward", lam=0, units="model")
    assert np.array_equal(ode.backward[0], ode.forward[-1]) and ode.lam == 0
    # As the model itself goes from these latents
    own = FLOW.backward_path(torch.from_numpy(ode.backward[0]), lam=0.0, last="mean").detach()
    np.testing.assert_allclose(ode.backward, own, atol=1e-5)
    noisy, mean = (dnf.paths(FLOW, X[:4], last_step=last) for last in ("noise", "mean"))
    assert np.array_equal(noisy.backward[:-1], mean.backward[:-1])
    assert not np.array_equal(noisy.backward[-1], mean.backward[-1])


def test_frames_and_lists_are_points_and_columns_go_by_their_names() -> None:
    model = dnf.train(pd.DataFrame(X, columns=["a", "b"]), steps=3, channels=8, iterations=1, device="cpu").fit(False)
    swapped = pd.DataFrame({"b": X[:4, 1], "other": 1.0, "a": X[:4, 0]})
    np.testing.assert_allclose(dnf.paths(model, swapped).forward[0], X[:4], atol=1e-6)
    with pytest.raises(DataError, match="3 components"):
        dnf.paths(dnf.train(X, steps=3, channels=8, iterations=1, device="cpu").fit(False), np.zeros((4, 3)))
    assert np.array_equal(dnf.paths(model, X[:4].tolist()).forward, dnf.paths(model, X[:4]).forward)


def test_a_model_without_a_bound_says_so() -> None:
    p = dnf.paths("flow-rings", X[:3], steps=2)
    assert p.parts is None and p.contribution is None and "no_disagreement=" in repr(p)
    with pytest.raises(UnsupportedError, match="nothing disagrees"):
        _ = p.disagreement


WRONG: tuple[tuple[object, str], ...] = (
    (None, "Give the points"),
    (X[:, 0], "have 1 component, and the model has 2"),
    (np.zeros((4, 3)), "have 3 components"),
    (X * np.nan, "missing or not finite"),
    (np.ma.masked_less(X, 0), "masked values"),
    (np.empty((0, 2)), "holds no rows"),
    (object(), "not an object"),
    (X.astype(object), "Python objects"),
)


def test_points_and_settings_that_cannot_be_are_one_sentence() -> None:
    for x, words in WRONG:
        with pytest.raises(DataError, match=words) as told:
            dnf.paths(FLOW, x)
        assert "missing=" not in str(told.value)  # there is no such argument
    wrong: tuple[dict[str, Any], ...] = ({"units": "feet"}, {"steps": 0}, {"lam": -1}, {"start": "data"}, {"seed": -1})
    for settings in wrong:
        with pytest.raises(SettingError):
            dnf.paths(FLOW, X[:3], **settings)


def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(StudioError, match=r"pip install 'dnf-studio\[plot\]'"):
        dnf.paths(FLOW, X[:3]).plot()


def test_a_plot_has_both_processes_in_the_colours_of_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    with pytest.raises(SettingError, match="light or dark"):
        dnf.paths(FLOW, X[:3]).plot(theme="blue")  # type: ignore[arg-type]
    figure = dnf.paths(FLOW, X[:3]).plot(points=2, theme="dark")
    drawn = [axes.lines[0].get_color() for axes in figure.axes]
    assert drawn == [colours.DARK.forward, colours.DARK.backward]
    assert len(figure.axes[0].lines) == 3
    p = dnf.paths(FLOW, dnf.display_set(FLOW, 5), steps=4, units="model")
    for wrong in ({"step": 5}, {"axes": (0, 2)}, {"chosen": [5]}):
        with pytest.raises(SettingError, match="between 0 and"):
            p.plot(**wrong)  # type: ignore[arg-type]
    ahead, back = p.plot(points=2, step=1, axes=(1, 0), chosen=[4], chosen_in="backward").axes
    assert np.array_equal(back.lines[2].get_xydata(), p.backward[3][:, [1, 0]]) and len(ahead.lines) == 3
    # Path and point, then the current one: its ground, line and ring
    assert np.array_equal(back.lines[3].get_xydata(), p.backward[:, 4, [1, 0]]) and len(back.lines) == 8
    assert back.lines[3].get_color() == colours.LIGHT.chosen
    line = dnf.paths(make_flow(dim=1), X[:3, :1]).plot()
    assert [axes.get_xlabel() for axes in line.axes] == ["t", "t"]
    matplotlib.pyplot.close("all")
