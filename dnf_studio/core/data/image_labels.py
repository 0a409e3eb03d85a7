"""The classes of a set of images: from the labels beside an idx file, the first byte of a CIFAR record, or folders."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.readers import told
from dnf_studio.errors import DataError

__all__ = ["BROKEN", "CIFAR_NAMES", "Classes", "classes_of", "labels_beside", "named_classes", "unpacked"]

CIFAR_NAMES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MAGIC = 0x0801
"""Unsigned bytes in one dimension."""
MOST = 100
"""Classes; of more, each would have too few images to say anything about it."""
BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)
"""What a packed file that is damaged or cut short raises."""
Classes = tuple[NDArray[np.intp], tuple[str, ...]]
"""The class (n,) of each image, and what the classes are called; no names where they are not known or too many."""


def unpacked(path: Path) -> IO[bytes]:
    """The file, unpacked on the way where it ends in .gz."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    return path.open("rb")


def labels_beside(images: Path, count: int) -> Classes:
    """The classes in ``…-labels-idx1-ubyte`` beside ``…-images-idx3-ubyte``, packed or not; unknown without it.

    Raises `DataError` where that file is not one of `count` labels.
    """
    name = re.sub("images", "labels", re.sub("idx3", "idx1", images.name, flags=re.IGNORECASE), flags=re.IGNORECASE)
    plain = name.removesuffix(".gz")
    beside = (images.with_name(one) for one in (name, plain, f"{plain}.gz") if one != images.name)
    path = next((one for one in beside if one.is_file()), None)
    if path is None:
        return np.zeros(count, np.intp), ()
    wrong = f"'{path}' does not hold the labels of the {count:,} images in '{images.name}'; remove or replace it."
    try:
        with told(path, (path.suffix.lower(),)), unpacked(path) as file:
            content = file.read(8 + count + 1)
    except BROKEN:
        raise DataError(wrong) from None
    if len(content) != 8 + count or struct.unpack(">2I", content[:8]) != (MAGIC, count):
        raise DataError(wrong)
    return classes_of(np.frombuffer(content, np.uint8, offset=8))


def classes_of(labels: NDArray[np.uint8], names: tuple[str, ...] = ()) -> Classes:
    """Classes of labels (n,), called by `names`, or by their numbers where these do not do."""
    if names and labels.max() < len(names):
        return labels.astype(np.intp), names
    return named_classes(labels.tolist())


def named_classes(labels: Sequence[object]) -> Classes:
    """Classes of labels (n,), in their order, called as they are; unknown where there are too many, or one."""
    found, classes = np.unique(np.asarray(labels), return_inverse=True)
    if not 1 < len(found) <= MOST:
        return np.zeros(len(labels), np.intp), ()
    return classes.astype(np.intp), tuple(map(str, found.tolist()))
