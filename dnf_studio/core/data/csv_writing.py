"""How a text table is written: its encoding, and what separates its values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from dnf_studio.core.data.cells import meanings

DELIMITERS = "\t;,"
"""Delimiters in the order in which they are tried: numbers with a decimal point hold none of the first two."""
BLANKS = " "
"""Stands for any number of blanks and tabs between two values."""
MOST_ROWS = 1000
"""Rows from which it is found how a table is written and what its columns mean."""
MOST_IN_CELL = 1 << 24
"""Characters of one cell, so that a quote that is never closed does not fill the memory."""
csv.field_size_limit(MOST_IN_CELL)


def encodings(head: bytes) -> tuple[str, ...]:
    """The encodings that may be meant; none of what is no text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    if b"\0" in head:
        # Latin letters and digits in two bytes each, one of which is 0
        places = np.flatnonzero(np.frombuffer(head, np.uint8) == 0) % 2
        latin = len(head) >= 8 and 3 * len(places) > len(head) and places.min() == places.max()
        return (f"utf-16-{'bl'[int(places[0])]}e",) if latin else ()
    control = bytes(range(9)) + bytes(range(14, 26)) + bytes(range(27, 32))
    return ("utf-8-sig",) if head.translate(None, control) != head else ("utf-8-sig", "cp1252")


def split_rows(file: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """The rows of a text, without blank lines."""
    if delimiter == BLANKS:
        return ([cell.strip('"') for cell in line.split()] for line in file if line.strip())
    return filter(None, csv.reader(file, delimiter=delimiter, skipinitialspace=delimiter != "\t"))


def delimiter_of(head: str) -> str:
    """The first of `DELIMITERS` that splits the first two rows into equally many values; where none does, what makes
    numbers of most of the text.
    """

    def rows(delimiter: str) -> list[list[str]]:
        return list(islice(split_rows(io.StringIO(head, newline=""), delimiter), MOST_ROWS))

    first = next((delimiter for delimiter in (*DELIMITERS, "|") if _fits(rows(delimiter))), None)
    if first not in (None, ","):
        return first or ","
    by_blanks = rows(BLANKS)
    # Decimal commas between blanks, 1,5 2,5, look as if commas separated 1, "5 2" and 5
    share = _numeric(by_blanks[1:] or by_blanks) if _fits(by_blanks) else 0.0
    if share and (first is None or share == 1 > _numeric(rows(",")[1:])):
        return BLANKS
    alone = rows("\t")
    plain = first is None and all(len(row) == 1 for row in alone) and "," not in alone[0][0]
    if plain and _numeric(alone[1:]) == 1:
        # One column of numbers with a decimal comma
        return "\t"
    return ","


def _fits(rows: list[list[str]]) -> bool:
    widths = [len(row) for row in rows[:2]]
    return bool(widths) and widths[0] > 1 and len(set(widths)) == 1


def _numeric(rows: list[list[str]]) -> float:
    """The share of these cells that are in a column of numbers; 0 without any rows."""
    if not rows or len(set(map(len, rows))) > 1:
        return 0.0
    kinds = [meaning.kind for meaning in meanings(zip(*rows, strict=True))]
    return sum(kind in ("number", "whole number") for kind in kinds) / len(kinds)
