"""Sets of images, on small files of the same form: every level where it belongs, and bad files told."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dnf_studio.core.data.catalogue import open_dataset
from dnf_studio.core.data.modes import mode_count, modes_of
from dnf_studio.core.data.recorded import RecordedDataset
from dnf_studio.errors import DataError

RANDOM = np.random.default_rng(0)
DIGITS = RANDOM.integers(0, 256, (40, 6, 5), np.uint8)


def idx(images: np.ndarray, magic: int = 0x803) -> bytes:
    return struct.pack(">4I", magic, *images.shape) + images.tobytes()


def opened(path: Path) -> RecordedDataset:
    data = open_dataset(str(path))
    assert isinstance(data, RecordedDataset) and data.levels
    return data


def levels(data: RecordedDataset) -> np.ndarray:
    """All rows in their order: the levels that the dequantised ones are above."""
    parts = [data._low[rows] for rows in data.splits]
    order = np.argsort(np.concatenate(data.splits))
    return np.concatenate(parts)[order]


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_dataset(str(path))
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "emnist.idx3-ubyte", "t10k-images-idx3-ubyte.gz"])
def test_idx_files_give_their_levels(tmp_path: Path, name: str) -> None:
    content = idx(DIGITS)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    data = opened(tmp_path / name)
    np.testing.assert_array_equal(levels(data), DIGITS.reshape(40, 30))
    assert data.columns[:6] == ("0,0", "0,1", "0,2", "0,3", "0,4", "1,0") and mode_count(data) == 0
    assert "6 × 5 images" in data.about
    train = DIGITS.reshape(40, 30)[data.splits[0]].astype(float)
    np.testing.assert_allclose(data.standardisation.mean, train.mean(0) + 0.5)
    np.testing.assert_allclose(data.standardisation.scale, np.sqrt(train.var(0) + 1 / 12))
    x = data.standardisation.to_data(data.fresh(100, 0).double()).numpy()
    middle = DIGITS.reshape(40, 30)[data.splits[2]] + 0.5
    assert (np.abs(x[:, None] - middle) <= 0.5 + 1e-4).all(-1).any(1).all() and len(x) == len(middle) > 0


def test_the_same_images_have_the_same_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "a-idx3-ubyte").write_bytes(idx(DIGITS))
    (tmp_path / "a-idx3-ubyte.gz").write_bytes(gzip.compress(idx(DIGITS)))
    assert opened(tmp_path / "a-idx3-ubyte").fingerprint == opened(tmp_path / "a-idx3-ubyte.gz").fingerprint
    assert torch.isfinite(opened(tmp_path / "a-idx3-ubyte").draw(50, torch.Generator().manual_seed(0))).all()


def test_cifar_batches_put_the_channels_of_a_pixel_together(tmp_path: Path) -> None:
    planes = RANDOM.integers(0, 256, (12, 3, 32, 32), np.uint8)
    labels = RANDOM.integers(0, 10, (12, 1), np.uint8)
    (tmp_path / "data_batch_1.bin").write_bytes(np.hstack((labels, planes.reshape(12, -1))).tobytes())
    data = opened(tmp_path / "data_batch_1.bin")
    assert data.dim == 3072 and data.columns[:4] == ("0,0 red", "0,0 green", "0,0 blue", "0,1 red")
    found = levels(data).reshape(12, 32, 32, 3)
    np.testing.assert_array_equal(found.transpose(0, 3, 1, 2), planes)


@pytest.mark.parametrize("colour", [False, True])
def test_folders_of_pictures(tmp_path: Path, colour: bool) -> None:
    pixels = RANDOM.integers(0, 256, (11, 4, 7, 3), np.uint8)
    if not colour:
        pixels[..., 1:] = pixels[..., :1]
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    data = opened(tmp_path)
    assert data.dim == 28 * (3 if colour else 1)
    np.testing.assert_array_equal(levels(data).reshape(11, 4, 7, -1), pixels if colour else pixels[..., :1])


def test_bad_idx_files(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    for content, said in (
        (idx(DIGITS)[:-1], "is cut short"),
        (b"", "no idx file of images"),
        (idx(DIGITS, 0x801), "no idx file of images"),
        (struct.pack(">4I", 0x803, 2**32 - 1, 28, 28), "at most 2.1 GB are held"),
        (struct.pack(">4I", 0x803, 100, 1000, 1000), "1,000,000 values, more than 10,000"),
        (struct.pack(">4I", 0x803, 0, 28, 28), "holds no images"),
        (idx(DIGITS[:4]), "holds 4 images; at least 10"),
        (struct.pack(">4I", 0x803, 2_000_000, 28, 28), "is cut short"),
    ):
        path.write_bytes(content)
        assert said in refused(path)
    packed = tmp_path / "a-idx3-ubyte.gz"
    packed.write_bytes(gzip.compress(idx(DIGITS))[:-30])
    assert "cut short" in refused(packed)
    packed.write_bytes(b"nothing that is packed")
    assert "damaged" in refused(packed)
    assert "There is no file" in refused(tmp_path / "gone-idx3-ubyte")


@given(st.binary(max_size=60))
def test_any_bytes_are_told(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("a-idx3-ubyte", "a-idx3-ubyte.gz", "a.bin"):
        (folder / name).write_bytes(content)
        assert str(folder / name) in refused(folder / name)


def test_bad_batches_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1" * 3074)
    assert "no batch of CIFAR-10 images, or is cut short" in refused(tmp_path / "a.bin")
    empty, mixed, broken, large, deep = (tmp_path / name for name in ("empty", "mixed", "broken", "large", "deep"))
    for folder in (empty, mixed, broken, large, deep):
        folder.mkdir()
    assert "is a folder" in refused(empty)
    Image.new("L", (4, 4)).save(mixed / "a.png")
    Image.new("L", (4, 5)).save(mixed / "b.jpg")
    assert "'a.png' has 4 × 4 pixels and 'b.jpg' 4 × 5" in refused(mixed)
    (broken / "a.png").write_bytes(b"\x89PNG")
    assert "is not a PNG or JPEG picture, or is damaged" in refused(broken)
    Image.new("L", (200, 200)).save(large / "a.png")
    assert "200 × 200 pixels, more than 10,000" in refused(large)
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(deep / "a.png")
    assert "16 bits a pixel" in refused(deep)
    for number in range(3):
        Image.new("L", (4, 4)).save(empty / f"{number}.png")
    assert "holds 3 images" in refused(empty)


def idx_labels(labels: np.ndarray, magic: int = 0x801) -> bytes:
    return struct.pack(">2I", magic, len(labels)) + labels.astype(np.uint8).tobytes()


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte.gz"),
        ("emnist-images-idx3-ubyte.gz", "emnist-labels-idx1-ubyte"),
    ],
)
def test_the_labels_beside_an_idx_file_are_its_classes(tmp_path: Path, images: str, labels: str) -> None:
    classes = np.arange(40) % 4 * 2 + 1
    for name, content in ((images, idx(DIGITS)), (labels, idx_labels(classes))):
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    data = opened(tmp_path / images)
    assert data.class_names == ("1", "3", "5", "7") and mode_count(data) == 4
    np.testing.assert_array_equal(data.classes, (classes - 1) // 2)
    np.testing.assert_array_equal(modes_of(data, DIGITS.reshape(40, 30) + 0.5), data.classes)


def test_bad_labels_are_told_and_too_many_classes_left_out(tmp_path: Path) -> None:
    file, beside = tmp_path / "train-images-idx3-ubyte", tmp_path / "train-labels-idx1-ubyte"
    file.write_bytes(idx(DIGITS))
    good = np.arange(40) % 3
    for bad in (b"", idx_labels(good)[:-1], idx_labels(good) + b"0", idx_labels(good, 0x803), idx_labels(good[:39])):
        beside.write_bytes(bad)
        assert "does not hold the labels of the 40 images" in refused(file)
    for labels, classes in ((np.arange(40), 40), (np.zeros(40), 0)):
        beside.write_bytes(idx_labels(labels))
        assert mode_count(opened(file)) == classes
    file.write_bytes(idx(np.repeat(DIGITS[:, :2, :2], 3, 0)))
    beside.write_bytes(idx_labels(np.arange(120)))
    assert mode_count(opened(file)) == 0
    file.write_bytes(idx(DIGITS))
    beside.unlink()
    packed = tmp_path / "train-labels-idx1-ubyte.gz"
    packed.write_bytes(gzip.compress(idx_labels(good))[:-9])
    assert "does not hold the labels" in refused(file)


@pytest.mark.parametrize(("most", "names"), [(9, "cat"), (10, "3")])
def test_the_labels_of_cifar_have_names_and_others_are_numbers(tmp_path: Path, most: int, names: str) -> None:
    records = RANDOM.integers(0, 256, (12, 3073), np.uint8)
    records[:, 0] = [*range(10), most, 3]
    (tmp_path / "data_batch_1.bin").write_bytes(records.tobytes())
    data = opened(tmp_path / "data_batch_1.bin")
    assert len(data.class_names) == max(most + 1, 10)
    assert data.class_names[3] == names and data.classes.tolist() == records[:, 0].tolist()


def put(folder: Path, names: str, count: int = 6, side: int = 4) -> None:
    """`count` pictures in each of these folders, whose darkness is their number."""
    for place, name in enumerate(names.split()):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("L", (side, side), 10 * place + number).save(folder / name / f"{number}.png")


def test_pictures_in_folders_of_a_folder_have_those_as_classes(tmp_path: Path) -> None:
    put(tmp_path, "dog cat .hidden empty")
    for picture in (tmp_path / "empty").iterdir():
        picture.unlink()
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "cat" / "._0.png").write_bytes(b"what macOS leaves")
    data = opened(tmp_path)
    assert data.class_names == ("cat", "dog") and len(data.classes) == 12
    shade = levels(data)[:, 0].astype(int)
    np.testing.assert_array_equal(shade, [*range(10, 16), *range(6)])
    np.testing.assert_array_equal(data.classes, [0] * 6 + [1] * 6)
    assert modes_of(data, np.full((1, 16), 12.5)).tolist() == [0], "a picture of a cat"
    put(tmp_path, ".", 10)
    assert opened(tmp_path).class_names == () and len(opened(tmp_path).classes) == 10, "those outside of folders"


def test_one_folder_in_a_folder_is_no_class_and_what_is_wrong_within_is_named(tmp_path: Path) -> None:
    put(tmp_path, "cat", 10)
    assert opened(tmp_path).class_names == ()
    put(tmp_path, "dog", 1, 5)
    assert f"'{Path('cat', '0.png')}' has 4 × 4 pixels and '{Path('dog', '0.png')}' 5 × 5" in refused(tmp_path)
    (tmp_path / "dog" / "0.png").write_bytes(b"")
    assert str(tmp_path / "dog" / "0.png") in refused(tmp_path)


def test_flips_train_on_mirror_images_as_often(tmp_path: Path) -> None:
    """Mean and variance are those of images and mirror images together, and nothing else is drawn."""
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(idx(DIGITS))
    plain, data = opened(file), open_dataset(f"{file}::flip=horizontal")
    assert isinstance(data, RecordedDataset) and data.flips and not plain.flips
    assert data.fingerprint != plain.fingerprint and "mirrored" in data.about
    rows = DIGITS[data.splits[0]].astype(float)
    both = np.concatenate([rows, rows[:, :, ::-1]]).reshape(-1, 30)
    np.testing.assert_allclose(data.standardisation.mean, both.mean(0) + 0.5)
    np.testing.assert_allclose(data.standardisation.scale, np.sqrt(both.var(0) + 1 / 12))
    drawn = data.draw(600, torch.Generator().manual_seed(0)).double()
    found = np.floor(data.standardisation.to_data(drawn).numpy() + 1e-4)
    known = {row.astype(float).tobytes(): k for k, row in enumerate(both)}
    places = np.array([known[row.tobytes()] for row in found])
    assert 240 < (places >= len(rows)).sum() < 360 and len(set(places % len(rows))) == len(rows)
    again = data.draw(600, torch.Generator().manual_seed(0)).double()
    assert torch.equal(drawn, again)
    held = np.floor(data.standardisation.to_data(data.fresh(100, 0).double()).numpy() + 1e-4)
    assert {row.tobytes() for row in held} == {
        row.astype(float).tobytes() for row in DIGITS[data.splits[2]].reshape(-1, 30)
    }


def test_only_flips_and_the_logit_can_be_chosen_of_images(tmp_path: Path) -> None:
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(idx(DIGITS))
    for wrong in ("flip=vertical", "flip", "logits", "0,1"):
        with pytest.raises(DataError, match="only flips and the logit can be chosen"):
            open_dataset(f"{file}::{wrong}")
