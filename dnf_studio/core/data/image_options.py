"""What can be chosen of images where their data is named, after ``::``. Loads nothing heavy."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.logit import Logit
from dnf_studio.core.data.source import split_selection
from dnf_studio.errors import DataError

__all__ = ["ALPHA", "ImageOptions", "logit_chosen", "with_logit"]

ALPHA = 1e-6
"""Of a logit that says none, as for MNIST in the literature (Papamakarios, Pavlakou and Murray 2017).

It puts the ends of the range so far out that the dequantised first and last level have smooth tails and a model leaves
the range by no more than a millionth. With the 0.05 that is usual for CIFAR-10 they stay boxes with edges: preset
digits, 2,600 iterations, bound in bits per dimension 2.24 so, 2.33 with 0.05, 2.64 without a logit.
"""
FLIP = "flip=horizontal"
LOGIT = "logit"


@dataclass(frozen=True)
class ImageOptions:
    """How images are trained on."""

    flips: bool = False
    """Every image and its mirror image alike."""
    alpha: float | None = None
    """That of the logit in whose space a model is trained; None for the values themselves."""

    @classmethod
    def parse(cls, name: object, selection: str | None) -> ImageOptions:
        """From what stands after the colons, such as ``flip=horizontal,logit``; raises `DataError`, naming `name`."""
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
