"""What a checkpoint keeps of the data that its model was trained on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from dnf_studio.core.data.content_split import BY_ORDER, SplitRule
from dnf_studio.core.data.dataset import Dataset
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
    split: SplitRule | None = BY_ORDER
    """How the rows of its file were split; a checkpoint that does not say so is of a time with one rule only."""
    rows: tuple[int, int, int] | None = None
    """Rows to train, to validate and to test on; None where points are drawn afresh, or not told."""

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """What there is to keep of `data`."""
        return cls(data.name, data.fingerprint, data.columns, data.entropy, data.image, data.rule, data.rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what a checkpoint of before does not say is not said."""
        values = asdict(self)
        if self.split == BY_ORDER:
            del values["split"]
        if self.rows is None:
            del values["rows"]
        return values

    def __post_init__(self) -> None:
        if self.image is not None and self.image.size != len(self.columns):
            raise ValueError("the size of the images does not fit the columns")
