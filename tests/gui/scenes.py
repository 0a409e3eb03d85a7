"""Frames made by hand, and what a widget looks like."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QWidget

from dnf_studio.core.exploration.excess import StepMeans, step_means
from dnf_studio.core.sde.sample_settings import SampleSettings
from dnf_studio.workers.excess import ExcessFrame
from dnf_studio.workers.frames import Frame
from tests.views import viewed


def frame_of(points: int = 300, steps: int = 10, dim: int = 2, request: SampleSettings | None = None) -> Frame:
    """Both processes as straight lines: data on two squares, noise normal."""
    random = np.random.default_rng(0)
    data = random.uniform(-0.4, 0.4, (points, dim)) + np.where(random.random((points, 1)) < 0.5, -1.0, 1.0)
    noise = random.standard_normal((points, dim))
    way = np.linspace(0, 1, steps + 1)[:, None, None]
    forward = ((1 - way) * data + way * noise).astype(np.float32)
    contributions = np.linspace(0.5, -0.2, steps).astype(np.float32)
    shares = np.array([-0.25, 1.5, -0.25], np.float32)[:, None]
    return Frame(
        weights=1,
        request=request or viewed(),
        t=np.linspace(0.001, 0.05, steps + 1, dtype=np.float32),
        g=np.full(steps + 1, 0.2, np.float32),
        forward=forward,
        backward=forward[:, ::-1].copy(),
        mean_contributions=contributions,
        complete=True,
        seconds=0.1,
        contributions=contributions[:, None] + random.standard_normal((steps, points)).astype(np.float32),
        parts=shares * contributions,
        prior=(2.9, 0.1),
    )


def excess_of(
    frame: Frame, rows: NDArray[np.floating] | None = None, neighbours: StepMeans | None = None, stride: int = 1
) -> ExcessFrame:
    """Log-ratios `rows` (N, K) of the first K forward paths of `frame`, the opposite ones of the backward paths.

    Unless given, step i has 0.1 (i + 1) in the mean, ±0.5 from path to path, of the first 100.
    """
    if rows is None:
        steps, count = len(frame.t) - 1, min(100, frame.forward.shape[1])
        rows = 0.1 * np.arange(1, steps + 1)[:, None] + np.where(np.arange(count) % 2, 0.5, -0.5)
    found = rows.astype(np.float32)
    return ExcessFrame(frame, found, -found, step_means(found), stride, neighbours)


def pixels(widget: QWidget) -> NDArray[np.int64]:
    """What is drawn, (height, width, 3)."""
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, : image.width(), 2::-1].astype(np.int64)


def share_near(picture: NDArray[np.int64], colour: str, distance: int = 60) -> float:
    """Share of pixels within `distance` of `colour` in every channel."""
    want = np.array(QColor(colour).getRgb()[:3])
    return float((np.abs(picture - want) <= distance).all(axis=-1).mean())
