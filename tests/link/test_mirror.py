"""The folder of a run on another machine, which here is this one: an ``ssh`` on the path runs what it is given."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dnf_studio.cli.watch import watch
from dnf_studio.core.storage.run_folder import FILE, HEAD, LOCK, NEWEST, RECORD
from dnf_studio.errors import Cancelled, LinkError
from dnf_studio.link import mirror as mirror_module
from dnf_studio.link.mirror import Mirror
from dnf_studio.link.ssh import RunPlace, Shell, quoted

SSH = """#!/bin/sh
echo "$@" >> "{told}"
[ -e "{down}" ] && {{ echo 'ssh: connect to host far port 22: No route to host' >&2; exit 255; }}
echo 'a banner of the shell'
for last; do :; done
exec /bin/sh -c "$last"
"""
NAME = 'it\'s "a" $run; `x` \\ é'


class Far:
    """The other machine: a folder, and an ssh that can be cut."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.here = tmp_path / "far" / NAME, tmp_path / "here"
        self.told, self.down = tmp_path / "told", tmp_path / "down"
        (self.folder / "run.snapshots").mkdir(parents=True)
        (tmp_path / "bin").mkdir()
        ssh = tmp_path / "bin" / "ssh"
        ssh.write_text(SSH.format(told=self.told, down=self.down))
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
        self.write(HEAD, b"{}")
        self.write(LOCK, b'{"mark": "x"}')

    def write(self, name: str, data: bytes, more: bool = False) -> None:
        with (self.folder / name).open("ab" if more else "wb") as file:
            file.write(data)

    def snapshot(self, iteration: int, data: bytes) -> None:
        self.write(f"run.snapshots/{iteration:09d}.safetensors", data)

    def weights(self, iteration: int, data: bytes) -> None:
        self.write(NEWEST, data)
        line = json.dumps({"event": "weights", "iteration": iteration, "file": NEWEST}, separators=(",", ":"))
        self.write(RECORD, line.encode() + b"\n", more=True)

    def mirror(self, limit: float = 1e9) -> Mirror:
        return Mirror(RunPlace.read(f"me@far:{self.folder}"), self.here, limit)

    def alike(self) -> bool:
        return contents(self.folder) == contents(self.here)


