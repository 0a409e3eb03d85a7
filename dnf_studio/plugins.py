"""Plug-ins: which files and packages of other people run beside the studio, and what each of them has registered.

`load` runs them, once a process: the files of ``--with``, which the environment variable `VARIABLE` hands on to every
process that the studio starts, then the entry points of installed packages. A command loads them before its work, the
window after its first paint, a training process before its first run. What they call to register something is
`dnf_studio.api.registering`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import RLock
from traceback import extract_tb
from types import ModuleType
from typing import TYPE_CHECKING, Literal

from dnf_studio.errors import DataError, SettingError, StudioError, continued

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "dnf_studio.plugins"
"""The group of entry points: a module that registers when it is imported, or a function that is called."""
VARIABLE = "DNF_STUDIO_WITH"
"""The environment variable with the files of ``--with``, separated as those of PATH."""
Kind = Literal["data set", "network", "solver", "model"]


@dataclass(frozen=True)
class _Registered:
    kind: Kind
    name: str
    plugin: str
    forget: Callable[[], object]


_lock = RLock()
_registered: list[_Registered] = []
_running: str | None = None
"""The plug-in that is being run."""
_broken: tuple[str, ...] | None = None
"""What `load` found; None before it ran."""
_missing: dict[str, str] = {}
HOW = "start with --with and its file, or install it"
"""What to do about a plug-in that is missing."""


def use(files: Sequence[str]) -> None:
    """Let this process and all that it starts run `files`; raises `SettingError` where one is none."""
    known = [file for file in os.environ.get(VARIABLE, "").split(os.pathsep) if file]
    for file in files:
        if not os.path.isfile(file):
            raise SettingError(f"There is no file '{file}' to run with --with.")
        path = os.path.abspath(file)
        if os.pathsep in path:
            raise SettingError(f"A file of --with cannot have '{os.pathsep}' in its path, as '{path}' has.")
        if path not in known:
            known.append(path)
    if files:
        os.environ[VARIABLE] = os.pathsep.join(known)


def load() -> tuple[str, ...]:
    """Run all plug-ins where that was not done; returns a sentence for each that is broken, and left out as a whole.

    They are run once: later calls, from any thread, wait for the first and return the same.
    """
    global _broken
    with _lock:
        if _broken is None:
            from importlib.metadata import entry_points

            _broken = ()  # what a plug-in finds that asks for it
            files = dict.fromkeys(file for file in os.environ.get(VARIABLE, "").split(os.pathsep) if file)
            faults = [_run(Path(file).name, partial(_run_file, file)) for file in files]
            faults += [_run(_title(entry), partial(_run_entry, entry)) for entry in entry_points(group=GROUP)]
            _broken = tuple(fault for fault in faults if fault is not None)
        return _broken


def add(kind: Kind, name: str, source: object, forget: Callable[[], object]) -> None:
    """Note what was registered, by the plug-in that runs, or else by the module that defines `source`.

    `forget` takes it back, should the plug-in fail later on.
    """
    _registered.append(_Registered(kind, name, _running or _home(source), forget))


def owner(kind: Kind, name: str) -> str | None:
    """The plug-in that registered this; None for what nobody has, and for all that is built in."""
    return next((one.plugin for one in _registered if (one.kind, one.name) == (kind, name)), None)


def forget_all() -> None:
    """Take back all that was registered, and let `load` run again: for tests and notebooks."""
    global _broken
    with _lock:
        _forget_from(0)
        _missing.clear()
        _broken = None


def note_missing(name: str, plugin: str) -> None:
    """Note that a checkpoint was trained on the data set `name` of a plug-in that has not been loaded."""
    _missing[name] = plugin


def missing_data(name: str) -> DataError | None:
    """What to raise for the name of a data set that nothing here bears, if it is known whose it was."""
    plugin = _missing.get(name)
    if plugin is None:
        return None
    return DataError(f"The data set '{name}' is of the plug-in '{plugin}', which is not loaded; {HOW}.")


def _run(plugin: str, body: Callable[[], object]) -> str | None:
    """Run a plug-in; a sentence where it failed, with all taken back that it had registered."""
    global _running
    before, _running = len(_registered), plugin
    try:
        body()
    except (Exception, SystemExit) as error:
        _forget_from(before)
        return f"The plug-in '{plugin}' is left out: {_reason(error)}."
    finally:
        _running = None
    return None


def _run_file(file: str) -> None:
    """Run `file` as a module of its own, which finds others beside it as a script does."""
    name = f"dnf_studio_with_{Path(file).stem}"
    module = ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    if (folder := os.path.dirname(file)) not in sys.path:
        sys.path.append(folder)
    try:
        exec(compile(Path(file).read_bytes(), file, "exec", dont_inherit=True), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise


def _run_entry(entry: EntryPoint) -> None:
    found = entry.load()
    if callable(found):
        found()


def _title(entry: EntryPoint) -> str:
    """The name of the package, which is what a person installs."""
    return entry.dist.name if entry.dist is not None else entry.name


def _forget_from(first: int) -> None:
    while len(_registered) > first:
        _registered.pop().forget()


def _home(source: object) -> str:
    """The name of what defines `source`, of a script that of its file."""
    module = str(getattr(source, "__module__", "") or type(source).__module__)
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file).name if file and module == "__main__" else module


def _reason(error: BaseException) -> str:
    """Why a plug-in failed, as the end of a sentence; of what is no `StudioError` also where."""
    if isinstance(error, StudioError):
        return continued(str(error)).removesuffix(".")
    said = (str(error.msg if isinstance(error, SyntaxError) else error).splitlines() or [""])[0]
    where = f"line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    if not where and (frames := [frame for frame in extract_tb(error.__traceback__) if frame.filename != __file__]):
        where = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
    return f"{type(error).__name__}{': ' if said else ''}{said}{f' ({where})' if where else ''}"
