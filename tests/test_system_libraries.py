from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dnf_studio import system_libraries
from dnf_studio.cli import main
from dnf_studio.errors import SetupError
from dnf_studio.system_libraries import APT_PACKAGES, explain_import_error, require_display

DESKTOP = {"DISPLAY": ":7"}
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux leaves them to the system")


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of libraries that the loader does not find, filled by the test; the display answers."""
    absent: set[str] = set()
    real = ctypes.CDLL

    def load(name: str) -> ctypes.CDLL:
        if name in absent:
            raise OSError(f"{name}: cannot open shared object file: No such file or directory")
        return real(None)

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setattr(system_libraries, "_answers", lambda display: True)
    return absent


def test_a_missing_library_at_import_names_what_to_install() -> None:
    text = "libEGL.so.1: cannot open shared object file: No such file or directory"
    error = explain_import_error(ImportError(text))
    assert error is not None
    assert "libEGL.so.1" in str(error)
    assert f"apt-get install {' '.join(APT_PACKAGES)}" in str(error)
    assert "\n" not in str(error) and str(error).endswith(".")


@pytest.mark.parametrize("text", ["No module named 'dnf_studio.gui.nothing'", "cannot import name 'x'", ""])
def test_other_import_errors_stay_what_they_are(text: str) -> None:
    assert explain_import_error(ImportError(text)) is None


@on_linux
def test_the_cursor_library_is_missed_before_qt_aborts(libraries: set[str]) -> None:
    require_display(DESKTOP)
    libraries.add("libxcb-cursor.so.0")
    with pytest.raises(SetupError, match=r"libxcb-cursor\.so\.0.*libxcb-cursor0"):
        require_display(DESKTOP)
    with pytest.raises(SetupError):
        require_display({**DESKTOP, "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": "wayland-0"})


@on_linux
@pytest.mark.parametrize(
    "environment", [{**DESKTOP, "WAYLAND_DISPLAY": "wayland-0"}, {**DESKTOP, "QT_QPA_PLATFORM": "offscreen"}]
)
def test_what_does_not_use_x11_needs_none_of_it(libraries: set[str], environment: dict[str, str]) -> None:
    libraries.update(system_libraries.X11_LIBRARIES)
    require_display(environment)


@on_linux
def test_no_display_at_all_is_one_sentence(libraries: set[str]) -> None:
    with pytest.raises(SetupError, match=r"^There is no display .*\.$"):
        require_display({})


@on_linux
def test_a_display_that_does_not_answer_is_one_sentence() -> None:
    with pytest.raises(SetupError, match=r"The display ':9731' does not answer"):
        require_display({"DISPLAY": ":9731"})


def test_every_library_of_qts_x11_plugin_is_looked_for() -> None:
    """Against the NEEDED entries of the plugin itself."""
    import PySide6

    plugin = Path(PySide6.__file__).parent / "Qt/plugins/platforms/libqxcb.so"
    if not plugin.exists():
        pytest.skip("this PySide6 brings no X11 plugin")
    needed = set(re.findall(rb"lib(?:xcb|xkb)[\w-]*\.so\.\d", plugin.read_bytes()))
    known = {*system_libraries.X11_LIBRARIES, *system_libraries.QT_LIBRARIES}
    # These come with libx11-6 and libgl1, on which the packages named depend
    brought = {"libxcb.so.1", "libxcb-shm.so.0", "libxcb-sync.so.1", "libxcb-xfixes.so.0", "libxcb-render.so.0"}
    assert {name.decode() for name in needed} <= known | brought


@on_linux
def test_the_command_exits_with_the_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    assert main([]) == 1
    assert capsys.readouterr().err.startswith("dnf-studio: There is no display")


def test_a_library_missing_under_qt_ends_the_command_with_the_sentence(tmp_path: Path) -> None:
    """A PySide6 that fails as it does without libEGL."""
    fake = tmp_path / "PySide6"
    fake.mkdir()
    (fake / "__init__.py").write_text("raise ImportError('libEGL.so.1: cannot open shared object file: No such file')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from dnf_studio.cli import main; sys.exit(main([]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_offscreen())
    assert done.returncode == 1
    assert done.stderr.startswith("dnf-studio: The window needs libEGL.so.1")
    assert "Traceback" not in done.stderr


def _offscreen() -> dict[str, str]:
    import os

    return {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
