"""From settings to one network of a model."""

from __future__ import annotations

from dnf_studio.config import Config
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.models.field_network import FieldNetwork
from dnf_studio.core.models.networks import FourierMLP
from dnf_studio.errors import UnsupportedError

__all__ = ["make_network"]


def make_network(dim: int, config: Config, image: ImageShape | None) -> FieldNetwork:
    """A network of the kind and size that the settings name, for points that are images of the size `image`, if any.

    Raises `UnsupportedError` for a U-Net on data that are no images.
    """
    size = config.network
    if size.kind == "mlp":
        return FourierMLP(dim, size.layers, size.channels, size.features_of(dim))
    if image is None:
        raise UnsupportedError(
            "A U-Net is for images, which this data does not hold; set the network's kind to 'mlp', or take other data."
        )
    from dnf_studio.core.models.unet import UNet

    return UNet(image, size.channels, size.layers)
