"""What every test runs under: no window on the screen, one kernel thread, settings of its own."""

from __future__ import annotations

import gc
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

if "DNF_REAL_WINDOW" not in os.environ:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
# NumPy's and scikit-learn's too, and in the processes that tests start: as many threads as cores in each of xdist's
# workers spend most of their time waiting for one another
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch
from hypothesis import settings
from PySide6.QtCore import QSettings

from dnf_studio.gui.application.process import collect_garbage

# A busy machine is not a wrong result, so no deadlines. What passed once passes again: hypothesis draws the same
# examples each time, and looks for new ones with `pytest --hypothesis-profile=search`.
settings.register_profile("repeat", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("search", deadline=None, max_examples=500)
settings.load_profile("repeat")


def pytest_configure() -> None:
    torch.set_num_threads(1)
    # A thread of a test must not take apart the window of an earlier one, which crashes the interpreter
    gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without an X display the tests that need one are skipped, and say so."""
    if "DISPLAY" not in os.environ:
        for item in items:
            if item.get_closest_marker("xvfb"):
                item.add_marker(pytest.mark.skip(reason="no X display; run under xvfb-run"))


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def collected_here() -> Iterator[None]:
    """Garbage is collected between tests, in the thread that owns the windows."""
    yield
    collect_garbage()


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes an empty folder; pytest's own way looks at all it made before, with thousands of them half a minute."""
    root, numbers = tmp_path_factory.mktemp("folders"), itertools.count()

    def make() -> Path:
        made = root / str(next(numbers))
        made.mkdir()
        return made

    return make


@pytest.fixture(autouse=True)
def own_settings(new_folder: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for the settings of this test, in this process and those it starts."""
    folder = new_folder()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder))
    for form in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(form, QSettings.Scope.UserScope, str(folder))
    return folder


class _Everything(set[object]):
    """Holds whatever it is asked for."""

    def __contains__(self, item: object) -> bool:
        return True


@pytest.fixture(autouse=True)
def trusted_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 files count as our own, so that none of the many that tests read starts a process; not with `apart`."""
    if not request.node.get_closest_marker("apart"):
        monkeypatch.setattr("dnf_studio.core.data.hdf5_reading._own", _Everything())


MEASURED = {
    "core.evaluation.likelihoods.BOUND_POINTS": 500,
    "core.evaluation.likelihoods.ODE_POINTS": 100,
    "core.evaluation.excess_rows.ODE_POINTS": 50,
    "core.evaluation.excess_rows.NEIGHBOUR_POINTS": 500,
    "core.sampling.mass.POINTS": 300,
    "core.sampling.mass.CENTRES": 300,
    "core.training.step_judge.POINTS": 1000,
    "core.training.step_loss.SORTED": 1 << 20,
}
"""Points that an evaluation or a fit of steps measures a model on, where no test depends on how many they are."""


@pytest.fixture
def few_points(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation of so few points that it takes a moment, its samples by number of steps among them."""
    for name, count in MEASURED.items():
        monkeypatch.setattr(f"dnf_studio.{name}", count)
    from dnf_studio.core.evaluation.by_steps import POINTS
    from dnf_studio.core.evaluation.evaluate import evaluate

    given = tuple(500 if value == POINTS else value for value in evaluate.__defaults__ or ())
    monkeypatch.setattr(evaluate, "__defaults__", given)
