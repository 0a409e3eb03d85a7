"""GIF, WebP and animated PNG, one picture after the other.

Pillow would hold all pictures of a GIF or PNG until the last: 800 MB for ten seconds of 1280 × 720. Here it packs each
by itself, only the part that differs from the picture before, and this module puts them behind each other. A WebP it
asks for one after the other by itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image, PngImagePlugin

Pixels = NDArray[np.uint8]
Shot = tuple[Pixels, int]
Box = tuple[int, int, int, int]
SHADES = 32
"""How many shades of each of red, green and blue are told apart where colours are looked up."""
COLOURS = 256
EXACT = 16
"""Colours that the most pixels have, ground and letters among them, stay as they are."""
WEBP_QUALITY = 90


def write_gif(path: Path, shots: Iterable[Shot], rate: int, samples: Iterable[Pixels]) -> None:
    """A GIF in the 256 colours that suit `samples` best, without dithering, which would flicker."""
    palette = _Palette(samples)
    before: NDArray[np.uint8] | None = None
    with path.open("wb") as file:
        for pixels, hundredths in _timed(shots, rate, 100):
            shown = palette.numbers(pixels)
            box = _changed(before, shown)
            left, top, right, bottom = box
            part = palette.image(shown[top:bottom, left:right])
            if before is None:
                header, _ = GifImagePlugin.getheader(palette.image(shown), info={"loop": 0})
                file.writelines(header)
            file.writelines(GifImagePlugin.getdata(part, (left, top), duration=10 * hundredths, disposal=1))
            before = shown
        file.write(b";")


def write_apng(path: Path, shots: Iterable[Shot], rate: int, count: int) -> None:
    """An animated PNG of `count` pictures, all pixels as they came."""
    before: Pixels | None = None
    number = 0
    with path.open("wb") as file:
        for pixels, frames in shots:
            left, top, right, bottom = _changed(before, pixels)
            chunks = list(_chunks(pixels[top:bottom, left:right]))
            if before is None:
                file.write(b"\x89PNG\r\n\x1a\n")
                PngImagePlugin.putchunk(file, b"IHDR", dict(chunks)[b"IHDR"])
                PngImagePlugin.putchunk(file, b"acTL", struct.pack(">II", count, 0))
            place = (number, right - left, bottom - top, left, top)
            PngImagePlugin.putchunk(file, b"fcTL", struct.pack(">5I2H2B", *place, frames, rate, 0, 0))
            number = _put_data(file, chunks, number + 1, before is None)
            before = pixels
        PngImagePlugin.putchunk(file, b"IEND")


def write_webp(path: Path, shots: Iterable[Shot], rate: int, count: int) -> None:
    """A WebP of `count` pictures; colours are at half the width and height of the rest, as in an MP4."""
    durations: list[int] = []
    reel = _Reel(_timed(shots, rate, 1000), count, durations)
    reel.save(path, "WEBP", save_all=True, duration=durations, quality=WEBP_QUALITY, method=0, loop=0)


def _put_data(file: BinaryIO, chunks: Iterable[tuple[bytes, bytes]], number: int, first: bool) -> int:
    """Write the packed pixels, all but those of the first picture with their `number`; returns the next one."""
    for name, data in chunks:
        if name == b"IDAT" and first:
            PngImagePlugin.putchunk(file, b"IDAT", data)
        elif name == b"IDAT":
            PngImagePlugin.putchunk(file, b"fdAT", struct.pack(">I", number), data)
            number += 1
    return number


def _chunks(pixels: Pixels) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents of the chunks of a PNG file."""
    packed = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(packed, "PNG", compress_level=4)
    data, at = packed.getbuffer(), 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield name, bytes(data[at + 8 : at + 8 + length])
        at += length + 12


