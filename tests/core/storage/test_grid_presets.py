"""Presets of time grids: written whole, read with suspicion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dnf_studio.core.storage.grid_presets import (
    delete_preset,
    list_presets,
    parse_grid,
    read_preset,
    rename_preset,
    save_preset,
)
from dnf_studio.errors import StudioError

NODES = (0.0, 0.1, 0.5, 1.0)


def test_a_preset_comes_back_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "not yet" / "grids"
    assert list_presets(folder) == ((), ())
    saved = save_preset(folder, " Short first ", NODES)
    assert saved.name == "Short first" and read_preset(saved.path) == saved
    assert list_presets(folder) == ((saved,), ())
    assert os.listdir(folder) == ["Short first.json"]
    assert save_preset(folder, "Short first", (0.0, 1.0)).nodes == read_preset(saved.path).nodes == (0, 1)


def test_presets_are_renamed_and_deleted(tmp_path: Path) -> None:
    one, two = save_preset(tmp_path, "one", NODES), save_preset(tmp_path, "two", NODES)
    with pytest.raises(StudioError, match="named 'Two' already"):
        rename_preset(one.path, "Two")
    moved = rename_preset(one.path, "ONE")
    assert moved.stem == "ONE" and read_preset(moved).nodes == NODES
    delete_preset(moved)
    delete_preset(moved)
    assert [preset.name for preset in list_presets(tmp_path)[0]] == [two.name]
    with pytest.raises(StudioError, match="Cannot rename 'ONE"):
        rename_preset(moved, "three")


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "needs a name"), ("a/b", "cannot contain /"), ("Paper", "is a time grid of the studio")]
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(StudioError, match=sentence):
        save_preset(tmp_path, name, NODES)
    assert not os.listdir(tmp_path)


def head(**values: object) -> str:
    return json.dumps({"format": "dnf-studio time grid", "version": 1, "nodes": list(NODES)} | values)


BAD = {
    "": "is empty",
    "nodes": "not valid JSON",
    "[" * 100_000: "not valid JSON",
    "\ud800": "not valid JSON",
    "[0, 1]": "not a preset",
    head(format="other"): "not a preset",
    head(nodes="paper"): "not a preset",
    head(version=2): "newer DNF Studio",
    head(version="1"): "newer DNF Studio",
    head(nodes=[0, 2, 1]): "cannot be used: the nodes",
    head(nodes=[0, None, 1]): "must be numbers",
    head(nodes=[0, float("nan"), 1]): "lie between",
    " " * (1 << 20) + head(): "too large",
}


@pytest.mark.parametrize(("text", "sentence"), BAD.items(), ids=lambda text: text[:30])
def test_a_malformed_file_is_told_and_skipped(tmp_path: Path, text: str, sentence: str) -> None:
    good, bad = save_preset(tmp_path, "good", NODES), tmp_path / "bad.json"
    bad.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(StudioError, match=sentence):
        read_preset(bad)
    found, (fault,) = list_presets(tmp_path)
    assert found == (good,) and sentence in fault


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.floats() | st.text(max_size=4), lambda x: st.lists(x, max_size=4), max_leaves=6
).map(lambda value: head(nodes=value).encode()))  # fmt: skip
def test_no_file_breaks_the_reader(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any.json"
    file.write_bytes(content)
    try:
        assert len(read_preset(file).nodes) >= 2
    except StudioError as error:
        assert str(error).endswith(".")


def test_what_a_person_writes_for_a_grid(tmp_path: Path) -> None:
    saved = save_preset(tmp_path, "mine", NODES)
    assert parse_grid("s-curve") == "s-curve"
    assert parse_grid(str(saved.path)) == NODES
    with pytest.raises(StudioError, match="There is no file"):
        parse_grid(str(tmp_path / "none.json"))
    with pytest.raises(StudioError, match=r"'square' is not one of .* nor the file of a preset\.$"):
        parse_grid("square")
    with pytest.raises(StudioError, match="it is a folder"):
        parse_grid(str(tmp_path))


def test_presets_need_no_torch() -> None:
    code = "import dnf_studio.core.storage.grid_presets, dnf_studio.core.sde.nodes, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
