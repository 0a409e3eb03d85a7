"""What is a time grid and what is not, and the settings that hold one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dnf_studio.config import Config
from dnf_studio.config.grids import GRID_NAMES, LEAST_STEP, check_grid, grid_label
from dnf_studio.errors import SettingError, StudioError

NODES = (0.0, 0.1, 0.5, 1.0)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("name", GRID_NAMES)
def test_names_are_grids(name: str) -> None:
    assert check_grid(name) == name == grid_label(name)


@pytest.mark.parametrize("given", [NODES, list(NODES), np.array(NODES), torch.tensor(NODES, dtype=torch.float64)])
def test_nodes_become_a_tuple(given: object) -> None:
    nodes = check_grid(given)
    assert nodes == NODES and isinstance(nodes, tuple) and grid_label(nodes) == "custom, 3 steps"
    assert grid_label(check_grid([0, 1])) == "custom, 1 step"


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("cosine", "'cosine' is not one of reference, paper, uniform, s-curve, log-snr and karras"),
        ([0], "between 2 and 10,001 nodes, not 1"),
        (np.linspace(0, 1, 10_002), "not 10,002"),
        (0.5, "a name or a list"),
        ({0: 1}, "a name or a list"),
        ([0, "1"], "must be numbers"),
        ([False, True], "must be numbers"),
        ([0, [0.5], 1], "must be numbers"),
        ([0.1, 1], "begin with 0"),
        ([0, 0.5], "end with 1"),
        ([0, float("nan"), 1], "lie between"),
        ([0, 10**4000, 1], "lie between"),
        ([0, 0.6, 0.4, 1], "node 2 is not"),
        ([0, 0.5, 0.5, 1], "node 2 is not"),
        ([0, LEAST_STEP / 2, 1], "node 1 is not"),
    ],
)
def test_what_is_no_grid_is_refused_in_a_sentence(bad: object, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        check_grid(bad)
    if not isinstance(bad, np.ndarray):
        with pytest.raises(SettingError, match=r"^The setting 'sde\.grid' cannot be .*\.$") as told:
            Config.create({"sde": {"grid": bad}})
        assert len(str(told.value)) < 300


@given(anything | st.lists(st.floats(0, 1), min_size=2, max_size=8).map(lambda inner: [0, *inner, 1]))
def test_whatever_comes_is_a_sound_grid_or_refused(value: object) -> None:
    try:
        nodes = check_grid(value)
    except StudioError:
        return
    if not isinstance(nodes, str):
        assert nodes[0] == 0 and nodes[-1] == 1 and min(np.diff(nodes)) >= LEAST_STEP
        assert (np.diff(np.float32(nodes)) > 0).all()


def test_nodes_travel_as_json_and_toml(tmp_path: Path) -> None:
    config = Config.create({"sde": {"grid": list(NODES), "steps": 3}})
    assert config.sde.grid == NODES
    assert Config.from_json(config.to_json()) == config
    file = tmp_path / "c.toml"
    file.write_text(config.to_toml(), encoding="utf-8")
    assert Config.from_toml(file) == config
    assert config.changed({"sde.grid": "paper"}).changed({"sde.grid": NODES}) == config