def _timed(shots: Iterable[Shot], rate: int, units: int) -> Iterator[tuple[Pixels, int]]:
    """Each picture with how long it stays, in so many `units` a second; what is cut off one is given to the next."""
    frames = begin = 0
    for pixels, stays in shots:
        frames += stays
        end = round(units * frames / rate)
        yield pixels, max(1, end - begin)
        begin = max(begin + 1, end)


def _changed(before: NDArray[np.uint8] | None, now: NDArray[np.uint8]) -> Box:
    """Left, top, right and bottom of what differs, at least a pixel."""
    height, width = now.shape[:2]
    if before is None:
        return 0, 0, width, height
    differs = before != now
    if differs.ndim == 3:
        differs = differs.any(axis=2)
    rows, columns = (np.flatnonzero(differs.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return 0, 0, 1, 1
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


class _Palette:
    """The colours of a GIF and which of them each colour of a picture becomes."""

    def __init__(self, samples: Iterable[Pixels]) -> None:
        pixels = np.concatenate([sample.reshape(-1, 3) for sample in samples])
        whole = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
        found, counts = np.unique(whole, return_counts=True)
        usual = found[np.argsort(counts)[::-1][:EXACT]]
        # A thin line counts as well as a ground that has a thousand times its pixels
        weights = np.ceil(np.sqrt(counts)).astype(np.intp)
        spread = _rgb(np.repeat(found, weights)).reshape(1, -1, 3)
        chosen = Image.fromarray(spread).quantize(
            COLOURS - len(usual), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
        colours = np.array(chosen.getpalette(), np.uint8).reshape(-1, 3)[: COLOURS - len(usual)]
        self._colours = np.concatenate([_rgb(usual), colours]).astype(np.uint8)
        self._bytes = self._colours.tobytes()
        self._table = self._look_up(usual)

    def numbers(self, pixels: Pixels) -> NDArray[np.uint8]:
        """The number of each pixel's colour, (height, width)."""
        parts = (pixels >> 3).astype(np.uint16)
        cells = (parts[..., 0] * np.uint16(SHADES) + parts[..., 1]) * np.uint16(SHADES) + parts[..., 2]
        numbers: NDArray[np.uint8] = self._table[cells]
        return numbers

    def image(self, numbers: NDArray[np.uint8]) -> Image.Image:
        """The same as an image."""
        made = Image.fromarray(np.ascontiguousarray(numbers), "P")
        made.putpalette(self._bytes)
        return made

    def _look_up(self, usual: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """For each cell of SHADES³ colours the nearest of the palette, for that of a usual colour this one."""
        levels = np.arange(SHADES, dtype=np.uint8) * 8 + 4
        cells = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(SHADES, -1, 3)
        own = self.image(np.zeros((1, 1), np.uint8))
        table = np.array(Image.fromarray(cells).quantize(palette=own, dither=Image.Dither.NONE), np.uint8).ravel()
        shades = (_rgb(usual) >> 3).astype(np.intp)
        table[(shades[::-1, 0] * SHADES + shades[::-1, 1]) * SHADES + shades[::-1, 2]] = np.arange(len(usual))[::-1]
        return table


def _rgb(whole: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Red, green and blue (…, 3) of colours in one number each."""
    return np.stack([whole >> 16, whole >> 8, whole], axis=-1).astype(np.uint8)


class _Reel(Image.Image):
    """A picture that becomes the next one when Pillow seeks it, as those of an opened film do."""

    def __init__(self, shots: Iterator[tuple[Pixels, int]], count: int, durations: list[int]) -> None:
        super().__init__()
        self._shots, self._durations, self._place = shots, durations, -1
        self.n_frames, self.is_animated = count, count > 1
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Go on to the picture `frame`, the next one; the one that is shown, and any before, stay as they are."""
        if frame != self._place + 1:
            return
        pixels, stays = next(self._shots)
        shown = Image.fromarray(pixels)
        self._im, self._mode, self._size, self._place = shown.im, shown.mode, shown.size, frame
        self._durations.append(stays)

    def tell(self) -> int:
        """Which picture it is."""
        return self._place
