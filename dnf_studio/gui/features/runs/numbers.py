"""The numbers below the curves: a row for each model that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from dnf_studio.gui.drawing.distances import MARKS, short_count
from dnf_studio.gui.features.runs.verdict import Standing
from dnf_studio.gui.widgets.table import DASH, Column

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.workers.compared import Excess, Likelihood


LIKELIHOODS: tuple[Literal["bound", "ode"], ...] = ("bound", "ode")
ERRORS = "with its standard error, nats; without one where only the file has it"


@dataclass(frozen=True, eq=False)
class Row:
    """All there is to say of one model."""

    slot: int
    standing: Standing
    excess: Excess | None = None


def number_columns(rows: Sequence[Row]) -> list[Column]:
    """What each model is, took and reaches; distances by N, with the word for them."""
    known = [row.standing for row in rows]
    records = [one.record for one in known]
    names = [f"{MARKS[row.slot][0]} {row.standing.name}" for row in rows]
    bound, ode = ([one.likelihoods.get(what) for one in known] for what in LIKELIHOODS)

    def whole(head: str, tip: str, name: str) -> Column:
        values = [None if one is None else getattr(one, name) for one in records]
        texts = [DASH if value is None else short_count(round(value)) for value in values]
        return _texts(head, tip, texts, values)

    columns = [
        _texts("model", "Its mark in the plots, and its name", names, range(len(names))),
        _texts("kind", "The kind of model", [DASH if one is None else one.model for one in records]),
        whole("N", "Steps it was trained with", "steps"),
        whole("parameters", "Numbers that training changes", "parameters"),
        whole("iterations", "Iterations of training", "iteration"),
        whole("seconds", "Training time, s", "seconds"),
        whole("multiply-adds", "Multiply-adds of its training (method.md, section 15)", "multiply_adds"),
        _likelihoods("NLL bound", f"Bound on the NLL {ERRORS}", bound),
        _likelihoods("NLL (ODE)", f"NLL by the probability-flow ODE {ERRORS}", ode),
    ]
    if any(row.excess is not None for row in rows):
        sums = [None if row.excess is None else float(np.nansum(row.excess.mean)) for row in rows]
        texts = [DASH if value is None else _signed(value, 3) for value in sums]
        columns.append(_texts("excess", "Sum over the steps, nats", texts, sums))
    for n in sorted({cost.steps for one in known for cost, _ in one.rows}):
        found = [next((one for cost, one in row.rows if cost.steps == n), None) for row in known]
        values = [None if one is None else one.value for one in found]
        tip = f"Debiased SWD of samples at N = {n} to data ± standard error, and what it is beside the data"
        columns.append(_texts(f"SWD N={n}", tip, [*map(_distance, found)], values))
    return columns


def _texts(head: str, tip: str, texts: Sequence[str], values: Sequence[float | None] | None = None) -> Column:
    """Texts that are sorted by `values`, if there are any, what has none last."""
    keys = {text: (0.0, text) for text in texts}
    if values is not None:
        keys = {text: (np.inf if v is None else v, text) for text, v in zip(texts, values, strict=True)}
    known = sorted(keys, key=lambda text: keys[text])
    places = {text: place for place, text in enumerate(known)}
    return Column(head, tip, np.array([places[text] for text in texts], np.intp), "", texts=tuple(known))


def _likelihoods(head: str, tip: str, found: Sequence[Likelihood | None]) -> Column:
    texts = []
    for one in found:
        if one is None or one.nll is None:
            texts.append(DASH)
        else:
            texts.append(_signed(one.nll, 4) + ("" if one.error is None else f" ± {one.error:.4f}"))
    return _texts(head, tip, texts, [None if one is None else one.nll for one in found])


def _distance(one: Distance | None) -> str:
    if one is None:
        return DASH
    error = "" if one.error is None else f" ± {one.error:.4f}"
    return f"{_signed(one.value, 4)}{error} {one.word or 'unresolved'}"


def _signed(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
