from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from dnf_studio.core.training.record import History, StepReport
from dnf_studio.gui.features.loss import plot as loss
from dnf_studio.gui.features.loss.curve import MAX_POINTS, LossCurve
from dnf_studio.gui.features.loss.plot import LossPlot
from tests.gui.scenes import pixels, share_near


def reports(losses: list[float], first: int = 1) -> list[StepReport]:
    rows = np.zeros(3, np.float32)
    return [StepReport(first + k, loss, len(rows), rows, 0.01, 1.0, 0.0) for k, loss in enumerate(losses)]


def test_a_long_run_stays_bounded_and_keeps_its_ends() -> None:
    curve = LossCurve()
    curve.extend((i, 2.0 + (i % 2)) for i in range(1, 50_001))
    assert len(curve.iterations) <= MAX_POINTS
    assert (np.diff(curve.iterations) > 0).all() and curve.iterations[-1] > 49_900
    assert curve.raw[10:] == pytest.approx(2.5) and curve.smoothed == pytest.approx(2.5, abs=0.02)


def test_the_mean_is_the_only_loss_at_first_and_robust_to_a_spike_later() -> None:
    curve = LossCurve()
    assert curve.smoothed is None
    curve.extend([(1, 7.0)])
    assert curve.smoothed == 7.0
    random = np.random.default_rng(0)
    curve.extend((i, 2 + 0.05 * random.standard_normal()) for i in range(2, 800))
    before = curve.smoothed
    curve.extend([(800, 1e6), (801, float("nan")), (802, float("inf"))])
    assert before is not None and curve.smoothed == pytest.approx(before, abs=0.02)


def test_a_run_that_goes_back_leaves_no_loop(qtbot: QtBot) -> None:
    curve = LossCurve()
    curve.extend((i, 9.0 - 0.1 * i) for i in range(1, 61))
    before = curve.smooth[37]
    curve.extend([(39, 5.0)])
    assert curve.iterations.tolist() == list(range(1, 40)) and curve.raw[-1] == 5.0
    assert curve.smooth[37] == before and curve.smoothed == pytest.approx(before, abs=0.5)
    curve.extend([(1, 7.0)])
    assert curve.iterations.tolist() == [1] and curve.smoothed == 7.0
    long = LossCurve()
    long.extend((i, 1.0) for i in range(1, 3 * MAX_POINTS))
    long.extend((i, 2.0) for i in range(5000, 5100))
    assert (np.diff(long.iterations) > 0).all() and long.iterations[-1] > 5090
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.append([replace(report, validation=3.0) for report in reports([3.0] * 20)])
    plot.append(reports([2.0] * 3, first=11))
    assert list(plot._measured) == list(range(1, 11))


def test_a_lasting_rise_is_followed() -> None:
    curve = LossCurve()
    curve.extend((i, 2 + 0.01 * (-1) ** i) for i in range(200))
    curve.extend((i, 5.0) for i in range(200, 600))
    assert curve.smoothed == pytest.approx(5, abs=0.05)


def test_the_steep_beginning_and_spikes_do_not_flatten_the_curve() -> None:
    curve = LossCurve()
    curve.extend((i, 2 + 500 * float(np.exp(-i / 5)) + (1000 if i == 700 else 0)) for i in range(1000))
    low, high = curve.limits(1.79)
    assert low < 1.79 and 2 < high < 4


def test_limits_without_a_curve_or_a_floor() -> None:
    assert LossCurve().limits(None) == (-1, 1)
    curve = LossCurve()
    curve.extend([(1, 3.0), (2, 3.0)])
    low, high = curve.limits(None)
    assert low < 3 < high


def test_a_saved_history_is_smoothed_over_as_many_iterations(qtbot: QtBot) -> None:
    whole, saved = LossCurve(), History()
    plot = LossPlot()
    qtbot.addWidget(plot)
    for k in range(1, 3001):
        loss = 3.0 if k <= 2900 else 2.0
        whole.extend([(k, loss)])
        saved.add(k, loss)
    plot.show_history(saved, ())
    assert saved.stride > 1 and whole.smoothed is not None
    assert plot.smoothed == pytest.approx(whole.smoothed, abs=0.02)


