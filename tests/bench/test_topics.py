"""The topics in sizes of a moment: what rows they give, and that both sides do the same work."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dnf_studio.bench import (
    TOPICS,
    Row,
    check_topics,
    drawing,
    explorer,
    export,
    gpu,
    less,
    memory,
    more,
    sampling,
    startup,
    training,
)
from dnf_studio.bench.machine import machine_facts, run_python, screen
from dnf_studio.bench.textbook import textbook_paths, textbook_sample
from dnf_studio.bench.timing import fastest, in_turn, on_threads, plain_works
from dnf_studio.config import Config
from dnf_studio.core.exploration.contributions import explain_path
from dnf_studio.core.models.diffflow import DiffFlow
from dnf_studio.core.networks import fourier_kernel
from dnf_studio.core.training import captured
from dnf_studio.errors import SettingError, SetupError
from tests.gui.scenes import pixels, share_near
from tests.views import viewed

SMALL = Config.create({"sde": {"steps": 4}, "network": {"layers": 1, "channels": 8}})


def flow_of() -> DiffFlow:
    torch.manual_seed(0)
    return DiffFlow(2, SMALL)


def well_formed(rows: Iterator[Row], names: list[str], unit: str, more_is_better: bool = False) -> None:
    found = list(rows)
    assert [row.name for row in found] == names
    for row in found:
        assert row.unit == unit and row.value > 0 and row.reference > 0
        ratio = row.value / row.reference if more_is_better else row.reference / row.value
        assert math.isfinite(row.ratio) and row.ratio == pytest.approx(ratio)


# the topics


def test_every_topic_has_rows_and_two_sizes() -> None:
    for topic in TOPICS:
        module = import_module(f"dnf_studio.bench.{topic}")
        assert callable(module.rows) and module.FULL != module.QUICK


def test_training() -> None:
    names = [f"training step, batch {b}, {t}" for b in (8, 70) for t in ("float32", "bfloat16")]
    well_formed(training.rows(training.Sizes(batches=(8, 70), rounds=1)), names, "ms")


def test_sampling() -> None:
    rows = sampling.rows(sampling.Sizes(points=100, rounds=1))
    well_formed(rows, ["sampling 100 points, N = 30"], "points/s", more_is_better=True)


def test_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = export.rows(export.Sizes(points=50, rounds=1))
    well_formed(rows, ["export of 50 samples, N = 30", "export of 50 trajectories, N = 30"], "s")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory() -> None:
    rows = memory.rows(memory.Sizes(few=2, many=4, batch=64, rounds=1))
    well_formed(rows, ["step memory beyond its states, batch 64, N = 4"], "MiB")


def test_startup_keeps_its_settings_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, str] | None] = []

    def fake(*words: str, environment: dict[str, str] | None = None) -> str:
        asked.append(environment)
        return "" if words[0] == "-c" else json.dumps({"window_ms": 500.0, "first_frame_ms": 2000.0})

    monkeypatch.setattr(startup, "run_python", fake)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    names = ["start-up, window painted (offscreen)", "start-up, first live frame (offscreen)"]
    well_formed(startup.rows(startup.Sizes(rounds=1)), names, "ms")
    windows = [environment for environment in asked if environment]
    assert len(asked) == 4 and len(windows) == 2
    for environment in windows:
        assert environment["QT_QPA_PLATFORM"] == "offscreen" and "dnf-bench-" in environment["XDG_CONFIG_HOME"]


@pytest.mark.usefixtures("qapp")
def test_drawing() -> None:
    scene = drawing.Scene("small scene", points=30, paths=7, steps=5)
    names = [f"small scene (30 points, 7 paths), {kind}" for kind in ("played", "new paths")]
    well_formed(drawing.rows(drawing.Sizes(scenes=(scene,), frames=2)), names, "ms")


@pytest.mark.usefixtures("qapp")
def test_both_canvases_draw_the_scene() -> None:
    from dnf_studio.bench.canvas import ItemsCanvas, LayersCanvas
    from dnf_studio.gui.drawing.theme import LIGHT

    rest = np.full((5, 200, 2), 50, np.float32)
    random = np.random.default_rng(0)
    states = random.uniform(-2, 2, (5, 200, 2)).astype(np.float32)
    for kind in (LayersCanvas, ItemsCanvas):
        shares = []
        for shown in (rest, states):
            canvas = kind(shown, 50)
            canvas.draw(1.5, True)
            shares.append(share_near(pixels(canvas._plot), LIGHT.forward, 120))
            canvas.close()
        assert shares[1] > shares[0] + 0.01


def test_explorer() -> None:
    change = explorer.Change("view N 3 to 5", viewed(3), viewed(5, seed=1))
    rows = explorer.rows(explorer.Sizes(points=300, rounds=2, changes=(change,)))
    well_formed(rows, ["view N 3 to 5, first 256 paths", "view N 3 to 5, all 300"], "ms")


def test_gpu_measures_nothing_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SetupError, match=r"^Nothing measured: no CUDA device here\.$"):
        next(iter(gpu.rows()))


def test_gpu(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a processor, whose replays are calls; points of more than one block are not captured."""
    monkeypatch.setattr(captured, "DEVICES", {"cpu"})
    monkeypatch.setattr(gpu, "choose_hidden_type", lambda *_: torch.float32)
    monkeypatch.setattr(fourier_kernel, "BLOCK_ROWS", 8)
    names = ["batch 8, eager beside plain", "batch 8, captured beside plain", "batch 8, captured beside eager"]
    names.append("batch 12, eager beside plain")
    rows = gpu.rows_on(torch.device("cpu"), gpu.Sizes(dims=(2,), batches=(8, 12), steps=1, rounds=1))
    well_formed(rows, [f"cpu, float32, D = 2, {name}" for name in names], "ms")
    assert capsys.readouterr().err == "cpu, float32, D = 2, batch 12: a step of so many points is not captured.\n"


