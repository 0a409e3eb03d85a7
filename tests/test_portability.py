"""Known traps of Windows and macOS, looked for in the source, and what can be tried here."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import dnf_studio

PACKAGE = Path(dnf_studio.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
POSIX_MODULES = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getgid", "getpgid", "killpg", "mkfifo", "nice", "sched_getaffinity",
           "sched_setaffinity", "setsid", "sysconf", "uname", "chown", "O_DIRECTORY", "O_NOFOLLOW", "getloadavg"},
    "signal": {"SIGKILL", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE", "alarm",
               "setitimer", "pause", "pthread_kill"},
    "time": {"CLOCK_BOOTTIME", "CLOCK_MONOTONIC", "CLOCK_REALTIME", "clock_gettime", "tzset"},
}  # fmt: skip
GUARDS = ("sys.platform", "os.name", "hasattr(os,", "hasattr(signal,", "platform.system()")
FOLDERS = ("/proc", "/tmp", "/dev/", "/home", "/etc/", "/usr/", "/var/", "C:\\")
Trap = Callable[[ast.AST, str], bool]


def name_of(node: ast.AST) -> str:
    """``os.path.join`` of a call or attribute, or an empty text."""
    try:
        return ast.unparse(node.func if isinstance(node, ast.Call) else node)
    except (AttributeError, ValueError):
        return ""


def text_in(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def guarded(around: str) -> bool:
    return any(guard in around for guard in GUARDS)


def posix_only(node: ast.AST, around: str) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        return not POSIX_MODULES.isdisjoint(names) and not guarded(around)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr in POSIX_NAMES.get(node.value.id, ()) and not guarded(around)
    return False


def folder_of_one_system(node: ast.AST, around: str) -> bool:
    return text_in(node).startswith(FOLDERS) and not guarded(around) and ".exists()" not in around


def text_without_encoding(node: ast.AST, _around: str) -> bool:
    if not isinstance(node, ast.Call) or any(key.arg == "encoding" for key in node.keywords):
        return False
    name = name_of(node)
    if name.endswith((".read_text", ".write_text")):
        return True
    given = [*node.args, *(key.value for key in node.keywords if key.arg == "mode")]
    modes = [text for text in map(text_in, given) if text and set(text) <= set("rwxabt+")]
    if name == "open" or (name.endswith(".open") and (modes or not node.args)):
        return name not in ("os.open", "self.open", "dialog.open") and not any("b" in mode for mode in modes)
    return False


def rename(node: ast.AST, _around: str) -> bool:
    return isinstance(node, ast.Call) and name_of(node).endswith(".rename")


def glibc_date(node: ast.AST, _around: str) -> bool:
    return "%-" in text_in(node) and any(f"%-{letter}" in text_in(node) for letter in "dmHIMSyj")


def fixed_font(node: ast.AST, _around: str) -> bool:
    call = isinstance(node, ast.Call) and name_of(node).split(".")[-1] in {"QFont", "setFamily", "setFamilies"}
    return call and any(text_in(part) for part in ast.walk(node))


def joined_with_slashes(node: ast.AST, _around: str) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return any(text_in(side) == "/" for side in (node.left, node.right))
    return isinstance(node, ast.JoinedStr) and any(text_in(part) == "/" for part in node.values[1:-1])


def shell(node: ast.AST, around: str) -> bool:
    if not isinstance(node, ast.Call):
        return False
    # On Windows a signal of the number 0 ends the process, too
    killed = name_of(node) == "os.kill" and not guarded(around)
    return killed or name_of(node) in {"os.system", "os.popen"} or any(key.arg == "shell" for key in node.keywords)


def stream_that_may_be_none(node: ast.AST, around: str) -> bool:
    """A GUI script on Windows has neither stdout nor stderr; print alone bears that."""
    return name_of(node).startswith(("sys.stdout.", "sys.stderr.")) and "is not None" not in around


TRAPS: dict[str, Trap] = {
    "POSIX only": posix_only,
    "a folder that one system has": folder_of_one_system,
    "text without an encoding": text_without_encoding,
    "rename, which fails on Windows where the target exists; use replace": rename,
    "a date format of glibc": glibc_date,
    "a font by name": fixed_font,
    "a path joined with slashes": joined_with_slashes,
    "a shell or a signal": shell,
    "a stream that may be None": stream_that_may_be_none,
}


def nodes_of(source: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node but docstrings, with the source of the function around it, or of the statement at module level."""

    def walk(node: ast.AST, around: str) -> Iterator[tuple[ast.AST, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and text_in(child.value):
                continue
            inner = around
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) or (
                not around and isinstance(child, ast.stmt)
            ):
                inner = "" if isinstance(child, ast.ClassDef) else ast.unparse(child)
            yield child, inner
            yield from walk(child, inner)

    yield from walk(ast.parse(source), "")


def found_in(source: str) -> list[str]:
    return [
        f"line {getattr(node, 'lineno', '?')}: {title}"
        for node, around in nodes_of(source)
        for title, trap in TRAPS.items()
        if trap(node, around)
    ]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_known_trap(module: Path) -> None:
    assert found_in(module.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from resource import getrusage",
        "import os\ndef f():\n    return os.fork()",
        "import os\nclass A:\n    def f(self):\n        return len(os.sched_getaffinity(0))",
        "import signal\nx = signal.SIGKILL",
        "def f():\n    return Path('/proc/self/stat')",
        "def f(p):\n    return p.read_text()",
        "def f(p):\n    return open(p)",
        "def f(p):\n    return p.open()",
        "def f(p):\n    return p.open('w')",
        "def f(a, b):\n    a.rename(b)",
        "def f(d):\n    return d.strftime('%-d %B')",
        "def f():\n    return QFont('DejaVu Sans', 9)",
        "def f(a, b):\n    return a + '/' + b",
        "def f(a, b):\n    return f'{a}/{b}'",
        "import os\nos.system('ls')",
        "import sys\ndef f():\n    sys.stderr.write('x')",
    ],
)
def test_the_traps_are_seen(source: str) -> None:
    assert found_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\ndef f():\n    return os.sched_getaffinity(0) if hasattr(os, 'sched_getaffinity') else 1",
        "def f():\n    if sys.platform == 'linux':\n        return Path('/proc/self/stat')",
        "def f(p):\n    return p.open('rb'), p.read_text(encoding='utf-8'), self.studio.open(p)",
        "def f():\n    '''In /proc.'''\n    return QFont(self.font())",
        "def f(a, b):\n    return a / b, a.replace(b), f'{a} / {b}'",
        "def f():\n    if sys.stdout is not None:\n        sys.stdout.flush()",
    ],
)
def test_what_is_portable_is_let_through(source: str) -> None:
    assert found_in(source) == []


