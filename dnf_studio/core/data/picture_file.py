"""PNG and JPEG files as grids of darkness. No more is decoded than a bounded number of pixels."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.naming import PICTURES
from dnf_studio.core.data.readers import told
from dnf_studio.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 256 << 20
MOST_PIXELS = 1 << 26
"""67 megapixels, about 8,192 × 8,192."""
LONGEST_SIDE = 65_535
"""That of a JPEG. A PNG may be one row of all `MOST_PIXELS`, which take 2 GB to make smaller."""
LARGEST_SIDE = 1024
"""A picture with a longer side is reduced to this many pixels along it, each the mean of those it replaces."""
ORIENTATION = 0x0112
BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, OverflowError)
"""What Pillow raises for damaged files, besides errors of what it is built on."""


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is used."""

    path: Path
    size: tuple[int, int]
    """Width and height in pixels, of the file."""
    darkness: NDArray[np.float64]
    """(rows, columns), top row first; 0 white or transparent … 1 black."""
    transparent: bool
    """Whether nothing of it can be seen."""
    sha256: str
    """SHA-256 checksum of the file."""


def read_picture(path: Path) -> Picture:
    """Read a PNG or JPEG of any colour mode as its darkness, 1 − luma (ITU-R 601) over a white ground.

    It is turned as its EXIF orientation says, and of an animation the first frame is taken. Raises
    `DataError` for a file that is damaged or too large, before its pixels are decoded.
    """
    content = _content(path)
    with _opened(path, content) as image:
        size, lightness, transparent = _used(image)
    return Picture(path, size, 1 - lightness, transparent, hashlib.sha256(content).hexdigest())


@contextmanager
def opened_picture(path: Path) -> Iterator[Image]:
    """A PNG or JPEG, opened but not decoded; raises `DataError` as `read_picture` does, while it is used too."""
    with _opened(path, _content(path)) as image:
        yield image


def _content(path: Path) -> bytes:
    with told(path, PICTURES):
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"'{path}' is larger than {MOST_BYTES >> 20} MiB, too large for a picture.")
        return path.read_bytes()


@contextmanager
def _opened(path: Path, content: bytes) -> Iterator[Image]:
    """The picture in `content`; whatever is wrong with it is one sentence."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Warnings would reach the terminal: of harmless faults, and of a size that is refused here anyway
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise Image.DecompressionBombError
                if max(image.size) > LONGEST_SIDE:
                    raise DataError(f"'{path}' has a side of more than {LONGEST_SIDE:,} pixels; make it smaller first.")
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = f"{MOST_PIXELS / 1e6:.0f} million"
        raise DataError(f"'{path}' has more than {most} pixels; make it smaller first.") from None
    except UnidentifiedImageError:
        raise DataError(f"'{path}' is not a PNG or JPEG picture, or is damaged.") from None
    except (*BROKEN, struct.error, zlib.error):
        raise DataError(f"The picture '{path}' is damaged and cannot be read.") from None


def _used(image: Image) -> tuple[tuple[int, int], NDArray[np.float64], bool]:
    """Size of the file's picture, its lightness 0 … 1 as used, and whether it is fully transparent."""
    from PIL import ImageOps

    size = image.size
    image.draft(None, (LARGEST_SIDE, LARGEST_SIDE))  # None keeps the mode
    turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    lightness, transparent = _deep(image) if image.mode[0] in "IF" else _ordinary(image)
    return (size[::-1] if turned else size), lightness, transparent


def _deep(image: Image) -> tuple[NDArray[np.float64], bool]:
    """16 bits a pixel, where one level may stand for transparent."""
    from PIL import Image as images

    levels = np.asarray(image)
    lightness = (levels / 65535).astype(np.float32)
    clear = levels == image.info.get("transparency", -1)
    lightness[clear] = 1.0
    reduced = images.fromarray(np.clip(lightness, 0, 1))
    _reduce(reduced)
    return np.asarray(reduced, np.float64), bool(clear.all())


def _ordinary(image: Image) -> tuple[NDArray[np.float64], bool]:
    """8 bits a channel or fewer, of any mode."""
    from PIL import Image as images

    if not image.has_transparency_data:
        grey = image.convert("RGB").convert("L") if image.mode != "L" else image
        _reduce(grey)
        return np.asarray(grey, np.float64) / 255, False
    layered = image.convert("RGBA")
    _reduce(layered)
    transparent = layered.getchannel("A").getextrema()[1] == 0
    ground = images.new("RGBA", layered.size, "white")
    ground.alpha_composite(layered)
    return np.asarray(ground.convert("L"), np.float64) / 255, transparent


def _reduce(image: Image) -> None:
    """Make the picture smaller in place, by means over the pixels that become one."""
    from PIL.Image import Resampling

    if max(image.size) > LARGEST_SIDE:
        image.thumbnail((LARGEST_SIDE, LARGEST_SIDE), Resampling.BOX)
