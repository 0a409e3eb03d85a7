"""Changes of settings in words: when a run takes them up, and which let one that has ended go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dnf_studio.config import Config
from dnf_studio.config.grids import grid_label
from dnf_studio.core.training.record import STAGE, EarlyStopping, Mark

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.training.run import Run

LIVE = frozenset(
    {
        "config.sde.steps",
        "config.training.learning_rate",
        "config.training.clip",
        "config.training.precision",
        "config.training.iterations",
        "config.training.seconds",
        "config.training.patience",
        "config.training.progressive",
    }
)
"""Settings that a run takes up between two iterations."""
SHORT = {"sde.steps": "N", STAGE: "N", "training.learning_rate": "rate", "training.progressive": "progressive N"}
"""Names of settings, shorter than the titles of the form, for the plot."""


def value_of(config: Config, name: str) -> object:
    """The setting that a dotted name, with or without ``config.`` before it, stands for."""
    return config.value(name.removeprefix("config."))


def field_of(name: str) -> FieldInfo | None:
    """The field of the setting that a dotted name stands for; None where there is none of that name."""
    group: type[BaseModel] = Config
    *parents, leaf = name.split(".")
    for parent in parents:
        inner = group.model_fields[parent].annotation if parent in group.model_fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return None
        group = inner
    return group.model_fields.get(leaf)


def change_words(name: str, before: object, after: object) -> str:
    """A change of a setting in short, such as ``N 30→10``."""
    field = field_of(name)
    what = SHORT.get(name) or (field.title if field else None) or name
    if isinstance(after, bool):
        return f"{what} {'on' if after else 'off'}"
    return f"{what} {_value(before)}→{_value(after)}"


def mark_words(marks: Sequence[Mark]) -> tuple[str, str]:
    """The words for the marks of one iteration, short for the plot and as a sentence for the tooltip."""
    short = [change_words(mark.name, mark.before, mark.after) for mark in marks]
    stages = [", the next stage of progressive training" if mark.name == STAGE else "" for mark in marks]
    whole = [text + stage for text, stage in zip(short, stages, strict=True)]
    start = marks[0].iteration + 1
    return ", ".join(short), f"From iteration {start:,} on: {'; '.join(whole)}."


def effect_sentence(names: Iterable[str], before: Config, after: Config, at_once: frozenset[str], soon: str) -> str:
    """When changed settings of an experiment take effect: those of `at_once` `soon`, the rest with the next run.

    Empty where no setting differs.
    """
    changed = sorted(name for name in names if value_of(before, name) != value_of(after, name))
    parts = []
    for now, when in ((True, soon), (False, "with the next Train")):
        texts = [
            change_words(name.removeprefix("config."), value_of(before, name), value_of(after, name))
            for name in changed
            if (name in at_once) is now
        ]
        if texts:
            parts.append(f"{', '.join(texts)}: {when}")
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return grid_label(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class RunStatus:
    """How far a run has come, in memory or in its file."""

    config: Config
    """The run's own settings."""
    iteration: int
    seconds: float
    waited: int | None
    """Iterations from the best measure of the validation NLL to the last one; None before there is one."""

    @classmethod
    def of_run(cls, run: Run) -> Self:
        """The status of `run`."""
        return cls(run.config, run.iteration, run.seconds, run.early_stopping.waited)

    @classmethod
    def of_checkpoint(cls, saved: Checkpoint) -> Self:
        """The status of a saved run."""
        waited = EarlyStopping.from_dict(saved.state.get("early_stopping")).waited
        return cls(saved.config, saved.iteration, saved.seconds, waited)

    def out_of_patience(self, config: Config) -> bool:
        """Whether the validation NLL has fallen no more for as long as `config` waits; another N begins anew."""
        patience, same = config.training.patience, config.sde.steps == self.config.sde.steps
        return bool(patience) and same and self.waited is not None and self.waited >= patience

    def obstacle(self, config: Config) -> str:
        """The setting of `config` at which the run would end at once, as its form names it; empty where it goes on.

        With settings for another model it would go on with its own.
        """
        if config.model != self.config.model:
            config = self.config
        if self.out_of_patience(config):
            return "Patience"
        if not config.training.reached(self.iteration, self.seconds):
            return ""
        return "Iterations" if config.training.seconds is None else "Seconds"

    def sentence(self, config: Config) -> str:
        """Why the run would end at once, and what to do about it; empty where it goes on."""
        setting = self.obstacle(config)
        if not setting:
            return ""
        why = {
            "Patience": f"The validation NLL has not fallen for {self.waited or 0:,} iterations",
            "Iterations": f"The run has all its {self.iteration:,} iterations",
            "Seconds": f"The run has trained for all its {self.seconds:,.0f} seconds",
        }[setting]
        return f"{why}; to resume it, raise {setting} in Training."
