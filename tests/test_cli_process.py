"""The command line as a process: signals, pipes and terminals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from dnf_studio import api
from dnf_studio.cli import main
from dnf_studio.cli.output import Interrupt, Stop
from dnf_studio.config import Config
from dnf_studio.core.storage.sample_reader import read_rows
from dnf_studio.core.training.run import Run
from dnf_studio.errors import Cancelled

STUDIO = [sys.executable, "-m", "dnf_studio"]
AT_ONCE = "import sys; from dnf_studio import cli, progress; progress.PLAIN_EVERY = 0; sys.exit(cli.main())"
"""The command line with its progress in plain lines at every turn."""
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and pipes")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Settings of a run that lasts as long as it is let, an iteration a moment."""
    path = tmp_path / "small.toml"
    path.write_text(
        'data = "moons"\n[sde]\nsteps = 4\n[network]\nlayers = 1\nchannels = 8\n'
        '[training]\nbatch = 32\nseconds = 600.0\ndevice = "cpu"\nprecision = "float32"\n'
    )
    return path


def stopped(words: list[str], number: int, ready: Callable[[IO[str]], bool]) -> subprocess.CompletedProcess[str]:
    """What a process, whose progress comes in plain lines at once, said that got signal `number` when `ready`."""
    # Tests that are run by nohup have it ignored
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-c", AT_ONCE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGHUP, before)
    assert process.stderr is not None
    try:
        deadline = time.monotonic() + 60
        while not ready(process.stderr):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_training_that_is_stopped_keeps_a_run_that_resumes(small: Path, tmp_path: Path, number: int) -> None:
    output = tmp_path / "a.safetensors"
    words = ["train", "--config", str(small), "-o", str(output)]
    done = stopped(words, number, lambda err: err.readline().startswith("Training: "))
    assert done.returncode == 130
    assert done.stdout == ""
    assert f"go on with --resume '{output}'" in done.stderr and "Traceback" not in done.stderr
    checkpoint = api.open_checkpoint(output)
    assert checkpoint.kind == "run" and checkpoint.iteration > 0
    run = Run.resume(output, {"training.seconds": None, "training.iterations": checkpoint.iteration + 2})
    assert [report.iteration - checkpoint.iteration for report in run] == [1, 2]


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_sampling_that_is_stopped_leaves_no_file_but_what_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    source, folder = tmp_path / "a.safetensors", tmp_path / "out"
    folder.mkdir()
    Run(Config.create({"data": "moons", "training": {"device": "cpu"}})).save(source, kind="weights")
    words = ["sample", str(source), "-n", "120000", "--steps", "8", "--json", "-o", str(folder / "a.h5")]
    done = stopped(words, number, lambda err: " 0 of" not in err.readline())
    assert done.returncode == (130 if number == signal.SIGINT else -number)
    assert "Traceback" not in done.stderr and not (folder / "a.h5").exists()
    assert ("go on with the same command and --resume." in done.stderr) == (number == signal.SIGINT)
    capsys.readouterr()
    assert main([*words, "--seed", "1", "--resume"]) == 1
    assert "for its seed was 0 and is 1 now; ask for the same, or begin anew." in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    told = capsys.readouterr()
    assert "Going on with the export" in told.err and 0 < json.loads(told.out)["resumed_from"] < 120_000
    assert [path.name for path in folder.iterdir()] == ["a.h5"]
    assert main(["inspect", "--verify", str(folder / "a.h5"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified"]["checksums"] == "agree"
    if number == signal.SIGINT:
        assert main([*words[:-1], str(folder / "b.h5")]) == 0
        assert np.array_equal(read_rows(folder / "a.h5"), read_rows(folder / "b.h5"))


@posix
@pytest.mark.parametrize("topic", ["export", "startup"])
def test_a_bench_that_is_stopped_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topic: str) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = stopped(["bench", "--only", topic], signal.SIGINT, lambda _: any(tmp_path.glob("dnf-bench-*")))
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("dnf-bench-*"))


def run(words: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    # Buffered as it usually is, whatever runs these tests
    options.setdefault("env", {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"})
    return subprocess.run([*STUDIO, *words], text=True, timeout=60, **options)  # type: ignore[call-overload, no-any-return]


@posix
def test_a_reader_that_leaves_early_brings_no_traceback() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run(["datasets"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 1
    assert done.stderr == ""


@posix
def test_a_closed_stdout_brings_no_traceback() -> None:
    command = f'"{sys.executable}" -m dnf_studio datasets >&-'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_under_stdout_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        done = run(["datasets", "--json"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "dnf-studio: Cannot write the result: No space left on device.\n"


def test_a_terminal_without_unicode_gets_a_sentence_all_the_same() -> None:
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}
    done = run(["train", "--data", "möns", "-o", "a.safetensors"], env=plain, capture_output=True)
    assert done.returncode == 1
    assert done.stderr.startswith("dnf-studio: There is no data set named 'm\\xf6ns'")


@posix
def test_a_terminal_sees_a_bar_and_stdout_only_the_result(small: Path, tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    words = ["train", "--config", str(small), "--seconds", "1.5", "-o", str(tmp_path / "a.safetensors"), "--json"]
    process = subprocess.Popen(
        [*STUDIO, *words], stdout=subprocess.PIPE, stderr=terminal, env={**os.environ, "TERM": "xterm"}
    )
    os.close(terminal)
    shown = b""
    while True:
        try:
            shown += os.read(controller, 65536)
        except OSError:  # the other end is closed
            break
    os.close(controller)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "iterations" in json.loads(out)
    assert b"Training" in shown and b"left" in shown


def test_what_is_no_terminal_gets_plain_lines(small: Path, tmp_path: Path) -> None:
    done = run(
        ["train", "--config", str(small), "--seconds", "0.5", "-o", str(tmp_path / "a.safetensors")],
        capture_output=True,
    )
    assert done.returncode == 0
    assert "\x1b" not in done.stderr + done.stdout
    assert "The bound is" in done.stdout and f"Saved {tmp_path / 'a.safetensors'}" in done.stdout


@posix
def test_training_does_not_end_because_nobody_reads_its_progress(small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    words = ["train", "--config", str(small), "--iterations", "30", "-o", str(output)]
    process = subprocess.Popen(
        [sys.executable, "-c", AT_ONCE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        assert process.stderr.readline()
        process.stderr.close()
        told = process.stdout.read()
        process.stdout.close()
        assert process.wait(timeout=60) == 0 and "Traceback" not in told
    finally:
        process.kill()
    assert api.open_checkpoint(output).iteration == 30


@posix
def test_a_killed_training_goes_on_from_its_last_state(small: Path, tmp_path: Path) -> None:
    output = tmp_path / "a.safetensors"
    code = (
        "import sys; from dnf_studio.cli import main; from dnf_studio.core.storage import autosave; "
        "autosave.EVERY, autosave.MOST_TIME = 0.2, 1.0; sys.exit(main())"
    )
    words = ["train", "--config", str(small), "-o", str(output)]
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "a.autosave-older").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert not output.exists()
    done = run(["train", "--resume", str(output), "--seconds", "0.001", "-o", str(output)], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "Going on with" in done.stderr and "a.autosave" in done.stderr
    assert api.open_checkpoint(output).iteration > 0
    assert sorted(path.name for path in tmp_path.glob("a.*")) == ["a.safetensors"]


def test_a_signal_that_comes_while_something_is_imported_waits_for_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised within the import of torch it was lost, or the process aborted."""
    (tmp_path / "imported_slowly.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\ndone = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    stop = Stop()
    before = signal.signal(signal.SIGINT, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            import_module("imported_slowly")
            # It comes between two lines, not within a call
            for _ in range(1000):
                time.sleep(0.01)
        assert sys.modules["imported_slowly"].done and stop.came
    finally:
        stop.close()
        signal.signal(signal.SIGINT, before)
    assert not stop.came


def test_a_signal_during_imports_ends_what_has_begun_nothing_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it waits for seconds, and what only tells something would have told it."""
    ended: list[int] = []
    (tmp_path / "imported_meanwhile.py").write_text("import signal\nsignal.raise_signal(signal.SIGTERM)\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(os, "_exit", ended.append)
    stop = Stop()
    before = signal.signal(signal.SIGTERM, stop)
    try:
        stop.at_once = True
        import_module("imported_meanwhile")
        assert ended == [130]
    finally:
        stop.close()
        signal.signal(signal.SIGTERM, before)
    assert not stop.at_once


def test_work_that_a_signal_cancelled_ends_as_if_interrupted() -> None:
    with pytest.raises(KeyboardInterrupt), Interrupt() as interrupt:
        signal.raise_signal(signal.SIGINT)
        assert interrupt.came
        raise Cancelled
    with pytest.raises(Cancelled), Interrupt():
        raise Cancelled
