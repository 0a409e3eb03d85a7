"""What the cells of a text table mean: numbers of several countries, dates, missing values, and text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["number", "whole number", "date", "text"]
Column = Sequence[str]

MISSING = frozenset(
    (
        *("", "?", "-", "--", ".", "NA", "na", "N/A", "n/a", "<NA>", "NULL", "Null", "null", "None", "NaT"),
        *(sign + word for sign in ("", "+", "-") for word in ("NaN", "nan", "NAN")),
        # Of spreadsheets
        *("#N/A", "#NA", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!"),
    )
)
"""Cells that stand for a value that is not there."""
SPACES = "\u00a0\u202f ’'"
"""What separates thousands in either way of writing."""


def _grouped(separators: str) -> str:
    return rf"[+-]?[1-9]\d{{0,2}}(?:[{separators}]\d{{3}})+"


POINT = re.compile(rf"(?:{_grouped(',' + SPACES)}|[+-]?\d+)(?:\.\d*)?(?:[eE][+-]?\d+)?")
"""1,234.5"""
COMMA = re.compile(rf"(?:{_grouped('.' + SPACES)}|[+-]?\d*)(?:,\d*)?(?:[eE][+-]?\d+)?")
"""1.234,5"""
POINT_GROUPS = re.compile(_grouped("."))
SEPARATORS = {form: str.maketrans("", "", sign + SPACES) for form, sign in (("comma", "."), ("point", ","))}
TIME = r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?"
DATES = {
    "year first": re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}})({TIME})"),
    "day first": re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}})({TIME})"),
}


FIRST = 50
"""Dates that are tried before a column is taken for one of dates."""


@dataclass(frozen=True)
class Meaning:
    """How the cells of one column are to be read."""

    kind: Kind
    form: str = "plain"
    """``plain``, ``comma`` (1.234,5) or ``point`` (1,234.5) of numbers; of dates where day, month and year stand."""

    @property
    def words(self) -> str:
        """The kind with what is unusual of how it is written."""
        whole = self.kind == "whole number"
        told = {"comma": "thousands with a point" if whole else "decimal comma", "point": "thousands separated"}
        return f"{self.kind}, {told[self.form]}" if self.form in told and self.kind != "text" else self.kind


def is_missing(cell: str) -> bool:
    """Whether there is no value in this cell."""
    return cell in MISSING or cell.strip() in MISSING


def plain_number(text: str) -> float:
    """The number that `text` is; Python would read 1_2, which in a table is a name, as twelve."""
    if "_" in text:
        raise ValueError(text)
    return float(text)


def cell_number(cell: str, meaning: Meaning) -> float:
    """The number in a cell, NaN for a missing value, a date in days since 1970; raises `ValueError` for text."""
    return float(numbers([cell], meaning)[0])


def numbers(cells: Column, meaning: Meaning) -> NDArray[np.float64]:
    """The numbers (n,) in these cells as `cell_number` says; the first that is none is the error's argument."""
    if meaning.kind == "date":
        return _days(cells, meaning)
    read = READ[meaning.form]
    try:
        return np.fromiter(map(read, cells), np.float64, len(cells))
    except ValueError:
        return np.fromiter((np.nan if is_missing(cell) else _named(read, cell) for cell in cells), np.float64)


def meanings(columns: Iterable[Column], semicolons: bool = False) -> tuple[Meaning, ...]:
    """What the cells of each of these columns mean; a column without a value is one of numbers.

    Cells such as 1,234 could be read in two ways. They have a decimal comma where another column has, or
    where `semicolons` separate the values, else they are thousands.
    """
    given = [[cell.strip() for cell in column if not is_missing(cell)] for column in columns]
    found = [_meaning(cells) for cells in given]
    comma = any(one is not None and one.form == "comma" for one in found)
    ambiguous = Meaning("number", "comma" if comma or semicolons else "point")
    settled = [_refined(one or ambiguous, cells, comma) for one, cells in zip(found, given, strict=True)]
    return tuple(settled)