def run(source: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen", "OMP_NUM_THREADS": "1"} | more
    return subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, encoding="utf-8", timeout=90, env=environment
    )


NO_STREAMS = """
import sys
from pathlib import Path
sys.stdin = sys.stdout = sys.stderr = sys.__stdin__ = sys.__stdout__ = sys.__stderr__ = None
from dnf_studio.cli import main
Path({place!r}).write_text(str(main({words!r})), encoding="utf-8")
"""


@pytest.mark.parametrize(
    ("words", "code"), [(["--screenshot", "F.png", "--after", "0", "--json"], "0"), (["no-such"], "1")]
)
def test_the_window_needs_no_streams(tmp_path: Path, words: list[str], code: str) -> None:
    picture, place = tmp_path / "a.png", tmp_path / "code"
    given = [str(picture) if word == "F.png" else word for word in words]
    done = run(NO_STREAMS.format(place=str(place), words=given))
    assert place.exists() and place.read_text(encoding="utf-8") == code, done.stderr
    assert picture.exists() == ("F.png" in words)


def test_a_fine_screen_gets_a_fine_picture(tmp_path: Path) -> None:
    """Twice the scale: twice the pixels that were asked for, and more than a few colours in them."""
    from PySide6.QtGui import QImage

    path = tmp_path / "a.png"
    words = ["--screenshot", str(path), "--after", "0.3", "--size", "1200x700"]
    source = f"import sys; from dnf_studio.cli import main; sys.exit(main({words!r}))"
    done = run(source, QT_SCALE_FACTOR="2")
    assert done.returncode == 0, done.stderr
    image = QImage(str(path))
    assert (image.width(), image.height()) == (2400, 1400)
    colours = {image.pixel(x, y) for x in range(0, 2400, 7) for y in range(0, 1400, 7)}
    assert len(colours) > 50
