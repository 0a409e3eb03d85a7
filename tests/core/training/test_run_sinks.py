"""The record of a run in the files of other programs, read back by those."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from dnf_studio.config import Config
from dnf_studio.core.storage.run_lock import RunLock
from dnf_studio.core.training.run import Run
from dnf_studio.core.training.run_log import RunLog
from dnf_studio.core.training.run_sinks import make_sinks, scalars
from dnf_studio.errors import SetupError
from tests.core.training.test_run_log import TINY, Clock, lines, told, train

LINE = {"iteration": 7, "over": 2, "loss": 1.5, "steps": 4, "validation": 2.5, "ranks": [1.0, 2.0], "seconds": 3.0}


def test_a_line_has_its_curves() -> None:
    found = dict(scalars(LINE))
    assert found == {
        "training/loss": 1.5,
        "training/N": 4,
        "validation/nll": 2.5,
        "ranks/loss_0": 1.0,
        "ranks/loss_1": 2.0,
    }
    assert dict(scalars({"event": "end", "iteration": 7, "metrics": {"nll_bound": 3.0, "nll_ode": None}})) == {
        "measured/nll_bound": 3.0
    }
    assert not [*scalars({"event": "weights", "iteration": 7, "loss": 1})]


@pytest.mark.parametrize("name", ["tensorboard", "wandb"])
def test_a_program_that_is_not_installed_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("tensorboard", "torch.utils.tensorboard", "wandb"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SetupError, match=rf"is not installed here; pip install 'dnf-studio\[{name}\]'"):
        make_sinks([name], tmp_path, {})


def test_a_sink_that_fails_ends_no_training_and_no_record(tmp_path: Path) -> None:
    class Broken:
        def take(self, _line: object) -> None:
            raise RuntimeError("no server")

        def close(self) -> None:
            raise AssertionError

    said: list[str] = []
    clock, run = Clock(), Run(TINY, threads=1)
    log = RunLog(RunLock.take(tmp_path / "run"), run, [Broken()], clock, said.append)
    train(run, log, clock, 1.0)
    log.end("done")
    assert said == ["Broken takes no more lines, and training goes on without: no server"]
    assert told(tmp_path / "run", "end")


def test_tensorboard_reads_its_files_back(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="an extra")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    clock, run, folder = Clock(), Run(TINY, threads=1), tmp_path / "run"
    folder.mkdir()
    log = RunLog(RunLock.take(folder), run, make_sinks(["tensorboard"], folder, TINY.model_dump()), clock)
    train(run, log, clock, 1.0)
    run.metrics["nll_bound"] = 2.25
    log.end("done")
    found = EventAccumulator(str(folder / "tensorboard")).Reload()
    losses = [(one.step, one.value) for one in found.Scalars("training/loss")]
    expected = [(line["iteration"], line["loss"]) for line in lines(folder) if "event" not in line]
    assert [step for step, _ in losses] == [iteration for iteration, _ in expected] == list(range(1, 13))
    assert [value for _, value in losses] == pytest.approx([loss for _, loss in expected], rel=1e-6)
    assert [(one.step, one.value) for one in found.Scalars("measured/nll_bound")] == [(12, 2.25)]
    (settings,) = found.Tensors("settings/text_summary")
    assert b"sde.steps: 4" in settings.tensor_proto.string_val[0]


def test_weights_and_biases_writes_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="an extra")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    (sink,) = make_sinks(["wandb"], tmp_path, Config().model_dump())
    sink.take(LINE)
    sink.take({"event": "weights", "iteration": 7})
    sink.take({"event": "end", "iteration": 8, "metrics": {"nll_bound": 3.0, "nll_ode": None}})
    sink.close()
    (file,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    rows, config = history(file.read_bytes())
    assert rows == {7: dict(scalars(LINE)), 8: {"measured/nll_bound": 3.0}}
    assert config["sde.steps"] == Config().sde.steps and config["model"] == "diffflow"


def history(data: bytes) -> tuple[dict[int, dict[str, float]], dict[str, Any]]:
    """What is in the file of an offline run: its rows by their step, its settings."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows: dict[int, dict[str, float]] = {}
    config: dict[str, Any] = {}
    begin, whole = 7, b""
    while begin + 7 <= len(data):
        # As LevelDB's log: blocks of 32 KiB, each record in parts behind a sum, a length and a kind
        length, kind = struct.unpack_from("<HB", data, begin + 4)
        whole += data[begin + 7 : begin + 7 + length]
        begin += 7 + length
        begin += -begin % 32768 if -begin % 32768 < 7 else 0
        if kind not in (1, 4):
            continue
        record, whole = Record.FromString(whole), b""
        names = {"/".join(one.nested_key) or one.key: json.loads(one.value_json) for one in record.history.item}
        if names:
            rows[names["_step"]] = {name: value for name, value in names.items() if not name.startswith("_")}
        config |= {"/".join(one.nested_key) or one.key: json.loads(one.value_json) for one in record.run.config.update}
    return rows, config
