"""``dnf-studio [FILE]``: reads its few options and opens the window."""

from __future__ import annotations

import argparse
import math
import os
import re
import sys
import time
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from dnf_studio import __version__, assets, plugins
from dnf_studio.cli.verbs import VERBS
from dnf_studio.core.data.naming import split_selection
from dnf_studio.core.files import check_target, source_size
from dnf_studio.errors import ExportError, SettingError, StudioError
from dnf_studio.gui.application import WindowOptions

WITH = (
    "run this file of Python, with all that its code does, before anything is opened or trained; it registers data "
    "sets, networks, solvers or models; also before a verb, and several times"
)


def run(words: list[str]) -> int:
    """Open the window as `words` ask and return its exit code."""
    from dnf_studio.system_libraries import explain_import_error, require_display

    options = parse(words)
    if options.file is not None:
        _require_known(options.file)
    require_display()
    try:
        from dnf_studio.gui.application import app

        return app.run(options)
    except ImportError as error:
        reason = explain_import_error(error)
        if reason is None:
            raise
        raise reason from error


def parse(words: list[str]) -> WindowOptions:
    """Raises `SettingError` where `words` are not what the window can be asked."""
    if words:
        _refuse_slip(words[0])
    parser = _Parser(
        prog="dnf-studio",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Opens the studio; FILE is a checkpoint, data, an export, a session or a bundled model's name.",
        epilog="without a window:\n" + "\n".join(f"  dnf-studio {verb:<10} {does}" for verb, does in VERBS.items()),
    )
    of_data = "of data also FILE::path/inside (.h5, .npz), FILE::column,column, and of images FILE::logit"
    parser.add_argument("file", metavar="FILE", nargs="?", help=of_data)
    parser.add_argument("--screenshot", metavar="F.png", type=_picture, help="save a picture of the window, then quit")
    parser.add_argument("--after", metavar="S", type=_seconds, help="seconds from the first live frame to the picture")
    parser.add_argument("--size", metavar="WxH", type=_size, help="width and height of the window in pixels")
    parser.add_argument("--json", action="store_true", help="print what was measured as one JSON object on quitting")
    parser.add_argument("--with", metavar="F.py", action="append", help=WITH)
    # Of the window that a script starts, which writes into its input where it waits
    parser.add_argument("--live", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"dnf-studio {__version__}")
    asked = parser.parse_args(words)
    if asked.after is not None and asked.screenshot is None:
        raise SettingError("--after needs --screenshot.")
    plugins.use(vars(asked)["with"] or [])
    return WindowOptions(
        file=asked.file,
        screenshot=asked.screenshot,
        after=WindowOptions.after if asked.after is None else asked.after,
        size=asked.size,
        live=sys.stdin.readline() if asked.live and sys.stdin is not None else "",
        json=asked.json,
        started=_process_start(),
    )


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one sentence."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(f"{message[:1].upper()}{message[1:]}; see '{self.prog} --help'.")


def _refuse_slip(word: str) -> None:
    """A first word that is no file but nearly a verb is a slip; anything else is the window's to open."""
    near = get_close_matches(word, VERBS, n=1, cutoff=0.75)
    if near and not os.path.exists(word):
        raise SettingError(f"There is no file or command '{word}'; did you mean 'dnf-studio {near[0]}'?")


def _require_known(file: str) -> None:
    """Raise `StudioError` where `file` is neither a file nor a name, before a window opens on nothing."""
    path, _ = split_selection(file)
    if os.path.exists(path) or assets.checkpoint_path(file) is not None:
        return
    if path.suffix or path.name != str(path):
        source_size(path, StudioError)
    from dnf_studio.core.data.catalogue import open_dataset

    # It may be of a plug-in; what is broken of them the window tells
    plugins.load()
    open_dataset(file)


def _picture(word: str) -> Path:
    path = Path(word)
    if path.suffix.lower() != ".png":
        raise SettingError(f"The picture's name must end in .png, and it is '{word}'.")
    if not os.path.isdir(path.parent):
        raise SettingError(f"There is no folder '{path.parent}' for the picture.")
    check_target(path, ExportError)
    return path


def _seconds(word: str) -> float:
    seconds = float(word) if re.fullmatch(r"\d+(\.\d*)?|\.\d+", word) else math.nan
    if not seconds <= 86_400:
        raise SettingError(f"--after takes seconds from 0 to 86400, not '{word}'.")
    return seconds


def _size(word: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", word)
    size = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(200 <= side <= 16_384 for side in size):
        raise SettingError(f"--size is written as 1280x800 with sides from 200 to 16384, not '{word}'.")
    return size


def _process_start() -> float:
    """When this process started, on the clock of `time.perf_counter`; to 0.01 s, on Linux only, else now."""
    if not sys.platform.startswith("linux"):
        return time.perf_counter()
    after_name = Path("/proc/self/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(after_name[19]) / os.sysconf("SC_CLK_TCK")
    return time.perf_counter() - age
