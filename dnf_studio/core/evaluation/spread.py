"""Parts of a measurement that know nothing of each other, spread over ranks: whoever measures one, its number is the
same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from dnf_studio.core.evaluation.by_steps import Progress
from dnf_studio.core.ranks import Ranks
from dnf_studio.errors import interrupted_when

T = TypeVar("T")


@dataclass(frozen=True)
class Part(Generic[T]):
    """Something to measure."""

    measure: Callable[[], T]
    cost: float
    """About how long it takes, in any unit that all parts share; it says who measures what."""
    plain: Callable[[T], Any] = lambda found: found
    """What was found as values that JSON can hold."""
    back: Callable[[Any], T] = lambda values: values
    """And made of these again."""


def shares(costs: Mapping[str, float], count: int) -> list[list[str]]:
    """The names of `costs` for each of so many ranks: the longest first, each to the one that has least to do."""
    found: list[list[str]] = [[] for _ in range(count)]
    sums = [0.0] * count
    for name in sorted(costs, key=lambda name: (-costs[name], name)):
        rank = sums.index(min(sums))
        found[rank].append(name)
        sums[rank] += costs[name]
    return found


def measured(parts: Mapping[str, Part[Any]], ranks: Ranks, tell: Progress) -> dict[str, Any]:
    """What is found of each of the `parts`, all of which every rank gets; `tell` hears of those that this one measures.

    Raises what a part raises, and `RankError` with the number of a rank that has ended or does nothing any more.
    """
    if ranks.count == 1:
        return {name: _measure(name, part, tell) for name, part in parts.items()}
    own = set(shares({name: part.cost for name, part in parts.items()}, ranks.count)[ranks.rank])

    def at_work() -> bool:
        ranks.alive()
        return False

    with interrupted_when(at_work):
        mine = {name: part.plain(_measure(name, part, tell)) for name, part in parts.items() if name in own}
    tell("waiting for the other ranks")
    found = {name: value for one in ranks.gather(mine) for name, value in one.items()}
    return {name: part.back(found[name]) for name, part in parts.items()}


def _measure(name: str, part: Part[T], tell: Progress) -> T:
    tell(name)
    return part.measure()
