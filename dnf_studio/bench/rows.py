"""One number and its reference."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Row", "less", "more"]


@dataclass(frozen=True)
class Row:
    """What was measured, what its reference gave in the same minute, and how many times better it is."""

    name: str
    value: float
    unit: str
    reference: float
    """In `unit` too."""
    ratio: float
    """Above 1 is better than the reference."""


def less(name: str, value: float, unit: str, reference: float) -> Row:
    """A row of which less is better."""
    return Row(name, value, unit, reference, reference / value)


def more(name: str, value: float, unit: str, reference: float) -> Row:
    """A row of which more is better."""
    return Row(name, value, unit, reference, value / reference)
