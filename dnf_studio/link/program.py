"""The window as a program of its own, and both connections to it: questions come by one, news go by the other."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from threading import Event, Thread
from typing import Any

from dnf_studio.errors import Check, LinkError, SetupError
from dnf_studio.link.messages import receive

OPTION = "--live"
"""The option by which the program learns that a line of its input says where a script waits."""
MOST_LINE = 4096
ROLES = ("questions", "news")
WAIT_SECONDS = 0.1


class WindowProgram:
    """Starts the window and waits for its two connections; `joined` is called with them, `ended` once it is gone.

    Both are called in threads of its own. Raises `SetupError` where no program can be started.
    """

    def __init__(self, joined: Callable[[Connection, Connection], object], ended: Callable[[str], object]) -> None:
        self._joined, self._ended = joined, ended
        self._key = secrets.token_bytes(32)
        self._listener = Listener(authkey=self._key)
        self._address = self._listener.address
        self._connections: dict[str, Connection] = {}
        self.over = Event()
        """Set once there is no window any more."""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the window is gone
        try:
            self.process = _start(self._errors)
        except OSError as problem:
            self._listener.close()
            raise SetupError(f"The window cannot be started: {problem}.") from problem
        where = {"address": self._address, "key": self._key.hex()}
        with suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(where).encode() + b"\n")
            self.process.stdin.close()
        for work, name in ((self._accept, "dnf-window-join"), (self._wait, "dnf-window-end")):
            Thread(target=work, name=name, daemon=True).start()

    def end(self) -> None:
        """End the window: there is nothing to show."""
        self.process.kill()

    def let_go(self) -> None:
        """Leave the window to itself: the script ends."""
        # Else Python complains that the window outlives the script
        self.process.returncode = self.process.returncode or 0

    def _accept(self) -> None:
        while len(self._connections) < len(ROLES) and not self.over.is_set():
            try:
                connection = self._listener.accept()
                role = receive(connection).facts.get("role")
            except (AuthenticationError, EOFError, OSError, LinkError):
                continue
            if role in ROLES and role not in self._connections:
                self._connections[role] = connection
        self._listener.close()
        if not self.over.is_set():
            self._joined(self._connections["questions"], self._connections["news"])

    def _wait(self) -> None:
        code = self.process.wait()
        self.over.set()
        # Whoever still waits for a connection wakes up
        with suppress(AuthenticationError, EOFError, OSError):
            Client(self._address, authkey=secrets.token_bytes(32)).close()
        self._errors.seek(0)
        said = self._errors.read()[-4000:].decode(errors="replace").strip().splitlines()
        self._errors.close()
        lost = len(self._connections) < len(ROLES)
        self._ended((said[-1] if said else f"its program ended with {code}") if lost else "")


def connect(line: str) -> tuple[Connection, Connection]:
    """Both connections of the window, for questions and for news, by the `line` that the script wrote.

    Raises `LinkError` where no script waits there.
    """
    from dnf_studio.link.messages import Message, send

    try:
        where = json.loads(line[:MOST_LINE])
        address, key = where["address"], bytes.fromhex(where["key"])
        found = []
        for role in ROLES:
            # What listens on this machine alone has a name, not a host and a port
            connection = Client(str(address), authkey=key)
            send(connection, Message("role", {"role": role}))
            found.append(connection)
    except (ValueError, KeyError, TypeError, OSError, EOFError, AuthenticationError) as problem:
        raise LinkError("No script waits for this window.") from problem
    return found[0], found[1]


class Arrival:
    """The connections of the window by the `line` that the script wrote, made in a thread while the window is built:
    once they are there the script computes what is seen first."""

    def __init__(self, line: str) -> None:
        self._found: Future[tuple[Connection, Connection]] = Future()
        Thread(target=self._connect, args=(line,), name="dnf-arrival", daemon=True).start()

    def connections(self, check: Check) -> tuple[Connection, Connection]:
        """Both; `check` is called while they are waited for. Raises `LinkError` where no script waits there."""
        while True:
            with suppress(TimeoutError):
                return self._found.result(WAIT_SECONDS)
            check()

    def _connect(self, line: str) -> None:
        try:
            self._found.set_result(connect(line))
        except LinkError as error:
            self._found.set_exception(error)


def _start(errors: Any) -> subprocess.Popen[bytes]:  # noqa: ANN401 - a temporary file, of a private type
    """The program; it ends by no signal of the script's terminal."""
    if not sys.executable:
        raise OSError("this Python does not say where its program is")
    apart: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    # Not from the folder of the script, whose files may have the names of modules
    command = [sys.executable, "-P", "-m", "dnf_studio", OPTION]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors, **apart)
