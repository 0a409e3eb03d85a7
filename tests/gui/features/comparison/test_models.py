"""The settings of a twin."""

from __future__ import annotations

from dnf_studio.config import Config
from dnf_studio.gui.features.comparison.models import twin_settings


def test_a_twin_has_the_same_data_seed_and_time_and_the_defaults_of_its_kind() -> None:
    config = Config().changed({"data": "rings", "training.seed": 7, "training.iterations": 300, "network.layers": 3})
    for kind in ("diffusion", "flow", "matching"):
        twin = twin_settings(config, kind, 61.6)
        assert (twin.model, twin.data, twin.training.seed, twin.training.seconds) == (kind, "rings", 7, 62.0)
        # What was changed stays, what stood at a default goes to that of the other kind
        assert twin.network.layers == 3
        assert twin.sde.steps == Config().changed({"model": kind}).sde.steps
    assert twin_settings(config, "matching", 0.2).training.seconds == 1.0


def test_what_the_other_kind_cannot_have_goes() -> None:
    config = Config().changed({"data": "moons", "network.drift": "residual", "training.seed": 3})
    twin = twin_settings(config, "diffusion", 10)
    assert (twin.model, twin.data, twin.training.seed) == ("diffusion", "moons", 3) and twin.network.drift == "free"