def test_curve_floor_and_clear(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(420, 260)
    with qtbot.waitExposed(plot):
        plot.show()
    plot.set_floor(1.79)
    assert plot._empty.isVisible() and not plot._line.isVisible()
    plot.append(reports([3 + 2 / k for k in range(1, 400)]))
    assert not plot._empty.isVisible() and plot._line.isVisible()
    assert plot.smoothed == pytest.approx(3.006, abs=0.01) and plot.note.text() == "3.006 nats"
    assert share_near(pixels(plot.plot), plot.theme.text, 40) > 0.002
    assert share_near(pixels(plot.plot), plot.theme.floor, 40) > 0.001
    low, high = plot.box.viewRange()[1]
    assert low < 1.79 and high > 3
    plot.set_floor(None)
    assert not plot._line.isVisible() and plot.box.viewRange()[1][0] > 2
    plot.clear()
    assert plot.smoothed is None and plot._empty.isVisible()


def test_what_the_chain_can_attain_is_dotted_above_the_floor_where_it_is_another(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.append(reports([3 + 2 / k for k in range(1, 100)]))
    plot.set_floor(-0.962, -0.489)
    assert plot._least.isVisible() and plot._least.value() == -0.489
    assert plot._least_label.format == "attainable −0.489"
    assert plot._line.value() == -0.962 and plot._label.format == "floor −0.962"
    for floor, least in ((-0.962, None), (-0.962, -0.961), (None, None)):
        plot.set_floor(floor, least)
        assert not plot._least.isVisible()
    plot.set_floor(-0.962, -0.489)
    plot.set_model("flow")
    assert not plot._least.isVisible(), "a flow has no last step that adds noise"


def test_following_stops_where_a_person_zooms_and_begins_again(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.append(reports([3.0] * 100))
    plot.box.setRange(xRange=(10, 20), yRange=(2, 4), padding=0)
    plot.box.sigRangeChangedManually.emit([True, True])
    plot.append(reports([3.0] * 100, first=101))
    assert plot.box.viewRange()[0] == pytest.approx([10, 20])
    plot.reset_view()
    assert plot.box.viewRange()[0] == pytest.approx([0, 200])


def test_a_resumed_run_begins_where_it_stopped(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.append(reports([3.0] * 100, first=5000))
    assert plot.box.viewRange()[0] == pytest.approx([5000, 5099])


def test_what_validation_measures_has_a_curve_in_sight(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    plot.append(reports([3.0] * 100))
    scale = plot.plot.getAxis("right")
    assert not scale.isVisible()
    measured = [replace(r, validation=5.0 if r.iteration % 50 == 0 else None) for r in reports([3.0] * 100, first=101)]
    plot.append(measured)
    assert [list(values) for values in plot._validation.getData()] == [[150, 200], [5, 5]]
    assert scale.isVisible() and scale.labelText == "validation" and plot.box.viewRange()[1][1] >= 5
    before = share_near(pixels(plot), plot.theme.accent, 25)
    assert before > 0
    plot.clear()
    assert not scale.isVisible() and share_near(pixels(plot), plot.theme.accent, 25) < before / 2
    history = History()
    for iteration in (50, 100):
        history.add(iteration, 4.0)
    loss = History()
    for iteration in range(1, 101):
        loss.add(iteration, 3.0)
    plot.show_history(loss, (), history)
    assert [list(values) for values in plot._validation.getData()] == [[50, 100], [4, 4]]


def test_validation_beside_a_loss_that_is_no_likelihood_has_a_scale_of_its_own(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.set_model("diffusion")
    losses = [0.3 + 0.2 / k for k in range(1, 401)]
    nats = {50: 20.0, 100: 18.0, 150: 19.0, 200: 25.0, 250: 33.0, 300: 40.0}
    plot.append([replace(r, validation=nats.get(r.iteration)) for r in reports(losses)])
    scale, (low, high) = plot.plot.getAxis("right"), plot.box.viewRange()[1]
    assert scale.isVisible() and scale.labelText == "validation, nats" and scale.style["showValues"]
    assert 0.2 < low < 0.3 < high < 0.6
    drawn = plot._validation.getData()[1]
    assert low < min(drawn) and max(drawn[:-1]) < high and max(drawn) - min(drawn) > 0.5 * (high - low)

    def read_off() -> list[float]:
        (bottom, top), (least, most) = plot.box.viewRange()[1], scale.range
        return [least + (y - bottom) / (top - bottom) * (most - least) for y in drawn]

    assert read_off() == pytest.approx(list(nats.values()))
    plot.box.setRange(yRange=(0.31, 0.33), padding=0)
    assert read_off() == pytest.approx(list(nats.values()))


def test_a_loss_that_is_no_likelihood_has_no_nats_and_no_floor(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.set_floor(1.8)
    plot.set_model("diffusion")
    plot.append([StepReport(k, 0.5, 100, np.empty(0, np.float32), 1e-3, 1.0, 0.0) for k in range(1, 20)])
    assert plot.accessibleName() == "Loss: error of the noise" and "not a likelihood" in plot.caption_line.toolTip()
    assert plot.note.text() == "0.500" and plot.smoothed is None and not plot._line.isVisible()
    plot.set_model("diffflow")
    assert plot.note.text() == "0.500 nats" and plot.smoothed == 0.5 and plot._line.isVisible()


def test_a_first_iteration_that_lasts_is_explained(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss, "LATE_MS", 20)
    plot = LossPlot()
    qtbot.addWidget(plot)
    plot.set_training(True)
    assert plot._empty.text() == loss.WAIT
    qtbot.waitUntil(lambda: plot._empty.text() == loss.LATE, timeout=3000)
    plot.set_training(False)
    assert plot._empty.text() == loss.PRESS and not plot._late.isActive()


def test_the_caption_speaks_of_a_floor_only_where_one_is_known(qtbot: QtBot) -> None:
    plot = LossPlot()
    qtbot.addWidget(plot)
    assert plot.caption == "The bound of every batch."
    plot.set_floor(1.79)
    assert plot.caption == "The bound of every batch, and its floor."
    plot.set_model("flow")
    assert "floor" in plot.caption
    plot.set_floor(None)
    assert plot.caption == "An estimate of the exact NLL, not a bound."
