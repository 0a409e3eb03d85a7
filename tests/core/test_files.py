"""Whole or nothing."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnf_studio.core.files import atomic_file, check_target, explain, source_size
from dnf_studio.errors import ExportError


def write(target: Path, text: str, failure: BaseException | None = None) -> None:
    with atomic_file(target, ExportError) as partial:
        assert partial.parent == target.parent
        assert partial.name.startswith(f".{target.name}.partial-") and partial.name.endswith(f"-{os.getpid()}")
        partial.write_text(text)
        if failure is not None:
            raise failure


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    write(target, "old")
    write(target, "new")
    assert target.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.skipif(os.name != "posix", reason="bytes of a name are counted so on POSIX")
@pytest.mark.parametrize("name", ["y" * 255, "ü" * 127 + "y"])
def test_the_longest_name_can_be_written(tmp_path: Path, name: str) -> None:
    with atomic_file(tmp_path / name, ExportError) as partial:
        partial.write_text("new")
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("failure", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
@pytest.mark.parametrize("existing", [True, False])
def test_an_end_in_the_middle_leaves_what_was(tmp_path: Path, failure: BaseException, existing: bool) -> None:
    target = tmp_path / "a.txt"
    if existing:
        target.write_text("old")
    with pytest.raises(type(failure)):
        write(target, "half", failure)
    assert os.listdir(tmp_path) == (["a.txt"] if existing else [])
    assert not existing or target.read_text() == "old"


def test_a_closed_generator_leaves_nothing(tmp_path: Path) -> None:
    def steps() -> Iterator[int]:
        with atomic_file(tmp_path / "a.txt", ExportError) as partial:
            partial.write_text("half")
            yield 1

    running = steps()
    next(running)
    assert len(os.listdir(tmp_path)) == 1
    running.close()  # type: ignore[attr-defined]
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="numbers of processes are asked for on POSIX only")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with atomic_file(tmp_path / "a.txt", ExportError) as partial:
        here = partial.name.removesuffix(str(os.getpid()))
        partial.write_text("")
    kept = {
        ".b.txt.partial-1": "of an earlier version, or of whatever program",
        f"{here}{os.getppid()}": "of a process that runs",
        f".b.txt.partial-00000000-{ended.pid}": "of another machine",
        f".b.txt.partial-{ended.pid}": "not ours",
        f"b.txt{here.removeprefix('.a.txt')}{ended.pid}": "not hidden",
    }
    for name, content in kept.items():
        (tmp_path / name).write_text(content)
    left = f".b.h5{here.removeprefix('.a.txt')}{ended.pid}"
    (tmp_path / left).write_text("half")
    write(tmp_path / "c.txt", "new")
    assert sorted(os.listdir(tmp_path)) == sorted([*kept, "a.txt", "c.txt"])


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"^Cannot write '.*a\.txt': the disk is full\.$"):
        write(tmp_path / "a.txt", "half", OSError(errno.ENOSPC, "No space left on device"))
    assert os.listdir(tmp_path) == []


def test_a_flush_that_fails_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ExportError, match="input/output error"):
        write(target, "new")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    with atomic_file(tmp_path / "link.txt", ExportError) as partial:
        partial.write_text("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_impossible_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    cases = {
        tmp_path: "it is a folder",
        tmp_path / "no" / "a.txt": "there is no folder",
        tmp_path / "file" / "a.txt": "there is no folder",
        Path("/dev/full"): "it is a device or a pipe",
    }
    for target, reason in cases.items():
        with pytest.raises(ExportError, match=f"^Cannot write '.*{reason}.*\\.$"):
            check_target(target, ExportError)
    with pytest.raises(ExportError, match="file name too long"):
        write(tmp_path / ("x" * 256), "")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(ExportError, match="write-protected"):
        check_target(tmp_path / "a.txt", ExportError)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_an_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(ExportError, match="write-protected"):
            write(tmp_path / "a.txt", "")
    finally:
        tmp_path.chmod(0o755)


def test_sources(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "some").write_bytes(b"abc")
    os.mkfifo(tmp_path / "pipe")
    assert source_size(tmp_path / "some", ExportError) == 3
    for name, reason in {"empty": "is empty", "pipe": "a pipe", ".": "a folder", "none": "no file"}.items():
        with pytest.raises(ExportError, match=reason):
            source_size(tmp_path / name, ExportError)
    with pytest.raises(ExportError):
        source_size(Path("a\0b"), ExportError)


def test_the_reason_inside_h5py_texts_is_found() -> None:
    text = "Can't decrement id ref count (unable to extend file properly, errno = 28, error message = 'No space left')"
    assert explain(RuntimeError(text)) == "the disk is full"
    assert explain(OSError(errno.EACCES, "Permission denied")) == "permission denied"
    assert explain(RuntimeError("Something odd\nand more")) == "Something odd"


def test_a_name_with_a_zero_byte_is_one_sentence() -> None:
    with pytest.raises(ExportError, match=r"Cannot write 'a\0b': (lstat: )?embedded null"):
        check_target(Path("a\0b"), ExportError)
