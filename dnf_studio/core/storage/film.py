"""Pictures in a row as a film: MP4 by PyAV, GIF, WebP and animated PNG by Pillow; written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.files import atomic_file, check_target
from dnf_studio.errors import ExportError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Pixels = NDArray[np.uint8]
"""(height, width, 3): red, green, blue."""
Shot = tuple[Pixels, int]
"""A picture, and for how many frames it stays."""
SIDES = range(16, 4097)
"""Pixels that a side of a film may have."""
RATES = range(1, 61)
"""Frames a second."""
RATES_OF_GIF = range(1, 51)
"""A GIF counts hundredths of a second, and players slow down what stays for less than two."""
QUALITY = 18
"""Constant rate factor of H.264: 18 is said to look like what went in, and 6 more halves the file."""
THREADS = 4
BT709, LIMITED = 1, 1
"""What FFmpeg calls the colours that players expect of high definition, and their range of 16 … 235."""
FILM_KINDS = {".mp4": "MP4", ".gif": "GIF", ".webp": "WebP", ".apng": "animated PNG", ".png": "animated PNG"}
"""What a film may be, by the suffix of its file."""


@dataclass(frozen=True)
class FilmPlan:
    """What a film will be: a file, its size, and its time."""

    path: Path
    size: tuple[int, int]
    """Width and height, pixels."""
    rate: int
    """Frames a second."""
    shots: int
    """How many pictures come, each of which stays for one frame or more."""

    @property
    def kind(self) -> str:
        """The suffix of the file in small letters."""
        return self.path.suffix.lower()


def check_film(plan: FilmPlan) -> None:
    """Raise `ExportError` where no such film can be written: suffix, size, rate, encoder, or place of the file."""
    kind, named = plan.kind, ", ".join(list(FILM_KINDS)[:-1])
    if kind not in FILM_KINDS:
        raise ExportError(f"'{plan.path.name}' is no name of a film; let it end in {named} or .png.")
    if not all(side in SIDES for side in plan.size):
        raise ExportError(
            f"A side of a film has {SIDES[0]} to {SIDES[-1]} pixels, not {plan.size[0]} × {plan.size[1]}."
        )
    rates = RATES_OF_GIF if kind == ".gif" else RATES
    if plan.rate not in rates:
        raise ExportError(f"A film of this kind has {rates[0]} to {rates[-1]} frames a second, not {plan.rate}.")
    if plan.shots < 1:
        raise ExportError("A film needs a picture.")
    if kind == ".mp4":
        if any(side % 2 for side in plan.size):
            even = tuple(side + side % 2 for side in plan.size)
            raise ExportError(f"The sides of an MP4 film are even numbers of pixels; choose {even[0]} × {even[1]}.")
        if find_spec("av") is None:
            raise ExportError(
                "An MP4 film needs PyAV, or choose GIF or WebP; install it with pip install 'dnf-studio[film]'."
            )
    check_target(plan.path, ExportError)


def write_film(plan: FilmPlan, shots: Iterable[Shot], samples: Iterable[Pixels] = ()) -> None:
    """Write `shots`, of which `plan` says how many come, as they come; only one or two are held at a time.

    `samples` are pictures of the whole film, before its first one, for the 256 colours of a GIF; without them it has
    those of its first picture. Whatever `shots` raises leaves no file, or an older one as it was. Raises `ExportError`
    as `check_film` does, and where the disk refuses.
    """
    check_film(plan)
    with atomic_file(plan.path, ExportError) as partial:
        if plan.kind == ".mp4":
            _write_mp4(plan, partial, shots)
            return
        from dnf_studio.core.storage import animation

        first = _First(shots)
        if plan.kind == ".gif":
            animation.write_gif(partial, first.all(), plan.rate, chain(samples, [first.picture]))
        elif plan.kind == ".webp":
            animation.write_webp(partial, first.all(), plan.rate, plan.shots)
        else:
            animation.write_apng(partial, first.all(), plan.rate, plan.shots)


class _First:
    """The first picture of a row of shots, which is looked at before them all."""

    def __init__(self, shots: Iterable[Shot]) -> None:
        self._rest = iter(shots)
        self._first = next(self._rest)
        self.picture = self._first[0]

    def all(self) -> Iterator[Shot]:
        """All shots."""
        return chain([self._first], self._rest)


def _write_mp4(plan: FilmPlan, partial: Path, shots: Iterable[Shot]) -> None:
    """H.264 as every player knows it: 4:2:0, colours of BT.709, the index at the beginning."""
    from av import open as open_film

    with open_film(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        stream = film.add_stream("libx264", rate=plan.rate, options={"crf": str(QUALITY), "preset": "veryfast"})
        stream.width, stream.height = plan.size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = BT709
        context.color_range = LIMITED
        context.time_base = Fraction(1, plan.rate)
        # One core stays for who paints the pictures
        context.thread_count = min(THREADS, max(1, (os.cpu_count() or 2) - 1))
        count = 0
        for pixels, frames in shots:
            picture = _frame_of(pixels)
            for _ in range(frames):
                picture.pts = count
                film.mux(stream.encode(picture))
                count += 1
        film.mux(stream.encode(None))


def _frame_of(pixels: Pixels) -> VideoFrame:
    """The picture as luma, and chroma at half its width and height, each the mean of four pixels."""
    from av.video.frame import VideoFrame
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    return VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuv420p",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )
