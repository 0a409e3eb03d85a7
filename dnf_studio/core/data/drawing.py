"""Data drawn by hand: where the canvas is dark, points are equally dense."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.drawing_source import PREFIX, SIDE, drawing_label
from dnf_studio.core.data.picture import PictureDensity, make_density
from dnf_studio.core.data.picture_file import Picture
from dnf_studio.core.data.picture_source import PictureSettings
from dnf_studio.errors import DataError

__all__ = ["decode_drawing", "encode_drawing", "open_drawing"]

BYTES = SIDE * SIDE // 8
MOST_LETTERS = 4 * BYTES
"""Longer than any drawing: base64 of what deflate cannot make smaller."""


def encode_drawing(dark: NDArray[np.bool_]) -> str:
    """The drawing `dark` (400, 400), top row first, as a name of data: deflated bits in the letters of URLs."""
    packed = np.packbits(dark.astype(bool), axis=None).tobytes()
    return PREFIX + base64.urlsafe_b64encode(zlib.compress(packed, 9)).decode("ascii")


def decode_drawing(source: str) -> NDArray[np.bool_]:
    """What `encode_drawing` made a name of; raises `DataError` where it is no whole drawing."""
    letters = source.removeprefix(PREFIX)
    unpacker = zlib.decompressobj()
    try:
        if len(letters) > MOST_LETTERS:
            raise ValueError
        # No more is unpacked than a drawing has
        packed = unpacker.decompress(base64.b64decode(letters, altchars=b"-_", validate=True), BYTES + 1)
    except (ValueError, binascii.Error, zlib.error):
        packed = b""
    if len(packed) != BYTES or not unpacker.eof or unpacker.unused_data:
        raise DataError("The drawing is damaged: its name was cut or changed.")
    return np.unpackbits(np.frombuffer(packed, np.uint8)).reshape(SIDE, SIDE).astype(bool)


def open_drawing(source: str) -> PictureDensity:
    """The density of a drawing, uniform over its dark pixels; raises `DataError` for a damaged or an empty one."""
    dark = decode_drawing(source)
    if not dark.any():
        raise DataError("Nothing is drawn: the drawing has no dark pixel to draw points from.")
    sha256 = hashlib.sha256(np.packbits(dark, axis=None).tobytes()).hexdigest()
    picture = Picture(Path(drawing_label(source)), (SIDE, SIDE), dark.astype(np.float64), False, sha256)
    return make_density(picture, PictureSettings())