def contents(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Far:
    monkeypatch.setattr(mirror_module, "ASKED_EVERY", 0.05)
    monkeypatch.setattr(mirror_module, "SNAPSHOTS_EVERY", 0.05)
    monkeypatch.setattr(mirror_module, "LATER", (0.05,))
    return Far(tmp_path, monkeypatch)


def pulled(mirror: Mirror, until: Callable[[], bool]) -> list[str]:
    words, end = [], time.monotonic() + 10
    while not until():
        assert time.monotonic() < end, words[-1:]
        words.append(mirror.pull(lambda: None))
        time.sleep(0.01)
    return words


def test_a_run_is_mirrored_as_it_grows_and_ends(far: Far) -> None:
    far.write(RECORD, b'{"iteration": 1}\n{"itera')
    far.weights(0, b"first" * 999)
    for iteration in range(5):
        far.snapshot(iteration, os.urandom(70_000 + iteration))
    mirror = far.mirror()
    mirror.connect()
    pulled(mirror, far.alike)
    far.weights(9, b"other" * 999)  # of the same size
    (far.folder / "run.snapshots" / "000000003.safetensors").unlink()
    pulled(mirror, far.alike)
    (far.folder / NEWEST).unlink()
    (far.folder / LOCK).unlink()
    far.write(FILE, b"whole")
    far.write(RECORD, b'{"event":"end","how":"done"}\n', more=True)
    words = pulled(mirror, far.alike)
    assert all("kB/s by ssh, at most 1,000,000" in word for word in words)
    # It went on and ended once more, with a checkpoint of the same size
    far.write(FILE, b"again")
    far.write(RECORD, b'{"event":"begin"}\n{"event":"end","how":"done"}\n', more=True)
    pulled(mirror, far.alike)
    mirror.close()
    assert far.told.read_text().count("\n") == 1  # one connection for all of it
    assert far.told.read_text().endswith("-- me@far exec /bin/sh\n")


def test_a_lost_connection_is_told_and_gone_on_with(far: Far) -> None:
    far.write(RECORD, b"x" * 200_000)
    mirror = far.mirror()
    mirror.connect()
    pulled(mirror, far.alike)
    far.down.touch()
    assert mirror._connection is not None
    mirror._connection._process.kill()
    far.write(RECORD, b"y" * 200_000, more=True)
    words: list[str] = []
    end = time.monotonic() + 10
    while "No route to host" not in "".join(words) and time.monotonic() < end:
        words.append(mirror.pull(lambda: None))
        time.sleep(0.02)
    assert words[-1] == "no connection, trying again in 0 s (ssh: connect to host far port 22: No route to host)"
    far.down.unlink()
    pulled(mirror, far.alike)
    mirror.close()


def test_the_bandwidth_is_bounded_and_a_wait_can_be_cancelled(far: Far) -> None:
    far.write(RECORD, b"x" * 400_000)
    mirror = far.mirror(limit=1_000_000)
    mirror.connect()
    began = time.monotonic()
    pulled(mirror, far.alike)
    assert time.monotonic() - began > 0.1  # 0.2 s of 0.4 may have been saved up
    mirror.limit = 1000
    far.write(RECORD, b"x" * 400_000, more=True)

    def stop() -> None:
        if (far.here / RECORD).stat().st_size > 400_000:
            raise Cancelled

    with pytest.raises(Cancelled):
        for _ in range(99):
            mirror.pull(stop)
            time.sleep(0.01)
    mirror.close()


def test_a_large_file_is_asked_for_in_parts_and_the_record_goes_on(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    more = Shell.more
    monkeypatch.setattr(Shell, "more", lambda self, count, check: asked.append(count) or more(self, count, check))
    monkeypatch.setattr(mirror_module, "SLICE", 0.05)
    far.weights(0, b"1" * 60_000)
    mirror = far.mirror(limit=40_000)
    mirror.connect()
    partial = far.here / f".{NEWEST}.part"
    pulled(mirror, partial.exists)
    far.write("next", b"2" * 60_000)
    (far.folder / "next").replace(far.folder / NEWEST)
    far.write(RECORD, b'{"iteration": 1}\n', more=True)
    pulled(mirror, lambda: (far.here / RECORD).read_bytes() == (far.folder / RECORD).read_bytes())
    assert not (far.here / NEWEST).exists()
    mirror.limit = 1e9
    pulled(mirror, (far.here / NEWEST).exists)
    mirror.close()
    assert (far.here / NEWEST).read_bytes() == b"1" * 60_000  # as it was when it began to come
    assert asked[0] == 2  # bytes of run.json
    assert asked[2] == 20_000  # half a second
    # What is said to have come, and is waited for, is all that came, the list of files too
    assert 60_000 < mirror._counted < 70_000


def test_a_record_that_is_another_one_and_a_long_one(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "MOST_RECORD", 100)
    far.write(RECORD, b"1" * 150 + b"2" * 100)
    mirror = far.mirror()
    mirror.connect()
    pulled(mirror, lambda: (far.here / RECORD).exists() and (far.here / RECORD).stat().st_size == 250)
    assert (far.here / RECORD).read_bytes() == b"\0" * 150 + b"2" * 100
    far.write(RECORD, b"anew\n")
    pulled(mirror, lambda: (far.here / RECORD).read_bytes() == b"anew\n" if (far.here / RECORD).exists() else False)
    mirror.close()


def test_no_name_of_the_other_machine_leads_out_of_the_folder(far: Far, tmp_path: Path) -> None:
    lies = "run.snapshots/../../escaped", "run.snapshots/x/../../../escaped", "../escaped", ".bashrc", "run.snapshots/a"
    lines = "".join(f"echo '-rw-r--r-- 1 0 0 5 Jan 1 00:00 {name}'\n" for name in lies)
    ls = tmp_path / "bin" / "ls"
    ls.write_text(f'#!/bin/sh\n{lines}exec /bin/ls "$@"\n', encoding="utf-8")
    ls.chmod(0o755)
    far.weights(1, b"weights")
    mirror = far.mirror()
    mirror.connect()
    pulled(mirror, far.alike)
    mirror.close()
    assert not list(tmp_path.rglob("escaped")) and {path.name for path in far.here.iterdir()} == {
        HEAD,
        LOCK,
        RECORD,
        NEWEST,
    }


def test_what_is_not_there_is_told(far: Far, tmp_path: Path) -> None:
    (far.folder / HEAD).unlink()
    (far.folder / LOCK).unlink()
    with pytest.raises(LinkError, match=r"There is no run in .* on me@far: it has no run\.json"):
        far.mirror().connect()
    far.down.touch()
    with pytest.raises(LinkError, match="Cannot reach me@far by ssh: ssh: connect to host far port 22: No route"):
        far.mirror().connect()
    # As nologin does, or an account that is for files only
    (tmp_path / "bin" / "ssh").write_text("#!/bin/sh\necho 'This account is not available.'\nexit 1\n")
    with pytest.raises(LinkError, match=r"Cannot reach me@far by ssh: This account is not available\.$"):
        far.mirror().connect()


@pytest.mark.parametrize(
    ("text", "host", "folder"),
    [
        ("gpu1:runs/a/", "gpu1", "runs/a/"),
        ("me@gpu1.lab.org:/scratch/a b", "me@gpu1.lab.org", "/scratch/a b"),
        ("[::1]:~/a", "::1", "a"),
        ("h:~/", "h", "."),
        ("h:-rf", "h", "-rf"),
        ("h:a:b", "h", "a:b"),
    ],
)
def test_places(text: str, host: str, folder: str) -> None:
    found = RunPlace.read(text)
    assert (found.host, found.folder) == (host, folder)


@pytest.mark.parametrize(
    "text", ["-oProxyCommand=x:a", "me@-x:a", "-x@h:a", "h", "h:", ":a", "h x:a", "h;x:a", "$(x):a", "h:a\nb", "a/b:c"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(LinkError):
        RunPlace.read(text)


@pytest.mark.parametrize("folder", [".", "..", "runs/..", "~/"])
def test_a_folder_without_a_name_is_mirrored_in_one_that_has_one(
    far: Far, folder: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(Mirror, "connect", lambda _self: None)
    seen: list[Path] = []
    monkeypatch.setattr("dnf_studio.cli.window.open_with", lambda options: seen.append(options.watch.here) or 0)
    assert watch(f"far:{folder}") == 0
    (here,) = seen
    assert here.name == "run" and here.parent.parent == tmp_path / "cache" / "dnf-studio" / "watched"


def test_a_file_that_cannot_be_read_there_is_told(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror_module, "SLICE", 0.05)
    far.write(RECORD, b'{"iteration": 1}\n')
    far.weights(1, b"weights")
    mirror = far.mirror()
    mirror.connect()
    shell = mirror._connection
    assert shell is not None and not shell.hold(str(far.folder), "nothing", lambda: None)
    assert shell.hold(str(far.folder), HEAD, lambda: None)  # the shell is still there
    hold, closed = Shell.hold, {NEWEST}
    monkeypatch.setattr(
        Shell, "hold", lambda self, folder, name, check: name not in closed and hold(self, folder, name, check)
    )
    words = pulled(mirror, (far.here / RECORD).exists)
    words += [mirror.pull(lambda: None), mirror.pull(lambda: None)]
    assert words[-1].endswith(f"'{NEWEST}' cannot be read there") and not (far.here / NEWEST).exists()
    closed.clear()
    pulled(mirror, far.alike)
    assert "cannot be read" not in mirror.pull(lambda: None)
    mirror.close()


def test_quoting() -> None:
    assert quoted("it's") == "'it'\\''s'"
