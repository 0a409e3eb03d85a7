"""The page of the SDE: the dial of the total noise, and what it says of a fixed drift."""

from __future__ import annotations

import pytest

from dnf_studio.gui.features.training.panel import SDEPanel, TrainingPanel
from dnf_studio.gui.workspace.session import Session


def test_the_total_noise_is_shown_and_scales_g(qtbot: object) -> None:
    session = Session()
    panel = SDEPanel(session)
    assert panel.noise.value() == pytest.approx(0.24975 / 10)
    panel.noise.setValue(0.0999)
    sde = session.state.config.sde
    assert (sde.g_start, sde.g_end) == (pytest.approx(1), pytest.approx(1))
    session.apply({"config.sde.g_end": 2.0})
    assert panel.noise.value() == pytest.approx(0.0999 * 7 / 3)
    session.undo()
    assert panel.noise.value() == pytest.approx(0.0999)
    panel.noise.setValue(1e6)
    assert "sde.g_start" in panel.form._mistake.text() and panel.noise.value() == pytest.approx(0.0999)


def test_a_fixed_drift_says_what_it_leaves_of_the_data(qtbot: object) -> None:
    session = Session()
    panel, training = SDEPanel(session), TrainingPanel(session)
    session.apply({"config.network.drift": "frozen"})
    assert "14% of the data" in panel.equations.text() and panel.noise.value() == pytest.approx(4, rel=1e-5)
    session.apply({"config.network.drift": "free", "config.model": "flow"})
    assert not panel.noise.isEnabled() and "no noise" in panel.noise.toolTip()
    forms = [form.editors for form in training.findChildren(type(panel.form))]
    boxes = {name: editor for editors in forms for name, editor in editors.items()}
    assert not boxes["network.drift"].isEnabled() and not boxes["training.straight"].isEnabled()
