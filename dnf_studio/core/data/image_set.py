"""Sets of small images as rows of grey or colour levels: idx files, CIFAR-10 batches, folders of pictures.

What labels they come with are the classes of the rows: a folder has them where its pictures lie in subfolders.

All have 256 levels k, dequantised uniformly over [k, k + 1) and standardised per pixel value, and are split by what
they show. A row runs through an image line by line, the channels of a pixel together.
"""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from dnf_studio.core.data.content_split import TEST, TRAIN, VALIDATION, SplitRule, divided, fitted, row_positions
from dnf_studio.core.data.image_shape import ImageShape
from dnf_studio.core.data.naming import PICTURES, ImageOptions, split_selection
from dnf_studio.core.data.picture_file import opened_picture
from dnf_studio.core.data.readers import told
from dnf_studio.core.data.recorded import RECORDED_SHARE, Parts, RecordedDataset, Records, shuffled
from dnf_studio.core.data.table import BLOCK, MOST_HELD, gigabytes
from dnf_studio.errors import DataError

IDX = re.compile(r"idx3[-.]ubyte(\.gz)?$", re.IGNORECASE)
IDX_MAGIC = 0x0803
"""Unsigned bytes in three dimensions."""
CIFAR_SIDE = 32
LEVELS = 256
MOST_VALUES = 10_000
"""Values of an image; a checkpoint has no more dimensions."""
FEWEST = 10
"""Images, so that every split has some."""
GREY, COLOUR = ("",), (" red", " green", " blue")
ABOUT = "256 levels dequantised uniformly"
Levels = NDArray[np.uint8]
CIFAR_NAMES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
LABELS_MAGIC = 0x0801
"""Unsigned bytes in one dimension."""
MOST_CLASSES = 100
"""Classes; of more, each would have too few images to say anything about it."""
BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)
"""What a packed file that is damaged or cut short raises."""
Classes = tuple[NDArray[np.intp], tuple[str, ...]]
"""The class (n,) of each image, and what the classes are called; no names where they are not known or too many."""


def is_image_set(source: str) -> bool:
    """Whether `source` is an idx file of images or a binary batch by its name, or a folder with pictures in it.

    In a folder within that one they are, too.
    """
    path, _ = split_selection(source)
    # The path of no name is this folder
    if source.partition("::")[0] and os.path.isdir(path):
        return bool(_pictures(path)) or any(map(_pictures, _subfolders(path)))
    return bool(IDX.search(path.name)) or path.suffix.lower() == ".bin"


def open_image_set(source: str, rule: SplitRule | None = None) -> RecordedDataset:
    """Open an idx file (``…-idx3-ubyte``, also ``.gz``), a CIFAR-10 batch (``.bin``) or a folder of PNG and JPEG.

    Where all pictures of a folder lie in its subfolders, these are their classes (as for torchvision's ImageFolder);
    those of an idx file are in ``…-labels-idx1-ubyte`` beside it, if that is there. ``FILE::flip=horizontal`` trains
    on every image and its mirror image alike, ``FILE::logit`` in logit space. Images are split by what they show, as
    rows of a table are, 15 in 100 to test and as many to validate on, or by the `rule` of a checkpoint.

    Raises `DataError` where a file is cut short or damaged, labels do not belong to the images, an image is too large,
    where pictures of a folder differ in size, and where there are fewer than ten images.
    """
    path, selection = split_selection(source)
    options = ImageOptions.parse(path, selection)
    if os.path.isdir(path):
        images, classes = _read_folder(path)
    else:
        with told(path, (path.suffix.lower(),)):
            images, classes = _read_idx(path) if IDX.search(path.name) else _read_cifar(path)
    if len(images) < FEWEST:
        count = "one image" if len(images) == 1 else f"{len(images)} images"
        raise DataError(f"'{path}' holds {count}; at least {FEWEST} are needed to train and to test on.")
    count, high, wide, channels = images.shape
    names = GREY if channels == 1 else COLOUR
    columns = tuple(f"{row},{column}{name}" for row in range(high) for column in range(wide) for name in names)
    rows = images.reshape(count, -1)
    records = Records(columns, rows, np.ones(len(columns)), *classes)
    image = ImageShape(high, wide, channels, 0, LEVELS)
    size = f"{high} × {wide}{' colour' if channels == 3 else ''} images of {ABOUT}"
    about = f"{size}, half of them mirrored" if options.flips else size
    name, logit = f"{path.name}{options.suffix}", options.logit(path, image)
    split = _split(path, rows, rule)
    return RecordedDataset(name, path.name, lambda: records, about, True, image, options.flips, logit, split)


def _split(path: Path, rows: Levels, rule: SplitRule | None) -> tuple[Parts, SplitRule]:
    """Which images are for what, and the rule of that."""
    if rule is not None and rule.name == "order-1":
        return shuffled(len(rows)), rule

    def positions() -> Iterator[NDArray[np.float64]]:
        return (row_positions(rows[start : start + BLOCK]) for start in range(0, len(rows), BLOCK))

    found = rule or fitted(positions, len(rows), RECORDED_SHARE, RECORDED_SHARE, FEWEST)
    sides = np.zeros(len(rows), np.uint8) if found is None else divided(positions, len(rows), found)
    train, validation, test = (np.flatnonzero(sides == side) for side in (TRAIN, VALIDATION, TEST))
    if found is None or not (len(train) and len(validation) and len(test)):
        raise DataError(f"'{path}' holds too few different images to train, to validate and to test on.")
    return (train, validation, test), found


