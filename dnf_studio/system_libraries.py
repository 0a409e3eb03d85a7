"""The system libraries behind Qt's windows, looked for before Qt would abort the process.

A wheel brings Qt but not the libraries of the desktop under it. Without libEGL the import of
PySide6 fails; without libxcb-cursor, or a display that answers, Qt ends the process from C++.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Mapping

from dnf_studio.errors import SetupError

QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
X11_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
APT_PACKAGES = (*QT_LIBRARIES.values(), *X11_LIBRARIES.values(), "fonts-dejavu-core")
"""What a bare Debian or Ubuntu needs for the window."""


def explain_import_error(error: ImportError) -> SetupError | None:
    """What a failed import of Qt means to a person, or None where no system library is missing."""
    found = re.search(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file", str(error))
    return _missing([found[1]]) if found else None


def require_display(environment: Mapping[str, str] = os.environ) -> None:
    """Raise `SetupError` where Qt, finding no display or no library for it, would abort."""
    platform = environment.get("QT_QPA_PLATFORM", "")
    x11 = platform.startswith("xcb") if platform else not environment.get("WAYLAND_DISPLAY")
    if not x11 or not sys.platform.startswith("linux"):
        return
    display = environment.get("DISPLAY")
    if not display:
        raise SetupError(
            "There is no display to show the window on; start it in a desktop session, under xvfb-run, "
            "or with QT_QPA_PLATFORM=offscreen for a screenshot."
        )
    missing = [name for name in X11_LIBRARIES if not _loads(name)]
    if missing:
        raise _missing(missing)
    if not _answers(display):
        raise SetupError(f"The display '{display}' does not answer; is the DISPLAY variable right?")


def _missing(names: list[str]) -> SetupError:
    return SetupError(
        f"The window needs {' and '.join(names)}, which this system lacks; on Debian or Ubuntu install "
        f"what it needs with 'apt-get install {' '.join(APT_PACKAGES)}'."
    )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _answers(display: str) -> bool:
    """Whether an X server accepts a connection at `display`."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError as error:
        raise _missing(["libX11.so.6"]) from error
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
    connection = x11.XOpenDisplay(display.encode())
    if connection:
        x11.XCloseDisplay(connection)
    return bool(connection)
