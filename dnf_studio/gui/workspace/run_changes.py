"""Changes of settings in words: what became what, and when a run takes it up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dnf_studio.config import Config
from dnf_studio.config.grids import grid_label
from dnf_studio.core.training.record import STAGE, Mark

__all__ = ["LIVE", "change_words", "effect_sentence", "field_of", "mark_words", "value_of"]

LIVE = frozenset(
    {
        "config.sde.steps",
        "config.training.learning_rate",
        "config.training.iterations",
        "config.training.seconds",
        "config.training.patience",
        "config.training.progressive",
    }
)
"""Settings that a run takes up between two iterations."""
SHORT = {"sde.steps": "N", STAGE: "N", "training.learning_rate": "rate", "training.progressive": "progressive N"}
"""Shorter than the titles of the form, for the plot."""


def value_of(config: Config, name: str) -> object:
    """The setting that a dotted name, with or without ``config.`` before it, stands for."""
    value: object = config
    for part in name.removeprefix("config.").split("."):
        value = getattr(value, part)
    return value


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
    """``N 30→10``."""
    field = field_of(name)
    what = SHORT.get(name) or (field.title if field else None) or name
    if isinstance(after, bool):
        return f"{what} {'on' if after else 'off'}"
    return f"{what} {_value(before)}→{_value(after)}"


def mark_words(marks: Sequence[Mark]) -> tuple[str, str]:
    """Marks of one iteration, short for the plot and as a sentence for the tooltip."""
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
