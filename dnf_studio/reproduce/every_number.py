"""The numbers behind the curves of the report, as tables that open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from dnf_studio.reproduce.distances import Axis, Place
from dnf_studio.reproduce.plan import ARMS
from dnf_studio.reproduce.results import Measured


def every_number(places: Mapping[Axis, Mapping[str, Sequence[Place]]]) -> str:
    """What the curves over steps and over evaluations show, one row a point."""
    heads = (
        "",
        "N",
        "evaluations",
        "multiply-adds",
        "distance",
        "from",
        "to",
        "",
        "solver of each seed",
        "off support",
    )
    rows = []
    for axis in ("steps", "evaluations"):
        for arm, line in places[axis].items():
            for one in line:
                ends = (one.pooled.value, one.pooled.low, one.pooled.high)
                outside = "–" if one.outside is None else f"{100 * one.outside:.3g}%"
                costs = f"{one.steps:.3g}", f"{one.evaluations:.3g}", large(one.multiply_adds)
                told = *costs, *map(number, ends), one.pooled.word, ", ".join(one.solvers), outside
                name = f"{ARMS[arm].words}, {'at this N' if axis == 'steps' else 'best with no more evaluations'}"
                rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in (escape(name), *told))}</tr>")
    head = "".join(f"<th>{cell}</th>" for cell in heads)
    table = f"<table><tr>{head}</tr>{''.join(rows)}</table>"
    return f"<details><summary>Every number of these curves</summary>{table}</details>"


def by_validation(by_arm: Mapping[str, Sequence[Measured]]) -> str:
    """What solvers were chosen by."""
    numbers = sorted({row["steps"] for found in by_arm.values() for one in found for row in _rows(one)})
    rows = []
    for arm, found in by_arm.items():
        for one in found:
            for solver, own in one.validation.items():
                known = {row["steps"]: row["sliced_wasserstein"] for row in own}
                cells = f"{ARMS[arm].words}, seed {one.seed}, {solver}", *(number(known.get(n)) for n in numbers)
                rows.append(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
    head = "".join(f"<th>N = {n}</th>" for n in numbers)
    return (
        "<details><summary>Validation distances, which solvers were chosen by; nothing is judged by them</summary>"
        f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table></details>"
    )


def _rows(one: Measured) -> list[dict[str, int]]:
    return [row for own in one.validation.values() for row in own]


def number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def large(value: float | None) -> str:
    """A count with two digits and a power of ten."""
    if value is None or not math.isfinite(value) or value <= 0:
        return "–"
    power = math.floor(math.log10(value))
    return f"{value / 10**power:.1f}·10<sup>{power}</sup>"