def text_of(value: object) -> str:
    """A value of a spreadsheet or a Parquet file as it would stand in a text table."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value)


def _meaning(cells: list[str]) -> Meaning | None:
    """What these cells mean by themselves; None where a comma in them may be of either kind."""
    if _all(plain_number, cells):
        return Meaning("number")
    point, comma = (all(map(pattern.fullmatch, cells)) and _all(read, cells) for pattern, read in FORMS)
    if point and comma:
        # 1 234 is one number either way
        return None if any("," in cell for cell in cells) else Meaning("number", "point")
    if point or comma:
        return Meaning("number", "point" if point else "comma")
    for form, pattern in DATES.items():
        parts = [pattern.fullmatch(cell) for cell in cells]
        if all(parts):
            dated = Meaning("date", form if form == "year first" else _order(parts))
            return dated if _all(partial(cell_number, meaning=dated), cells[:FIRST]) else Meaning("text")
    # A few cells that are no numbers are told as such, not those that are
    forms = {form: sum(_all(read, [cell]) for cell in cells[:FIRST]) for form, read in READ.items()}
    return Meaning("text", max(forms, key=lambda form: forms[form]))


def _refined(meaning: Meaning, cells: list[str], comma: bool) -> Meaning:
    """`meaning` with whole numbers told from others, and the points of thousands where others have a decimal comma."""
    if meaning.kind != "number" or not cells:
        return meaning
    if comma and meaning.form == "plain":
        dotted = [cell for cell in cells if "." in cell]
        if dotted and all(map(POINT_GROUPS.fullmatch, dotted)):
            meaning = Meaning("number", "comma")
    values = numbers(cells, meaning)
    whole = bool((np.isfinite(values) & (np.floor(values) == values)).all())
    return Meaning("whole number" if whole else "number", meaning.form)


def _all(read: Callable[[str], object], cells: Iterable[str]) -> bool:
    try:
        for cell in cells:
            read(cell)
    except ValueError:
        return False
    return True


def _named(read: Callable[[str], float], cell: str) -> float:
    """`read(cell)`; an error names the whole cell."""
    try:
        return read(cell)
    except ValueError:
        raise ValueError(cell) from None


def _of_comma(cell: str) -> float:
    """1.234,5"""
    stripped = cell.strip()
    if not COMMA.fullmatch(stripped):
        raise ValueError(cell)
    return float(stripped.translate(SEPARATORS["comma"]).replace(",", "."))


def _of_point(cell: str) -> float:
    """1,234.5"""
    stripped = cell.strip()
    if not POINT.fullmatch(stripped):
        return plain_number(stripped)
    return float(stripped.translate(SEPARATORS["point"]))


READ = {"plain": plain_number, "comma": _of_comma, "point": _of_point}
FORMS = ((POINT, _of_point), (COMMA, _of_comma))


def _order(parts: Sequence[re.Match[str] | None]) -> str:
    """Whether days or months come first: with slashes months, unless one of them is greater than twelve."""
    found = [part for part in parts if part is not None]
    slashes = any(part[2] == "/" for part in found)
    return "month first" if slashes and all(int(part[1]) <= 12 for part in found) else "day first"


def _days(cells: Column, meaning: Meaning) -> NDArray[np.float64]:
    """Days (n,) since 1970-01-01 UTC, with their fractions; NaN for a missing value."""
    import pandas as pd

    pattern = DATES["year first" if meaning.form == "year first" else "day first"]
    written: list[str | None] = []
    for cell in cells:
        part = pattern.fullmatch(cell.strip())
        if part is None and not is_missing(cell):
            raise ValueError(cell)
        written.append(None if part is None else _iso(part, meaning.form))
    days = pd.to_datetime(pd.Series(written, dtype=object), format="ISO8601", utc=True, errors="coerce")
    found: NDArray[np.float64] = ((days - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)).to_numpy(np.float64)
    for cell, text, day in zip(cells, written, found, strict=True):
        if text is not None and np.isnan(day):
            raise ValueError(cell)
    return found


def _iso(part: re.Match[str], form: str) -> str:
    """A date and perhaps a time as ISO 8601 has them."""
    first, _, second, third, time = part.groups()
    year, month, day = {
        "year first": (first, second, third),
        "day first": (third, second, first),
        "month first": (third, first, second),
    }[form]
    hour, _, rest = time[1:].partition(":")
    clock = f"T{hour:0>2}:{rest}" if time else ""
    return f"{year}-{month:0>2}-{day:0>2}{clock}"
