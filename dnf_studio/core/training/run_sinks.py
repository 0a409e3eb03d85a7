"""Other programs that the record of a run goes to, line by line: TensorBoard, and Weights & Biases.

Each is imported only where it is asked for. Neither knows more than the record has, and nothing is read back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dnf_studio.core.training.run_lines import END
from dnf_studio.core.training.run_log import Sink
from dnf_studio.errors import SettingError, SetupError

SCALARS = {
    "loss": "training/loss",
    "learning_rate": "training/learning_rate",
    "gradient_norm": "training/gradient_norm",
    "steps": "training/N",
    "bend": "training/bend",
    "validation": "validation/nll",
}
"""What of a line is a curve, and its name there."""
FLUSH_SECONDS = 10


def scalars(line: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The numbers of a line, by the names of their curves; of the end those that were measured."""
    if line.get("event") == END:
        measured = line.get("metrics") or {}
        yield from ((f"measured/{name}", value) for name, value in measured.items() if value is not None)
    elif "event" not in line:
        yield from ((SCALARS[name], line[name]) for name in SCALARS if line.get(name) is not None)
        yield from ((f"ranks/loss_{rank}", loss) for rank, loss in enumerate(line.get("ranks") or ()))


def make_sinks(names: Sequence[str], folder: Path, settings: Mapping[str, Any]) -> list[Sink]:
    """The sinks of these names for the run in `folder`.

    Raises `SettingError` for another name, `SetupError` where a program is not installed.
    """
    makers: dict[str, Callable[[Path, Mapping[str, Any]], Sink]] = {
        "tensorboard": TensorBoard,
        "wandb": WeightsAndBiases,
    }
    if others := [name for name in names if name not in makers]:
        raise SettingError(f"A sink is {' or '.join(makers)}, not '{others[0]}'.")
    return [makers[name](folder, settings) for name in dict.fromkeys(names)]


class TensorBoard:
    """Event files in the folder ``tensorboard`` of the run: ``tensorboard --logdir RUN/`` shows them."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise _missing("TensorBoard", "tensorboard") from error
        self._writer: Any = SummaryWriter(str(folder / "tensorboard"), flush_secs=FLUSH_SECONDS)
        rows = "\n".join(f"    {name}: {value}" for name, value in _flat(settings))
        self._writer.add_text("settings", rows)

    def take(self, line: Mapping[str, Any]) -> None:
        """Add a point to each curve."""
        for name, value in scalars(line):
            self._writer.add_scalar(name, value, line["iteration"])

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class WeightsAndBiases:
    """A run of W&B in the folder ``wandb`` of the run, offline unless ``WANDB_MODE`` says otherwise.

    ``wandb sync`` takes it to a server; this program has no key and sends nothing.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise _missing("Weights & Biases", "wandb") from error
        self._run: Any = wandb.init(
            project="dnf-studio",
            name=folder.absolute().name,
            dir=str(folder),
            config=dict(_flat(settings)),
            mode=os.environ.get("WANDB_MODE", "offline"),
            settings=wandb.Settings(silent=True, console="off"),
        )

    def take(self, line: Mapping[str, Any]) -> None:
        """Add a point to each curve."""
        if found := dict(scalars(line)):
            self._run.log(found, step=line["iteration"])

    def close(self) -> None:
        """Write what is left."""
        self._run.finish()


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _missing(program: str, extra: str) -> SetupError:
    return SetupError(f"{program} is not installed here; pip install 'dnf-studio[{extra}]' does that.")
