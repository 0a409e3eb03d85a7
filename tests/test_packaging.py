"""The project file, and the package as pip installs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from PySide6.QtCore import QObject

from dnf_studio import __version__, assets
from dnf_studio.system_libraries import APT_PACKAGES

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


def requirements(project: dict[str, Any], python: str) -> dict[str, Requirement]:
    """What pip would install on a version of Python."""
    wanted = [Requirement(line) for line in project["dependencies"]]
    here = {"python_version": python}
    return {want.name: want for want in wanted if want.marker is None or want.marker.evaluate(here)}


@pytest.mark.parametrize("version", ["6.8.0", "6.12.0", "6.12.3", "7.0"])
def test_python_3_11_gets_no_pyside_that_kills_it(project: dict[str, Any], version: str) -> None:
    assert not requirements(project, "3.11")["PySide6-Essentials"].specifier.contains(version)


@pytest.mark.parametrize(("python", "version"), [("3.11", "6.11.3"), ("3.12", "6.11.3"), ("3.13", "6.12.0")])
def test_every_python_gets_some_pyside(project: dict[str, Any], python: str, version: str) -> None:
    assert requirements(project, python)["PySide6-Essentials"].specifier.contains(version)


def test_newer_pythons_exclude_the_crashing_release_too(project: dict[str, Any]) -> None:
    assert not requirements(project, "3.13")["PySide6-Essentials"].specifier.contains("6.8.0")


def test_a_call_that_returns_nothing_keeps_its_reference_to_none() -> None:
    """PySide6 6.12 loses one a call, which ends Python 3.11 after some thousand calls."""
    thing = QObject()
    before = sys.getrefcount(None)
    for _ in range(1000):
        thing.setObjectName("x")
    if sys.version_info < (3, 12):
        assert sys.getrefcount(None) > before - 100


def test_dependencies_are_ranges(project: dict[str, Any]) -> None:
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    for line in lines:
        operators = {part.operator for part in Requirement(line).specifier}
        assert ">=" in operators and "<" in operators and not operators & {"==", "==="}, line


def test_the_readme_installs_what_qt_needs() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if "apt-get" in line]
    assert len(lines) == 2
    for line in lines:
        assert set(APT_PACKAGES) <= set(re.findall(r"[\w.+-]+", line))


def test_a_checkout_uses_its_own_assets() -> None:
    assert assets.resource() == ROOT / "resources"
    assert assets.checkpoint_path("no-such-model") is None
    for name in assets.checkpoint_names():
        assert assets.checkpoint_path(name) == ROOT / "checkpoints" / f"{name}.safetensors"


@pytest.mark.wheel
def test_the_wheel_finds_its_assets_outside_the_checkout(tmp_path: Path) -> None:
    """Built, installed to a folder of its own, and run from another."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("dnf_studio-*.whl")
    target = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    code = (
        "import dnf_studio; from dnf_studio import assets; print(dnf_studio.__file__, dnf_studio.__version__);"
        "root = assets.resource();"
        "print(*sorted(p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file() and p.suffix != '.pyc'));"
        "print(*(f'{n}:{assets.checkpoint_path(n).stat().st_size}' for n in assets.checkpoint_names()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    where, resources, checkpoints = done.stdout.split("\n")[:3]
    assert where == f"{target / 'dnf_studio' / '__init__.py'} {__version__}"
    assert resources.split() == sorted(
        path.relative_to(ROOT / "resources").as_posix() for path in (ROOT / "resources").rglob("*") if path.is_file()
    )
    assert checkpoints.split() == [
        f"{name}:{(ROOT / 'checkpoints' / f'{name}.safetensors').stat().st_size}" for name in assets.checkpoint_names()
    ]
