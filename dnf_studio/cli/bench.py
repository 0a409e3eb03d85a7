"""``dnf-studio bench``: how fast this machine is, and how much faster than the plain way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Annotated, Any

from typer import Option

from dnf_studio.bench import TOPICS, Row, check_topics, measure
from dnf_studio.cli.options import AsJson
from dnf_studio.cli.output import STOP, emit
from dnf_studio.errors import SetupError
from dnf_studio.progress import Progress, note

BUSY = 0.5
"""Load above which other programs may disturb the numbers."""
OnlyTopics = Annotated[
    list[str] | None, Option("--only", metavar="TOPIC", help=f"One of {', '.join(TOPICS)}; may be repeated.")
]


def bench(
    only: OnlyTopics = None,
    quick: Annotated[bool, Option("--quick", help="Measure less and shorter: half a minute in all.")] = False,
    as_json: AsJson = False,
) -> int:
    """A full run takes some minutes, on an otherwise idle machine.

    Each row has a value, that of its reference in the same unit, and a ratio: how many times better
    than the reference, which runs in turn with what is measured. For memory the ratio is 1 where a
    large N takes no more than N = 30, for export where writing costs nothing.
    """
    from dnf_studio.bench.machine import machine_facts

    topics = check_topics(only or ())
    facts = machine_facts()
    _warn(facts, topics)
    found = _Found()
    STOP.at_once = False
    if as_json:
        with Progress("Measuring") as progress:
            for k, topic in enumerate(topics):
                progress.update(k / len(topics), topic)
                for row in found.rows_of(topic, quick):
                    progress.update(k / len(topics), row.name)
    else:
        emit({}, _head(facts), False)
        for topic in topics:
            emit({}, f"\n{topic}; the reference is {TOPICS[topic]}", False)
            for row in found.rows_of(topic, quick):
                emit({}, _line(row), False)
    found.require_some()
    if as_json:
        emit({"machine": facts, "quick": quick, **found.as_dict(topics)}, "", True)
    return 0


class _Found:
    """What was measured, and what this machine lacks for the rest."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._left_out: dict[str, SetupError] = {}

    def rows_of(self, topic: str, quick: bool) -> Iterator[Row]:
        """Measure one topic, or say why it is left out."""
        with closing(measure(topic, quick)) as rows:
            try:
                for row in rows:
                    self._rows.append(row)
                    yield row
            except SetupError as error:
                self._left_out[topic] = error
                note(f"Left out {topic}: {error}")

    def require_some(self) -> None:
        """Raise `SetupError` where nothing could be measured."""
        if not self._rows:
            raise next(iter(self._left_out.values()))

    def as_dict(self, topics: Sequence[str]) -> dict[str, Any]:
        """For JSON."""
        return {
            "references": {topic: TOPICS[topic] for topic in topics},
            "left_out": {topic: str(error) for topic, error in self._left_out.items()},
            "rows": [asdict(row) for row in self._rows],
        }


def _warn(facts: Mapping[str, Any], topics: Sequence[str]) -> None:
    """What makes the numbers less than they could be."""
    if (facts["load"] or 0.0) > BUSY:
        note(f"Other programs are busy (load {facts['load']}), so the numbers will be noisy.")
    if facts["screen"] == "offscreen" and "startup" in topics:
        note("There is no display; start-up is measured on Qt's offscreen platform.")


def _head(facts: Mapping[str, Any]) -> str:
    """The machine, and what the columns are."""
    from dnf_studio.bench.machine import cores_in_words

    machine = (
        f"{facts['processor']}, {cores_in_words(facts)}, {facts['system']}; "
        f"Python {facts['python']}, torch {facts['torch']}, PySide6 {facts['pyside6']}; auto is {facts['precision']}"
    )
    return f"{machine}\n\n  {'':<51}  {'here':>9} {'':<9} {'reference':>9}   times better"


def _line(row: Row) -> str:
    """One row of the table."""
    return f"  {row.name:<51}  {_figure(row.value):>9} {row.unit:<9} {_figure(row.reference):>9}  {row.ratio:>7.2f}x"


def _figure(value: float) -> str:
    """Three digits at least."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