def _read_idx(path: Path) -> tuple[Levels, Classes]:
    """(n, rows, columns, 1)"""
    try:
        with _unpacked(path) as file:
            head = file.read(16)
            if len(head) < 16 or struct.unpack(">I", head[:4])[0] != IDX_MAGIC:
                raise DataError(f"'{path}' is no idx file of images, or its header is damaged.")
            count, high, wide = struct.unpack(">3I", head[4:])
            _check_size(path, count, high, wide, 1)
            images = _bytes(path, file, count * high * wide).reshape(count, high, wide, 1)
    except BROKEN:
        raise DataError(f"'{path}' is damaged or cut short: it cannot be _unpacked.") from None
    return images, _labels_beside(path, count)


def _read_cifar(path: Path) -> tuple[Levels, Classes]:
    """(n, 32, 32, 3), from records of a label and three planes."""
    record = 1 + 3 * CIFAR_SIDE**2
    size = path.stat().st_size
    if not size or size % record:
        raise DataError(f"'{path}' is no batch of CIFAR-10 images, or is cut short: records have {record:,} bytes.")
    count = size // record
    _check_size(path, count, CIFAR_SIDE, CIFAR_SIDE, 3)
    with path.open("rb") as file:
        rows = _bytes(path, file, size).reshape(count, record)
    planes = rows[:, 1:].reshape(count, 3, CIFAR_SIDE, CIFAR_SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), _classes_of(rows[:, 0], CIFAR_NAMES)


def _read_folder(folder: Path) -> tuple[Levels, Classes]:
    """(n, rows, columns, channels) by name, transparent ones over white; one channel if all are grey."""
    images: list[Levels] = []
    paths = _pictures(folder) or [path for inner in _subfolders(folder) for path in _pictures(inner)]
    for path in paths:
        image = _levels(path)
        if images and image.shape != images[0].shape:
            names = [one.relative_to(folder) for one in (paths[0], path)]
            sizes = [f"{one.shape[1]} × {one.shape[0]}" for one in (images[0], image)]
            raise DataError(
                f"The pictures in '{folder}' differ in size: '{names[0]}' has {sizes[0]} pixels and "
                f"'{names[1]}' {sizes[1]}; make them equally large."
            )
        if not images:
            _check_size(folder, len(paths), *image.shape)
        images.append(image)
    levels = np.stack(images)
    levels = levels[..., :1].copy() if (levels == levels[..., :1]).all() else levels
    return levels, _named_classes([path.parent.name for path in paths])


def _levels(path: Path) -> Levels:
    """(rows, columns, 3)"""
    with opened_picture(path) as picture:
        if picture.width * picture.height > MOST_VALUES:
            raise DataError(f"'{path}' has {picture.width:,} × {picture.height:,} pixels, more than {MOST_VALUES:,}.")
        if picture.mode[0] in "IF":
            raise DataError(f"'{path}' has 16 bits a pixel, and the images of a set have 8.")
        layered = picture.convert("RGBA")
    shade = np.asarray(layered, np.float64)
    opaque = shade[..., 3:] / 255
    over_white: Levels = np.rint(shade[..., :3] * opaque + 255 * (1 - opaque)).astype(np.uint8)
    return over_white


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _shown(folder) if path.is_dir()]


def _pictures(folder: Path) -> list[Path]:
    return [path for path in _shown(folder) if path.suffix.lower() in PICTURES]


def _shown(folder: Path) -> list[Path]:
    """What is in a folder, by name; not what systems hide there, such as the ``._a.png`` that belongs to ``a.png``."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        # That it cannot be read is told when it is opened
        return []


def _check_size(path: Path, count: int, high: int, wide: int, channels: int) -> None:
    """Refuse what has no image, too large ones, and more than fits in memory."""
    if 0 in (count, high, wide):
        raise DataError(f"'{path}' holds no images.")
    if high * wide * channels > MOST_VALUES:
        raise DataError(f"The images of '{path}' have {high * wide * channels:,} values, more than {MOST_VALUES:,}.")
    if (size := math.prod((count, high, wide, channels))) > MOST_HELD:
        raise DataError(f"The images of '{path}' take {gigabytes(size)}; at most {gigabytes(MOST_HELD)} are held.")


def _bytes(path: Path, file: IO[bytes], count: int) -> Levels:
    """The next `count` bytes, read without holding more than the file has."""
    data = bytearray()
    while len(data) < count and (part := file.read(min(1 << 24, count - len(data)))):
        data += part
    if len(data) < count:
        raise DataError(f"'{path}' is cut short: its header promises more images than it holds.")
    return np.frombuffer(data, np.uint8)


def _unpacked(path: Path) -> IO[bytes]:
    """The file, _unpacked on the way where it ends in .gz."""
    if path.suffix.lower() == ".gz":
        return gzip.open(path)  # type: ignore[return-value]
    return path.open("rb")


def _labels_beside(images: Path, count: int) -> Classes:
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
        with told(path, (path.suffix.lower(),)), _unpacked(path) as file:
            content = file.read(8 + count + 1)
    except BROKEN:
        raise DataError(wrong) from None
    if len(content) != 8 + count or struct.unpack(">2I", content[:8]) != (LABELS_MAGIC, count):
        raise DataError(wrong)
    return _classes_of(np.frombuffer(content, np.uint8, offset=8))


def _classes_of(labels: NDArray[np.uint8], names: tuple[str, ...] = ()) -> Classes:
    """Classes of labels (n,), called by `names`, or by their numbers where these do not do."""
    if names and labels.max() < len(names):
        return labels.astype(np.intp), names
    return _named_classes(labels.tolist())


def _named_classes(labels: Sequence[object]) -> Classes:
    """Classes of labels (n,), in their order, called as they are; unknown where there are too many, or one."""
    found, classes = np.unique(np.asarray(labels), return_inverse=True)
    if not 1 < len(found) <= MOST_CLASSES:
        return np.zeros(len(labels), np.intp), ()
    return classes.astype(np.intp), tuple(map(str, found.tolist()))
