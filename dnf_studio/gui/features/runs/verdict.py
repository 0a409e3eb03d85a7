"""Which of several models is better and by how much, in whole sentences, with what cannot be told said as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dnf_studio.gui.drawing.distances import Cost

if TYPE_CHECKING:
    from dnf_studio.core.evaluation.between import Difference
    from dnf_studio.core.evaluation.distances import Distance
    from dnf_studio.workers.compared import Likelihood, Record

NEARLY = 0.05
"""Costs that differ by less are told to be about the same."""
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Standing:
    """What is known of one model."""

    name: str
    sha256: str = ""
    data: object = None
    rows: Sequence[tuple[Cost, Distance]] = ()
    """Quality of its samples."""
    likelihoods: Mapping[Literal["bound", "ode"], Likelihood] = field(default_factory=dict)
    record: Record | None = None


def verdicts(reference: Standing, others: Iterable[Standing]) -> list[str]:
    """A paragraph for each of the `others`: how it stands beside the `reference`."""
    return [" ".join(_sentences(reference, other)) for other in others]


def _sentences(own: Standing, other: Standing) -> list[str]:
    if own.sha256 and own.sha256 == other.sha256:
        return [f"{other.name} has the same weights as {own.name}: there is no difference."]
    if own.data is None or other.data is None:
        return [f"{other.name} and {own.name}: nothing is measured of both yet.", *_cost(own, other)]
    if own.data != other.data:
        return [
            f"{other.name} was trained on other data than {own.name}, or in other units: their distances and "
            "likelihoods cannot be compared."
        ]
    found = [*_quality(own, other), *_likelihood(own, other)]
    if not found:
        found = [f"{other.name} and {own.name}: nothing is measured of both yet."]
    elif found[0].startswith("Its "):
        # Where nothing before it says whose
        found[0] = f"{other.name} beside {own.name}: its {found[0].removeprefix('Its ')}"
    return [*found, *_cost(own, other)]


def _quality(own: Standing, other: Standing) -> list[str]:
    """ "B is nearer to the data than A at N = 5 by 0.0040 ± 0.0010: told apart; is unresolved at N = 20 (…)." """
    from dnf_studio.core.evaluation.between import distance_between

    at = {cost.steps: distance for cost, distance in own.rows}
    common = [(cost.steps, distance_between(one, at[cost.steps])) for cost, one in other.rows if cost.steps in at]
    if not common:
        return []
    draws = min(len(one.squares) for _, one in (*own.rows, *other.rows))
    number = NUMBERS[draws] if draws < len(NUMBERS) else str(draws)
    parts = []
    for word, nearer in (("nearer to", True), ("farther from", False)):
        told = [(n, one) for n, one in common if one.word == "told apart" and (one.value < 0) == nearer]
        if told:
            each = ", ".join(f"at N = {n} by {_by(one)}" for n, one in told)
            parts.append(f"is {word} the data than {own.name} {each}: told apart")
    equal, open_ = ([n for n, one in common if one.word == word] for word in ("equal", "unresolved"))
    if equal:
        parts.append(f"is equal to {own.name} within 0.005 at N = {_listed(equal)}")
    if open_:
        parts.append(f"{'' if parts else f'beside {own.name} '}is unresolved at N = {_listed(open_)}")
    seeds = f"({number} draws of each, one training seed: this is of these two models, not of their kinds)"
    return [f"{other.name} {'; '.join(parts)} {seeds}."]


def _likelihood(own: Standing, other: Standing) -> list[str]:
    from dnf_studio.core.evaluation.between import nats_between

    found = []
    names: tuple[tuple[Literal["bound", "ode"], str], ...] = (("bound", "bound on the NLL"), ("ode", "NLL by the ODE"))
    for what, words in names:
        one, of_own = other.likelihoods.get(what), own.likelihoods.get(what)
        if one is None or of_own is None or one.nll is None or of_own.nll is None:
            continue
        between = nats_between((one.nll, one.error), (of_own.nll, of_own.error))
        if between.value == 0:
            found.append(f"Its {words} is the same.")
            continue
        way = "lower" if between.value < 0 else "higher"
        said = f"Its {words} is {way} by {_by(between)} nats"
        why = (
            " (no error is known: it is not in the file, but Measure under Likelihood finds it)"
            if between.error is None
            else ""
        )
        found.append(f"{said}: {between.word}{why}.")
    return found


def _cost(own: Standing, other: Standing) -> list[str]:
    if own.record is None or other.record is None:
        return []
    one, of_own = other.record, own.record
    parts = []
    if one.multiply_adds and of_own.multiply_adds:
        parts.append(_times(one.multiply_adds / of_own.multiply_adds, "multiply-adds"))
    if one.seconds and of_own.seconds:
        parts.append(f"{_times(one.seconds / of_own.seconds, 'seconds')}, wherever each was trained")
    return [f"Its training took {' and '.join(parts)}."] if parts else []


def _by(found: Difference) -> str:
    error = "" if found.error is None else f" ± {found.error:.4f}"
    return f"{abs(found.value):.4f}{error}"


def _times(ratio: float, what: str) -> str:
    return f"about as many {what}" if abs(ratio - 1) < NEARLY else f"{ratio:.3g} times the {what}"


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
