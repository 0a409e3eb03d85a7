"""How a picture is named as data: its file, and after ``::`` how dark becomes dense. Loads nothing heavy."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path

from dnf_studio.core.data.source import split_selection
from dnf_studio.errors import DataError, SettingError, continued

__all__ = ["MOST_BLUR", "PICTURES", "PictureSettings", "is_picture", "picture_source", "with_settings"]

PICTURES = (".png", ".jpg", ".jpeg")
MOST_BLUR = 100.0


@dataclass(frozen=True)
class PictureSettings:
    """How a picture becomes a density: a pixel weighs its darkness, 0 white … 1 black, where that is enough."""

    threshold: float = 0.1
    """Pixels of less darkness weigh nothing; at least 0, below 1."""
    blur: float = 0.0
    """Standard deviation in pixels of a Gaussian blur before that, 0 for none."""

    def __post_init__(self) -> None:
        """Raise `SettingError` for what cannot be."""
        if not 0 <= self.threshold < 1:
            raise SettingError(f"The threshold of a picture is at least 0 and below 1, not {self.threshold:g}.")
        if not 0 <= self.blur <= MOST_BLUR:
            raise SettingError(f"The blur of a picture is from 0 to {MOST_BLUR:g} pixels, not {self.blur:g}.")

    @classmethod
    def parse(cls, path: Path, selection: str | None) -> PictureSettings:
        """From what stands after the colons, such as ``threshold=0.3,blur=2``; raises `DataError`."""
        values: dict[str, float] = {}
        for part in () if selection is None else selection.split(","):
            name, _, text = (word.strip() for word in part.partition("="))
            if name not in ("threshold", "blur"):
                raise DataError(f"Of '{path}' only threshold and blur can be set, as in FILE::threshold=0.3,blur=2.")
            if name in values:
                raise DataError(f"The {name} of '{path}' is given twice.")
            try:
                values[name] = float(text)
            except ValueError:
                values[name] = math.nan
            if not math.isfinite(values[name]):
                raise DataError(f"The {name} of '{path}' must be a number, not '{text}'.")
        try:
            return cls(**values)
        except SettingError as error:
            raise DataError(f"'{path}' cannot be used so: {continued(str(error))}") from None


def is_picture(source: str) -> bool:
    """Whether `source` names a picture by its suffix."""
    return split_selection(source)[0].suffix.lower() in PICTURES


def picture_source(path: Path, settings: PictureSettings) -> str:
    """FILE, or ``FILE::threshold=…,blur=…`` with what differs from the defaults."""
    own, given = asdict(PictureSettings()), asdict(settings)
    told = [f"{name}={value:.12g}" for name, value in given.items() if value != own[name]]
    return f"{path}::{','.join(told)}" if told else str(path)


def with_settings(source: str, threshold: float | None, blur: float | None) -> str:
    """`source` with these in place of what it says itself; None leaves that.

    Raises `SettingError` where it is no picture or a value cannot be.
    """
    path, selection = split_selection(source)
    if not is_picture(source):
        raise SettingError(f"Threshold and blur are settings of a picture, and '{source}' is none.")
    own = PictureSettings.parse(path, selection)
    return picture_source(
        path,
        PictureSettings(own.threshold if threshold is None else threshold, own.blur if blur is None else blur),
    )
