"""Films read back: as many frames of the size and time that were asked for, whole or not there at all."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dnf_studio.core.storage import film
from dnf_studio.core.storage.film import FilmPlan, Shot, check_film, write_film
from dnf_studio.errors import Cancelled, ExportError

KINDS = (".mp4", ".gif", ".webp", ".apng", ".png")
SIZE = 64, 48
RATE = 30
BLUE, WHITE = (20, 90, 200), (255, 255, 255)
STAYS = (7, 1, 1, 1, 4)
"""Frames of the five pictures, the last but one of which is the same as the one before."""


def pictures(size: tuple[int, int] = SIZE) -> list[NDArray[np.uint8]]:
    """A blue square that moves to the right, then rests."""
    made = []
    for left in (0, 8, 16, 16, 32):
        picture = np.full((size[1], size[0], 3), WHITE, np.uint8)
        picture[8:24, left : left + 16] = BLUE
        made.append(picture)
    return made


def shots(size: tuple[int, int] = SIZE) -> list[Shot]:
    return list(zip(pictures(size), STAYS, strict=True))


def plan(path: Path, size: tuple[int, int] = SIZE, rate: int = RATE) -> FilmPlan:
    return FilmPlan(path, size, rate, len(STAYS))


def read(path: Path) -> tuple[list[NDArray[np.uint8]], float]:
    """All pictures of a film, and its seconds."""
    if path.suffix == ".mp4":
        with av.open(str(path)) as opened:
            stream = opened.streams.video[0]
            assert stream.codec_context.pix_fmt == "yuv420p" and stream.average_rate == RATE
            seconds = float(stream.duration * stream.time_base)
            return [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)], seconds
    found, milliseconds = [], 0.0
    with Image.open(path) as image:
        for k in range(image.n_frames):
            image.seek(k)
            image.load()
            milliseconds += image.info["duration"]
            found.append(np.asarray(image.convert("RGB")))
    return found, milliseconds / 1000


@pytest.mark.parametrize("kind", KINDS)
def test_a_film_has_the_pictures_size_and_time_asked_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"film{kind}"
    write_film(plan(path), shots())
    found, seconds = read(path)
    assert seconds == pytest.approx(sum(STAYS) / RATE, abs=0.011)
    wanted = pictures()
    if kind == ".webp":
        # Its encoder lets one picture stay for as long as two that are the same
        del wanted[3]
    if kind == ".mp4":
        wanted = [picture for picture, stays in shots() for _ in range(stays)]
    assert len(found) == len(wanted)
    # Chroma of half the size, and colours that are packed
    near = {".mp4": 12, ".webp": 20}.get(kind, 0)
    for picture, own in zip(found, wanted, strict=True):
        assert picture.shape == own.shape
        inside = np.abs(picture.astype(int) - own)[:, :, :]
        assert np.quantile(inside, 0.9) <= near and inside.mean() <= near / 3
    assert [path.name for path in tmp_path.iterdir()] == [path.name]


def test_many_colours_of_a_gif_are_near_and_the_usual_ones_exact(tmp_path: Path) -> None:
    across = np.linspace(0, 255, 64).astype(np.uint8)
    picture = np.stack(np.broadcast_arrays(across[:, None], across, np.uint8(128)), axis=-1).copy()
    picture[:8] = (243, 244, 246)
    path = tmp_path / "colours.gif"
    write_film(FilmPlan(path, (64, 64), 30, 1), [(picture, 3)], [picture])
    (found,), _ = read(path)
    assert (found[:8] == (243, 244, 246)).all()
    assert np.abs(found.astype(int) - picture).max() <= 32 and np.abs(found.astype(int) - picture).mean() < 8


def test_odd_sizes_are_for_all_but_mp4(tmp_path: Path) -> None:
    odd = (65, 49)
    for kind in KINDS[1:]:
        path = tmp_path / f"odd{kind}"
        write_film(plan(path, odd), shots(odd))
        assert read(path)[0][-1].shape == (49, 65, 3)
    with pytest.raises(ExportError, match=r"even numbers of pixels; choose 66 × 50\.$"):
        check_film(plan(tmp_path / "odd.mp4", odd))


@pytest.mark.parametrize(
    ("name", "size", "rate", "words"),
    [
        ("film.avi", SIZE, 30, "'film.avi' is no name of a film; let it end in .mp4, .gif, .webp, .apng or .png."),
        ("film", SIZE, 30, "'film' is no name of a film; let it end in .mp4, .gif, .webp, .apng or .png."),
        ("film.gif", (8, 48), 30, "A side of a film has 16 to 4096 pixels, not 8 × 48."),
        ("film.gif", SIZE, 60, "A film of this kind has 1 to 50 frames a second, not 60."),
        ("none/film.gif", SIZE, 30, "Cannot write"),
    ],
)
def test_what_cannot_be_a_film_is_refused_before_a_picture_is_made(
    tmp_path: Path, name: str, size: tuple[int, int], rate: int, words: str
) -> None:
    with pytest.raises(ExportError) as refused:
        write_film(plan(tmp_path / name, size, rate), never())
    assert str(refused.value).startswith(words)
    assert list(tmp_path.iterdir()) == []


def test_without_the_encoder_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film, "find_spec", lambda _name: None)
    with pytest.raises(ExportError, match=r"needs PyAV, .* pip install 'dnf-studio\[film\]'\.$"):
        check_film(plan(tmp_path / "film.mp4"))
    check_film(plan(tmp_path / "film.webp"))


@pytest.mark.parametrize("kind", KINDS[:4])
@pytest.mark.parametrize("after", [0, 2])
def test_a_film_that_is_cancelled_leaves_the_older_file_and_nothing_else(tmp_path: Path, kind: str, after: int) -> None:
    path = tmp_path / f"film{kind}"
    path.write_bytes(b"older")

    def cut() -> Iterator[Shot]:
        yield from shots()[:after]
        raise Cancelled

    with pytest.raises(Cancelled):
        write_film(plan(path), cut())
    assert path.read_bytes() == b"older" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS[:4])
def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (120, 160, 3), dtype=np.uint8)
    path, before = tmp_path / f"film{kind}", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, before[1]))
    try:
        with pytest.raises(ExportError, match=r"^Cannot write '.*film.*': .*\.$"):
            write_film(FilmPlan(path, (160, 120), 30, 2), [(noise, 1), (noise[::-1].copy(), 1)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def never() -> Iterator[Shot]:
    raise AssertionError("a picture was asked for")
    yield