# what they stand on


def test_the_plain_paths_are_the_models_own() -> None:
    flow, lam = flow_of(), 0.6
    grid, x0, z = flow.grid(7), torch.randn(9, 2), torch.randn(9, 2)
    forward, backward, steps = textbook_paths(flow, grid, x0, z, torch.Generator().manual_seed(3), lam)
    generator = torch.Generator().manual_seed(3)
    noise, back = (torch.stack([torch.randn(9, 2, generator=generator) for _ in range(7)]) for _ in range(2))
    with torch.no_grad():
        torch.testing.assert_close(forward, flow.forward_path(x0, noise, grid))
        torch.testing.assert_close(backward, flow.backward_path(z, back, lam=lam, grid=grid), atol=1e-5, rtol=1e-5)
        expected = explain_path(flow.fields(grid), grid, forward, noise).steps
    torch.testing.assert_close(steps, expected, atol=1e-3, rtol=1e-3)


def test_the_plain_sample_is_the_models_own() -> None:
    flow, z = flow_of(), torch.randn(9, 2)
    found = textbook_sample(flow, z, torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    noise = torch.stack([torch.randn(9, 2, generator=generator) for _ in range(4)])
    with torch.no_grad():
        torch.testing.assert_close(found, flow.backward_path(z, noise, last="mean")[-1], atol=1e-5, rtol=1e-5)


def test_works_run_in_turn_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    taken = in_turn({"a": partial(calls.append, "a"), "b": partial(calls.append, "b")}, rounds=3)
    assert calls == ["a", "b"] * 4
    assert {name: len(times) for name, times in taken.items()} == {"a": 3, "b": 3}
    assert len(in_turn({"a": int}, rounds=9, seconds=0.0)["a"]) == 2
    calls.clear()
    in_turn({"a": partial(calls.append, "a")}, rounds=1, warm_up=False)
    assert calls == ["a"]


def test_the_reference_is_the_faster_of_its_runs() -> None:
    works = plain_works(torch.get_num_threads)
    threads = [work() for work in works.values()]
    assert threads in ([1], [1, 2])
    first, *others = works
    assert fastest({first: [3.0, 2.0], **{name: [4.0] for name in others}, "ours": [0.1]}) == 2.0


def test_threads_are_put_back_also_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError):
        on_threads(before + 1, lambda: 1 // 0)()
    assert torch.get_num_threads() == before


def test_ratios_above_one_are_better() -> None:
    assert less("a", 2.0, "ms", 6.0) == Row("a", 2.0, "ms", 6.0, 3.0)
    assert more("a", 6.0, "points/s", 2.0) == Row("a", 6.0, "points/s", 2.0, 3.0)


def test_topics_keep_their_order_and_others_are_refused() -> None:
    assert check_topics(()) == tuple(TOPICS)
    assert check_topics(["drawing", "training", "drawing"]) == ("training", "drawing")
    with pytest.raises(SettingError, match="did you mean 'drawing'"):
        check_topics(["training", "drawng"])


def test_a_child_is_this_package_and_its_failure_one_sentence() -> None:
    import dnf_studio

    assert run_python("-c", "import dnf_studio; print(dnf_studio.__file__)").strip() == dnf_studio.__file__
    with pytest.raises(SetupError, match=r"ended with code 1: ValueError: no\.$"):
        run_python("-c", "raise ValueError('no.')")


def test_the_machine_is_named() -> None:
    facts: dict[str, Any] = machine_facts()
    assert facts["processor"] and facts["cores"] >= 1 and facts["torch"] == torch.__version__
    assert facts["precision"] in ("float32", "bfloat16") and facts["pyside6"]
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(("platform", "display"), [("offscreen", ":7"), ("", None)])
def test_without_a_display_the_screen_is_offscreen(
    monkeypatch: pytest.MonkeyPatch, platform: str, display: str | None
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display is not None:
        monkeypatch.setenv("DISPLAY", display)
    assert screen() == "offscreen"
