"""Rows of another file than the one that training's come from, in the same columns and the same units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from dnf_studio.config import Missing
from dnf_studio.core.data.content_split import TEST, SplitRule, divided, row_positions
from dnf_studio.core.data.dataset import Standardisation
from dnf_studio.core.data.missing import DO, checked_table
from dnf_studio.core.data.readers import read_table
from dnf_studio.core.data.row_sets import MappedRows, Part, numbers_of, standardise
from dnf_studio.core.data.table import Table, number_columns
from dnf_studio.errors import DataError, MissingDataError

LARGE = 256 << 20
"""Bytes of float32 above which rows that can be read from their file are left there."""


def read_part(
    source: str,
    columns: tuple[str, ...],
    standardisation: Standardisation,
    rule: SplitRule | None = None,
    role: str | None = None,
    missing: Missing = "error",
    do: str = DO,
) -> Part:
    """The rows of a file that has these columns, all of them or those that `rule` keeps to test on, in model units.

    Columns go by their names, in whatever order and with whatever others, or by their places where one side has no
    names. `role` is the setting that names the file, if one does. Raises `DataError` where the file has not these
    columns, holds no such rows, or values that are missing or not finite, unless `missing` leaves such rows out; these
    columns are needed, and what to `do` is said.
    """
    try:
        table = matched(read_table(source), columns)
    except MissingDataError as error:
        if role is None:
            raise
        raise DataError(f"{str(error).rstrip('.')} of rows for {role}; say with --{role} where it is now.") from None
    table = checked_table(table, "drop-rows" if missing == "drop-rows" else "error", do)[0]
    mean, scale = np.array(standardisation.mean), np.array(standardisation.scale)
    chosen = _chosen(table, rule)
    found = numbers_of(chosen)
    if not len(found):
        none = "no rows" if rule is None else "none of the rows that training held out"
        raise DataError(f"'{table.path}' holds {none}; name a file of rows that it has never seen with --test.")
    large = table.mapped and 4 * len(found) * len(columns) > LARGE
    held: list[NDArray[np.float32]] = []
    for rows, block in table.blocks():
        model = standardise(block[chosen[rows]], mean, scale)
        if not np.isfinite(model).all():
            raise DataError(f"'{table.path}' has a row immeasurably far from those trained on; remove it.")
        if not large:
            held.append(model)
    if large:
        return MappedRows(table, list(range(len(columns))), standardisation, len(found), lambda places: found[places])
    return torch.from_numpy(np.concatenate(held))


def _chosen(table: Table, rule: SplitRule | None) -> NDArray[np.bool_]:
    """Which rows to test on: those that `rule` keeps for that, all without one."""
    if rule is None:
        return np.ones(len(table), np.bool_)
    sides = divided(lambda: (row_positions(block) for _, block in table.blocks()), len(table), rule)
    return np.equal(sides, TEST)


def refuse_width(columns: tuple[str, ...], known: tuple[str, ...], dim: int) -> None:
    """Raise `DataError` where `columns` are numbered only and not `dim`, so that none can be chosen by its name.

    `known` are those of the model, if it has names for them.
    """
    numbered = columns == number_columns(len(columns))
    if numbered and len(columns) != dim and known in ((), number_columns(dim)):
        many = "1 component" if len(columns) == 1 else f"{len(columns)} components"
        raise DataError(f"The points have {many}, and the model has {dim}.")


def matched(table: Table, columns: tuple[str, ...]) -> Table:
    """Give `table` these columns in this order; raises `DataError` where it has not got them."""
    if all(table.columns.count(name) == 1 for name in columns):
        order = [table.columns.index(name) for name in columns]
        return replace(table, picked=tuple(table.picked[i] for i in order), columns=columns)
    # Columns of one name each can be told apart by their places only, as those without names
    known = (number_columns(len(columns)), columns)
    if len(table.columns) == len(columns) and (table.columns in known or columns == known[0]):
        return replace(table, columns=columns)
    raise DataError(
        f"'{table.path}' has {_listed(table.columns)}, but training's data {_listed(columns)}; "
        "choose those with FILE::column,column."
    )


def _listed(names: tuple[str, ...]) -> str:
    """How many columns there are, and the first of them."""
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"the column {shown}" if len(names) == 1 else f"the {len(names)} columns {shown}"
