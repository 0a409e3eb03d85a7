"""The chosen points as the columns of a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.exploration.lineage import LineageColumn, LineageTable
from dnf_studio.gui.drawing.words import component_name
from dnf_studio.gui.widgets.table import Column

__all__ = ["lineage_columns"]

HEADS = {"point": "point", "log_ratio": "log-ratio", "worst_step": "worst step"}
DIGITS = 4
EXACT = {"i8": "d", "f4": ".9g", "f8": ".12g"}
"""How other programs get a number: as exactly as it is kept."""


def lineage_columns(table: LineageTable) -> list[Column]:
    """A row a point: its number, where it is on its path, and its log-ratio where that is known."""
    return [_column(column, name) for column, name in zip(table.columns, table.names, strict=True)]


def _column(column: LineageColumn, name: str) -> Column:
    head = HEADS[column.name] if column.component < 0 else f"{column.name} {component_name(column.component)}"
    values, tip = column.values, f"{column.tip}. A click sorts by it"
    return Column(head, tip, values, f",.{_decimals(values)}f", name, exact=EXACT[values.dtype.str[1:]])


def _decimals(values: NDArray[Any]) -> int:
    """As many as show four digits of the largest value, none of whole numbers."""
    if values.dtype.kind == "i":
        return 0
    largest = float(np.abs(values[np.isfinite(values)]).max(initial=0))
    return int(np.clip(DIGITS - 1 - math.floor(math.log10(max(largest, 1e-9))), 0, 6))
