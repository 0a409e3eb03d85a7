"""Checkpoints as rows: what headers say, files that are broken, settings that differ."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnf_studio.core.storage.checkpoint import Checkpoint, save_checkpoint
from dnf_studio.core.storage.run_facts import RunFacts, differing_settings, other_metrics, run_facts, run_files
from tests.core.storage.files import SMALL, join, make_flow, make_run, split

FOLDER_DEEP = 3


def saved(path: Path, **changes: object) -> RunFacts:
    path.parent.mkdir(parents=True, exist_ok=True)
    config = SMALL.changed(changes)
    save_checkpoint(path, Checkpoint.of_model(make_flow(config)))
    return run_facts(path)


def test_a_header_says_what_the_run_was(tmp_path: Path) -> None:
    flow = make_flow()
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, make_run(flow))
    facts = run_facts(path)
    assert (facts.file.name, facts.file.model, facts.file.steps, facts.file.iteration) == ("a", "diffflow", 4, 12)
    assert facts.seconds == 3.25 and facts.metrics == {"nll_bound": 2.03}
    assert facts.parameters == sum(value.numel() for value in flow.parameters())
    assert facts.settings["sde.steps"] == 4 and facts.defaults["sde.steps"] == 30
    assert facts.settings["training.batch"] == facts.defaults["training.batch"]


def test_settings_differ_only_where_they_do(tmp_path: Path) -> None:
    first = saved(tmp_path / "a.safetensors", **{"training.batch": 64})
    same = saved(tmp_path / "b.safetensors", **{"training.batch": 64})
    other = saved(tmp_path / "c.safetensors", **{"training.batch": 128, "network.channels": 16, "sde.steps": 5})
    broken = tmp_path / "d.safetensors"
    broken.write_bytes(b"nothing")
    assert differing_settings([]) == differing_settings([first]) == differing_settings([first, same]) == ()
    # N has a column of its own
    assert differing_settings([first, other, run_facts(broken)]) == ("network.channels", "training.batch")
    assert other.written["training.batch"] == "128"


def test_what_else_was_measured(tmp_path: Path) -> None:
    rows = [RunFacts(run_facts(tmp_path / "a").file, metrics={"nll_bound": 1.0, "swd_10": 0.1}), saved(tmp_path / "b")]
    assert other_metrics(rows) == ("swd_10",)


def test_folders_are_walked_some_way_down(tmp_path: Path) -> None:
    for place in ("a", "x/b", "x/y/c", "x/y/z/too-deep", ".hidden/d"):
        saved(tmp_path / f"{place}.safetensors")
    (tmp_path / "x" / "round").symlink_to(tmp_path)
    files, problems = run_files([tmp_path, tmp_path / "x", tmp_path / "gone"])
    assert sorted(path.stem for path in files) == ["a", "b", "c", "too-deep"] and len(files) == 4
    assert [path.stem for path in run_files([tmp_path])[0]] == ["a", "b", "c"]
    assert len(problems) == 1 and "gone" in problems[0] and problems[0].endswith("is not there.")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = ("config", "metrics", "history", "iteration", "seconds", "data", "kind", "state")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "whole.safetensors"
    save_checkpoint(path, make_run(make_flow()))
    return path


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(PARTS), JSON)
def test_any_metadata_make_a_row(whole: Path, name: str, value: object) -> None:
    """Sealed, so that only the value itself is wrong: a row, or a row with a sentence, never an error."""
    header, data = split(whole)
    header["__metadata__"][name] = json.dumps(value)
    join(wrong := whole.with_name("wrong.safetensors"), header, data)
    facts = run_facts(wrong)
    assert facts.file.fault.endswith(".") if facts.file.fault else facts.settings
