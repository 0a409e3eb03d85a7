"""The diffusion coefficient of a person's own process: a number, an array over its times, or a function of t."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from dnf_studio.errors import SettingError

if TYPE_CHECKING:
    from scipy.interpolate import CubicHermiteSpline

Doubles = NDArray[np.float64]
MOST_TIME = 1000.0
CELLS = 512
"""Cells in which the noise that a process gains is summed up, at least."""


def checked_times(t: ArrayLike | Tensor) -> Doubles:
    """The times (N+1,) of a process, rising from the data to the noise; raises `SettingError` for others."""
    times = array_of(t)
    if times is None or times.ndim != 1 or len(times) < 2:
        raise SettingError("The times t must be a list of two numbers or more, from the data to the noise.")
    if not (np.isfinite(times).all() and times[0] >= 0 and times[-1] <= MOST_TIME):
        raise SettingError(f"The times t must lie between 0 and {MOST_TIME:g}, from the data to the noise.")
    if (np.diff(times.astype(np.float32)) <= 0).any():
        raise SettingError("The times t must rise from the data to the noise, by steps that float32 tells apart.")
    return times


class Coefficient:
    """g(t) above 0; of an array g_i at its times, linear in between."""

    def __init__(self, g: float | ArrayLike | Tensor | Callable[[Tensor], Any], times: Doubles) -> None:
        """Raises `SettingError` where g is not above 0 at `times`, or has other values than one for each of them."""
        self.times, self._function = times, g if callable(g) else None
        self._nodes = np.zeros(0) if callable(g) else self._checked(g)
        values = self(times)
        if not (np.isfinite(values).all() and (values > 0).all()):
            first = times[~(values > 0) | ~np.isfinite(values)][0]
            raise SettingError(f"The diffusion coefficient g must be finite and above 0, not as at t = {first:g}.")

    def _checked(self, g: object) -> Doubles:
        nodes = array_of(g)
        if nodes is None:
            raise SettingError("The diffusion coefficient g must be a number, an array or a function of t.")
        if nodes.shape not in ((), self.times.shape):
            raise SettingError(
                f"The diffusion coefficient g must be one number, or one for each of the {len(self.times):,} times t, "
                f"not of shape {nodes.shape}."
            )
        return np.broadcast_to(nodes, self.times.shape)

    def __call__(self, t: Doubles) -> Doubles:
        """g (K,) at the times (K,)."""
        if self._function is None:
            return np.interp(t, self.times, self._nodes)
        try:
            with torch.no_grad():
                found = array_of(self._function(torch.from_numpy(np.array(t))))
        except Exception as problem:
            raise SettingError(
                f"The diffusion coefficient g cannot be called with t of shape {t.shape}: {problem}."
            ) from problem
        if found is None or found.shape not in ((), t.shape):
            raise SettingError("The diffusion coefficient g must return a number for each of its times t.")
        return np.broadcast_to(found, t.shape)

    def gained(self) -> CubicHermiteSpline:
        """∫ g² dt from the first time on, as a curve whose slope is g² at both ends of each of many cells."""
        from scipy.interpolate import CubicHermiteSpline

        inside = -(-CELLS // (len(self.times) - 1))
        t = np.concatenate([np.linspace(a, b, inside, endpoint=False) for a, b in pairwise(self.times)])
        t = np.append(t, self.times[-1])
        rate, middle = self(t) ** 2, self(0.5 * (t[1:] + t[:-1])) ** 2
        parts = np.diff(t) * (rate[:-1] + 4 * middle + rate[1:]) / 6
        return CubicHermiteSpline(t, np.append(0.0, np.cumsum(parts)), rate)


def array_of(values: object) -> Doubles | None:
    """`values` in float64, None where they are no numbers."""
    plain = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    if isinstance(plain, Sequence) and any(isinstance(one, Tensor) for one in plain):
        plain = [float(one) for one in plain]
    try:
        found = np.asarray(plain)
        return found.astype(np.float64) if found.dtype.kind in "fiu" else None
    except (TypeError, ValueError):
        return None
