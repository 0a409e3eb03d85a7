"""Pictures and drawings as densities in the plane: dark is dense, and the same everywhere within a pixel."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dnf_studio.core.data.naming import PREFIX, SIDE, PictureSettings, drawing_label, split_selection
from dnf_studio.core.data.picture_file import Picture, read_picture
from dnf_studio.core.data.planar import Toy2D, uniform
from dnf_studio.errors import DataError

GENERATOR_VERSION = 1
"""Part of the fingerprint: to be raised whenever pixels or points come out differently."""
ROUNDING = 5e-7
"""Share of the width or height by which a point may be rounded across the edge of a pixel in float32."""
CORNERS = ((-1, -1), (-1, 1), (1, -1), (1, 1))
BYTES = SIDE * SIDE // 8
MOST_LETTERS = 4 * BYTES
"""Longer than any drawing: base64 of what deflate cannot make smaller."""


class PictureDensity(Toy2D):
    """The density that is p_k / (a b) within pixel k of sides a × b, p_k its share of all weights.

    Its entropy is −Σ p_k ln p_k + ln(a b). Data units are pixels of the file, x to the right and
    y up from the lower left corner, whatever number of pixels the picture is used with.
    """

    def __init__(
        self, name: str, weights: NDArray[np.float64], size: tuple[int, int], settings: PictureSettings, sha256: str
    ) -> None:
        """`weights` (rows, columns), top row first, not all 0, of a picture of `size`, width and height."""
        self.shape = rows, columns = weights.shape
        self.size, self.settings = size, settings
        self._pixel = np.array([size[0] / columns, size[1] / rows])
        shares = weights[::-1] / weights.sum()
        centres = [(np.arange(n) + 0.5) * side for n, side in zip((columns, rows), self._pixel, strict=True)]
        means, variances = [], []
        for along, place, side in zip((shares.sum(0), shares.sum(1)), centres, self._pixel, strict=True):
            means.append(float(along @ place))
            variances.append(float(along @ (place - means[-1]) ** 2 + side**2 / 12))
        self._cells = np.flatnonzero(shares)
        dark = shares.ravel()[self._cells]
        log_area = math.log(self._pixel.prod())
        super().__init__(name, name, means, variances, float(log_area - (dark * np.log(dark)).sum()))
        key = f"dnf-studio picture {GENERATOR_VERSION} {sha256} {settings.threshold!r} {settings.blur!r}"
        self.fingerprint = hashlib.sha256(key.encode()).hexdigest()
        self.about = self._about()
        self._cumulative = torch.from_numpy(np.cumsum(dark))
        with np.errstate(divide="ignore"):
            self._log = torch.from_numpy(np.log(shares) - log_area)

    @property
    def dark_share(self) -> float:
        """The share of pixels that carry density."""
        return float(len(self._cells) / (self.shape[0] * self.shape[1]))

    def _about(self) -> str:
        """Size and settings in words."""
        rows, columns = self.shape
        used = f", used as {columns:,} × {rows:,}" if (columns, rows) != self.size else ""
        share = f"{100 * self.dark_share:.3g}% of them dark"
        settings = f"threshold {self.settings.threshold:g}, blur {self.settings.blur:g}"
        return f"{self.size[0]:,} × {self.size[1]:,} pixels{used}, {share}; {settings}"

    def generate(self, count: int, generator: torch.Generator) -> Tensor:
        place = uniform(count, generator) * self._cumulative[-1]
        chosen = torch.searchsorted(self._cumulative, place, right=True).clamp_(max=len(self._cells) - 1)
        cell = torch.from_numpy(self._cells)[chosen]
        corner = torch.stack([cell % self.shape[1], cell // self.shape[1]], 1)
        within = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        return within.add_(corner).mul_(torch.from_numpy(self._pixel))

    def _log_density(self, x: Tensor) -> Tensor:
        slack = x.new_tensor(self._pixel) * x.new_tensor(self.shape[::-1]) * ROUNDING
        density = self._look_up(x)
        lost = torch.isneginf(density)
        if bool(lost.any()):
            around = [self._look_up(x[lost] + slack * x.new_tensor(corner)) for corner in CORNERS]
            density[lost] = torch.stack(around).amax(0)
        return density

    def _look_up(self, x: Tensor) -> Tensor:
        """The log density (n,) of the pixels that points (n, 2), data units, lie in."""
        rows, columns = self.shape
        cell = torch.floor(x / x.new_tensor(self._pixel))
        inside = (cell >= 0).all(1) & (cell[:, 0] < columns) & (cell[:, 1] < rows)
        cell = torch.where(inside[:, None], cell, 0).long()
        density = self._log.to(x)[cell[:, 1], cell[:, 0]].masked_fill(~inside, -math.inf)
        return density.masked_fill(x.isnan().any(1), math.nan)

    def outside(self, x: Tensor, tolerance: float = 0.02) -> NDArray[np.bool_]:
        """Which of `x` (n, 2), model units, lie farther than `tolerance` from every pixel that carries density."""
        unit = self._pixel / np.array(self.standardisation.scale)
        reach = np.ceil(tolerance / unit).astype(int)
        model = x.detach().cpu().double().numpy()
        beyond = np.array(self.shape[::-1]) + reach + 2.0
        far = np.isfinite(model).all(1)
        data = self.standardisation.to_data(torch.from_numpy(model[far])).numpy()
        place = np.clip(data / self._pixel, -reach - 2.0, beyond)
        steps = [(i, j) for i in range(-reach[0], reach[0] + 1) for j in range(-reach[1], reach[1] + 1)]
        rest = np.flatnonzero(self._close(np.floor(place).astype(int), reach))
        away = np.ones(len(place), bool)
        away[rest] = False
        for step in sorted(steps, key=lambda step: abs(step[0]) + abs(step[1])):
            rest = rest[self._apart(place[rest], np.array(step), unit) > tolerance]
        result: NDArray[np.bool_] = ~far
        away[rest] = True
        result[np.flatnonzero(far)[away]] = True
        return result

    def _close(self, cell: NDArray[np.int64], reach: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which pixels (n, 2), up to `reach` + 2 beyond the rim, have one that carries density within `reach`."""
        from scipy.ndimage import maximum_filter

        rim = reach + 3
        dark = np.pad(np.isfinite(self._log.numpy()), [(rim[1], rim[1]), (rim[0], rim[0])])
        near = maximum_filter(dark, size=tuple(2 * reach[::-1] + 1))
        found: NDArray[np.bool_] = near[cell[:, 1] + rim[1], cell[:, 0] + rim[0]]
        return found

    def _apart(
        self, place: NDArray[np.float64], step: NDArray[np.int64], unit: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Distances (n,), model units, of points in units of pixels to the pixel `step` away; ∞ where that is white."""
        rows, columns = self.shape
        cell = np.floor(place).astype(np.int64) + step
        there = (cell >= 0).all(1) & (cell[:, 0] < columns) & (cell[:, 1] < rows)
        number = np.where(there, cell[:, 1] * columns + cell[:, 0], 0)
        dark = there & np.isfinite(self._log.numpy().ravel()[number])
        gap = np.maximum(np.maximum(cell - place, place - cell - 1), 0) * unit
        return np.where(dark, np.hypot(gap[:, 0], gap[:, 1]), np.inf)


def open_picture(source: str) -> PictureDensity:
    """FILE or ``FILE::threshold=0.3,blur=2`` of a PNG or JPEG; raises `DataError` for whatever is wrong with it."""
    path, selection = split_selection(source)
    settings = PictureSettings.parse(path, selection)
    return make_density(read_picture(path), settings)


def make_density(picture: Picture, settings: PictureSettings) -> PictureDensity:
    """The density of a picture that was read; raises `DataError` where no pixel is dark enough."""
    weights = picture.darkness
    if settings.blur:
        from scipy.ndimage import gaussian_filter

        weights = gaussian_filter(weights, settings.blur, mode="nearest")
    weights = np.where(weights >= settings.threshold, weights, 0.0)
    if not weights.any():
        raise DataError(_nothing(picture, settings))
    return PictureDensity(picture.path.name, weights, picture.size, settings, picture.sha256)


def _nothing(picture: Picture, settings: PictureSettings) -> str:
    """Why there is no density, as one sentence."""
    if picture.transparent:
        return f"'{picture.path}' is fully transparent, so it has no dark pixel to draw points from."
    if not picture.darkness.any():
        return f"'{picture.path}' is white all over, so it has no dark pixel to draw points from."
    most = f"the darkest has {picture.darkness.max():.2g} of black"
    if settings.blur:
        most += " before the blur"
    return f"No pixel of '{picture.path}' is as dark as the threshold of {settings.threshold:g}; {most}."


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
