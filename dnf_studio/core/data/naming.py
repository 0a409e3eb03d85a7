"""How data is named: a built-in set, or a file and after ``::`` what is chosen of it. Loads neither torch nor NumPy."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dnf_studio.errors import DataError, SettingError, continued

if TYPE_CHECKING:
    from dnf_studio.core.data.image_shape import ImageShape, Logit

PICTURES = (".png", ".jpg", ".jpeg")
MOST_BLUR = 100.0
"""Pixels."""
PREFIX = "drawing:"
MEMORY = "memory:"
"""What the name of data begins with that a program held, and that was no file."""
SIDE = 400
"""Pixels along a side of the canvas."""
ALPHA = 1e-6
"""The α of a logit that says none, as for MNIST in the literature (Papamakarios, Pavlakou and Murray 2017).

It puts the ends of the range so far out that the dequantised first and last level have smooth tails and a model leaves
the range by no more than a millionth. With the 0.05 that is usual for CIFAR-10 they stay boxes with edges: preset
digits, 2,600 iterations, bound in bits per dimension 2.24 so, 2.33 with 0.05, 2.64 without a logit.
"""
FLIP = "flip=horizontal"
LOGIT = "logit"


def split_selection(source: str) -> tuple[Path, str | None]:
    """The file that `source` begins with and what is chosen of it (None: everything).

    A file may have colons in its own name: the longest part of `source` that is there is the file.
    """
    source = os.path.expanduser(source)
    if "::" not in source or os.path.exists(source):
        return Path(source), None
    parts = source.split("::")
    for count in range(len(parts) - 1, 0, -1):
        if os.path.exists(name := "::".join(parts[:count])):
            return Path(name), "::".join(parts[count:])
    return Path(parts[0]), "::".join(parts[1:])


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
        """Read what stands after the colons, such as ``threshold=0.3,blur=2``; raises `DataError`."""
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


def is_drawing(source: str) -> bool:
    """Whether `source` is a drawing."""
    return source.startswith(PREFIX)


def drawing_label(source: str) -> str:
    """A short name for it, such as ``drawing-3f2a91``, the same for the same drawing."""
    return f"drawing-{hashlib.sha256(source.encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class ImageOptions:
    """How images are trained on."""

    flips: bool = False
    """Every image and its mirror image alike."""
    alpha: float | None = None
    """α of the logit in whose space a model is trained; None for the values themselves."""

    @classmethod
    def parse(cls, name: object, selection: str | None) -> ImageOptions:
        """Read what stands after the colons, such as ``flip=horizontal,logit``; raises `DataError`, naming `name`."""
        found = cls()
        for part in () if selection is None else "".join(selection.split()).split(","):
            key, equals, value = part.partition("=")
            if part == FLIP and not found.flips:
                found = replace(found, flips=True)
            elif key == LOGIT and found.alpha is None:
                found = replace(found, alpha=_number(value) if equals else ALPHA)
            else:
                raise DataError(
                    f"Of the images in '{name}' only flips and the logit can be chosen, as FILE::{FLIP},{LOGIT}, "
                    f"not '{selection}'."
                )
        return found

    @property
    def suffix(self) -> str:
        """What `parse` reads, with its colons; empty where nothing is chosen."""
        logit = [] if self.alpha is None else [LOGIT if self.alpha == ALPHA else f"{LOGIT}={self.alpha:.12g}"]
        told = [FLIP] * self.flips + logit
        return f"::{','.join(told)}" if told else ""

    def logit(self, name: object, image: ImageShape) -> Logit | None:
        """The logit over the range of `image`, if one is chosen; raises `DataError` where its α cannot be."""
        from dnf_studio.core.data.image_shape import Logit

        try:
            return None if self.alpha is None else Logit(image.low, image.high, self.alpha)
        except ValueError as problem:
            raise DataError(f"The images in '{name}' cannot be used so: {problem}.") from None


def logit_chosen(source: str) -> bool | None:
    """Whether `source` names images in logit space; None where something is chosen that images have not."""
    try:
        return ImageOptions.parse(source, split_selection(source)[1]).alpha is not None
    except DataError:
        return None


def with_logit(source: str, wanted: bool) -> str:
    """The images `source` with the logit or without; raises `DataError` where it names something else."""
    path, selection = split_selection(source)
    own = ImageOptions.parse(path, selection)
    alpha = (ALPHA if own.alpha is None else own.alpha) if wanted else None
    return f"{path}{replace(own, alpha=alpha).suffix}"


def _number(text: str) -> float:
    """What `Logit` refuses where it is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
