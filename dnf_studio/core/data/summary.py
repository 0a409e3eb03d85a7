"""What a checkpoint keeps of the data that its model was trained on."""

from __future__ import annotations

from dataclasses import dataclass

from dnf_studio.core.data.image_shape import ImageShape

__all__ = ["DataSummary"]


@dataclass(frozen=True)
class DataSummary:
    """What a model was trained on. Raises `ValueError` where the images have not one number for each column."""

    name: str
    fingerprint: str
    """SHA-256 (hex) of the data set, empty where unknown."""
    columns: tuple[str, ...]
    entropy: float | None
    """Nats of the standardised data, None where unknown."""
    image: ImageShape | None = None
    """The size of a row that is an image."""

    def __post_init__(self) -> None:
        if self.image is not None and self.image.size != len(self.columns):
            raise ValueError("the size of the images does not fit the columns")
