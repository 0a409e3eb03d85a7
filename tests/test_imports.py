"""What importing the package costs, and which floor knows which library."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import dnf_studio
import dnf_studio.core

QT = ("PySide6", "shiboken6", "pyqtgraph")


def loaded_after(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after `statement`."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_import_of_the_package_is_light() -> None:
    loaded = loaded_after("import dnf_studio; dnf_studio.__version__; dir(dnf_studio)")
    assert not loaded & {*QT, "torch", "numpy", "pydantic", "typer", "rich"}


def test_no_core_module_loads_qt_or_a_terminal_library() -> None:
    names = [info.name for info in pkgutil.walk_packages(dnf_studio.core.__path__, "dnf_studio.core.")]
    assert "dnf_studio.core.models.two_sdes" in names
    loaded = loaded_after(f"import {', '.join(['dnf_studio.core', 'dnf_studio.api', *names])}")
    assert "torch" in loaded
    assert not loaded & {*QT, "typer", "rich"}


def test_the_way_to_the_window_loads_neither_typer_nor_rich() -> None:
    loaded = loaded_after("from dnf_studio.cli.window import parse; parse(['--size', '800x600'])")
    assert not loaded & {*QT, "typer", "rich", "torch", "numpy", "pydantic"}


def test_the_application_begins_before_numpy_whose_threads_it_chooses() -> None:
    assert "numpy" not in loaded_after("import dnf_studio.gui.application.app")


def test_light_verbs_load_no_torch_before_they_need_it() -> None:
    loaded = loaded_after("from dnf_studio.cli import main; assert main(['train', '--bogus']) == 2")
    assert "typer" in loaded
    assert not loaded & {*QT, "torch", "rich"}


def test_a_model_is_loaded_without_symbolic_algebra() -> None:
    # torch imports sympy, half a second, for what is made on its meta device in other ways than ours
    loaded_after(
        "import sys, torch, dnf_studio; before = 'sympy' in sys.modules; "
        "dnf_studio.load('diffflow-rings'); assert before or 'sympy' not in sys.modules"
    )


@pytest.mark.parametrize("model", ["diffflow", "diffusion", "flow"])
def test_training_begins_without_the_compiler_and_symbolic_algebra(model: str) -> None:
    # Optimizers of torch import its compiler with their first step, and autograd sympy: more than a second
    config = {"data": "rings", "model": model, "training": {"iterations": 1, "batch": 16}}
    loaded_after(
        "import sys, torch, dnf_studio as dnf; before = set(sys.modules); "
        f"assert len(list(dnf.train(dnf.Config.create({config})))) == 1; "
        "assert not {'torch._dynamo', 'sympy'} & (set(sys.modules) - before)"
    )


@pytest.mark.parametrize("name", dnf_studio.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(dnf_studio, name) is not None
    assert name in dir(dnf_studio)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = dnf_studio.nothing
