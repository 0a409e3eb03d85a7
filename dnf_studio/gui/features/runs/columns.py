"""The columns of the table of runs: what every run has, what was measured, and the settings that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QDateTime

from dnf_studio.gui.widgets.table import Column
from dnf_studio.gui.workspace.shown import data_label

if TYPE_CHECKING:
    from dnf_studio.core.storage.run_facts import RunFacts
    from dnf_studio.core.storage.run_notes import Note

BROKEN = "broken"
"""What stands as the kind of a file that cannot be opened."""
NATS = "nats of standardised data, as the file has it"
MOST_METRICS, MOST_SETTINGS = 12, 60
"""Columns of what else was measured, and of settings."""


@dataclass(frozen=True)
class Run:
    """One row: a checkpoint, where it is from, and what a person wrote of it; made by `of`."""

    facts: RunFacts
    place: str
    """Bundled, My models, or the name of a folder."""
    source: str
    """What opens it."""
    note: Note
    kind: str
    """The kind of model, or that there is none."""
    data: str
    """What it was trained on."""
    when: str
    """Day and time when the file was written."""
    remark: str
    """The note, or of a broken file what is wrong with it."""

    @classmethod
    def of(cls, facts: RunFacts, place: str, source: str, note: Note) -> Run:
        """With its words, which for hundreds of rows are better made in another thread."""
        file = facts.file
        time = QDateTime.fromSecsSinceEpoch(int(file.modified)).toString("yyyy-MM-dd HH:mm") if file.modified else ""
        data = data_label(file.data) if file.data else ""
        remark = file.fault or " ".join(note.text.split())
        return cls(facts, place, source, note, BROKEN if file.fault else file.model, data, time, remark)

    @property
    def path(self) -> Path:
        """Its file."""
        return self.facts.file.path


def matches(run: Run, words: str, kind: str, data: str, tag: str) -> bool:
    """Whether every word stands somewhere in what the row says, and kind, data and tag are those chosen, if any."""
    if (kind and run.kind != kind) or (data and run.data != data) or (tag and tag not in run.note.tags):
        return False
    said = f"{run.facts.file.name} {run.kind} {run.data} {run.place} {run.when} {run.remark} {' '.join(run.note.tags)}"
    known = said.casefold()
    return all(word in known for word in words.casefold().split())


def tip_of(run: Run) -> str:
    """What a pointer over the row is told."""
    return f"{run.facts.file.fault or run.facts.file.name}\n{run.path}"


def columns_of(runs: Sequence[Run]) -> list[Column]:
    """All columns for these rows; those of settings and of other measures are there only where they say something."""
    facts = [run.facts for run in runs]
    return [
        _words("name", "The file's name", [run.facts.file.name for run in runs]),
        _words("kind", "The kind of model", [run.kind for run in runs]),
        _words("data", "What it was trained on", [run.data for run in runs]),
        _number("NLL bound", f"Bound on the NLL, {NATS}", facts, _metric("nll_bound"), ".4f"),
        _number("NLL (ODE)", f"NLL of the probability-flow ODE, {NATS}", facts, _metric("nll_ode"), ".4f"),
        _number("iterations", "Iterations of training", facts, lambda one: one.file.iteration, ",.0f"),
        _number("seconds", "Training time, s", facts, lambda one: one.seconds, ",.0f"),
        _number("parameters", "Numbers that training changes", facts, lambda one: one.parameters, ",.0f"),
        _number("N", "Steps it was trained with", facts, lambda one: one.file.steps, ".0f"),
        _words("when", "When the file was written", [run.when for run in runs]),
        _words("tags", "Your tags", [", ".join(run.note.tags) for run in runs]),
        _words("note", "Your note; of a broken file what is wrong with it", [run.remark for run in runs]),
        _words("from", "Bundled, your own, or the folder it lies in", [run.place for run in runs]),
        *_measured(facts),
        *_settings(facts),
    ]  # fmt: skip


def default_at(run: Run, column: Column) -> bool:
    """Whether the value of the row in this column, one of a setting, is the default of its kind."""
    name = column.name
    settings, defaults = run.facts.settings, run.facts.defaults
    return name in settings and name in defaults and settings[name] == defaults[name]


def _metric(name: str) -> Callable[[RunFacts], float | None]:
    return lambda one: one.metrics.get(name)


def _number(
    head: str, tip: str, facts: Sequence[RunFacts], of: Callable[[RunFacts], float | None], form: str, name: str = ""
) -> Column:
    """What a file does not say is a dash, which comes last in every order."""
    found = [None if one.file.fault else of(one) for one in facts]
    return Column(head, tip, np.array([np.nan if one is None else one for one in found], float), form, name)


def _words(
    head: str, tip: str, texts: Sequence[str], name: str = "", key: Callable[[str], Any] = str.casefold
) -> Column:
    """Texts as places in their order, which is what a table sorts by."""
    known = sorted(set(texts), key=lambda text: (key(text), text))
    places = {text: place for place, text in enumerate(known)}
    return Column(head, tip, np.array([places[text] for text in texts], np.intp), "", name, tuple(known))


def _measured(facts: Sequence[RunFacts]) -> list[Column]:
    from dnf_studio.core.storage.run_facts import other_metrics

    names = [name for name in ("nll_validation", *other_metrics(facts)) if any(name in one.metrics for one in facts)]
    return [
        _number(_short(name), f"“{name}”, as the file has it", facts, _metric(name), ".4f", name)
        for name in names[:MOST_METRICS]
    ]


def _settings(facts: Sequence[RunFacts]) -> list[Column]:
    from dnf_studio.core.storage.run_facts import differing_settings

    # Runs of one kind share their defaults: looked through once, not once a row
    kinds = {id(one.defaults): one for one in facts if one.defaults}
    columns = []
    for name in differing_settings(facts)[:MOST_SETTINGS]:
        texts = [one.written.get(name, "") for one in facts]
        values = {text: one.settings.get(name) for text, one in zip(texts, facts, strict=True)}
        numbers = {
            text: float(v) for text, v in values.items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        columns.append(_words(_last(name), _setting_tip(name, kinds.values()), texts, name, partial(_rank, numbers)))
    return columns


def _rank(numbers: Mapping[str, float], text: str) -> tuple[bool, float]:
    """Words before numbers, these by their size; equal ones by their letters."""
    return text in numbers, numbers.get(text, 0.0)


def _setting_tip(name: str, kinds: Iterable[RunFacts]) -> str:
    from dnf_studio.core.storage.run_facts import setting_text

    told: dict[str, list[str]] = {}
    for one in kinds:
        if name in one.defaults:
            those = told.setdefault(setting_text(one.defaults[name]), [])
            if one.file.model not in those:
                those.append(one.file.model)
    by_kind = "; ".join(f"{text} ({', '.join(those)})" for text, those in told.items())
    return f"The setting {name}; faint where it is the default: {by_kind or 'unknown'}"


def _last(name: str) -> str:
    return name.rpartition(".")[2].replace("_", " ")


def _short(name: str) -> str:
    return name.replace("_", " ")
