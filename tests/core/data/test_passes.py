"""Passes over rows of a file: each row once, whoever reads which part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from dnf_studio.core.data import passes, tables
from dnf_studio.core.data.passes import Passes
from dnf_studio.core.data.tables import open_table
from tests.core.data.files import RANDOM, npy


class Numbered:
    """Rows (n, 1) that are their own places, and how many were read."""

    def __init__(self, count: int) -> None:
        self.count, self.read = count, 0

    def __len__(self) -> int:
        return self.count

    def stretch(self, places: slice) -> torch.Tensor:
        assert 0 <= places.start < places.stop <= self.count
        self.read += places.stop - places.start
        return torch.arange(places.start, places.stop, dtype=torch.float32)[:, None]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "BLOCK_BYTES", 12)
    monkeypatch.setattr(passes, "POOL", 3)
    monkeypatch.setattr(passes, "LANES", 8)


@pytest.mark.parametrize("count", [1, 8, 120, 403])
@pytest.mark.parametrize("batch", [1, 50, 1200])
def test_each_pass_has_every_row_once_in_an_order_of_its_own(count: int, batch: int) -> None:
    rows = Numbered(count)
    found, made = Passes(rows, 1, 0), -(-3 * count // batch)
    drawn = torch.cat([found.batch(number, batch, slice(0, batch)) for number in range(made)])[:, 0]
    if batch == 1:  # else a batch that has rows of two passes has them side by side, lane by lane
        first, second, _ = (part.tolist() for part in drawn[: 3 * count].split(count))
        assert sorted(first) == sorted(second) == list(range(count))
        assert count <= 8 or first != second
        assert rows.read == 3 * count
    assert torch.bincount(drawn.long(), minlength=count).sub(batch * made / count).abs().max() <= 1
    assert torch.equal(Passes(rows, 1, 0).batch(made - 1, batch, slice(0, batch))[:, 0], drawn[-batch:])
    if count > 8 and batch > 1:
        assert not torch.equal(Passes(rows, 1, 1).batch(0, batch, slice(0, batch))[:, 0], drawn[:batch])


def test_a_batch_has_rows_of_all_of_the_file() -> None:
    batch = Passes(Numbered(8000), 1, 0).batch(0, 80, slice(0, 80))[:, 0]
    assert torch.equal(torch.bincount((batch / 1000).long()), torch.full((8,), 10))
    assert not torch.equal(batch, batch.sort().values)


@pytest.mark.parametrize("ranks", [2, 3, 8])
def test_of_several_ranks_each_reads_its_own_part(ranks: int) -> None:
    whole, rows = Passes(Numbered(4000), 1, 0), [Numbered(4000) for _ in range(ranks)]
    own = [Passes(each, 1, 0) for each in rows]
    for number in range(50):
        parts = [slice(rank * 80 // ranks, (rank + 1) * 80 // ranks) for rank in range(ranks)]
        found = [each.batch(number, 80, part) for each, part in zip(own, parts, strict=True)]
        assert torch.equal(torch.cat(found), whole.batch(number, 80, slice(0, 80)))
    # A lane on the border between two ranks is read by both
    assert 4000 <= sum(each.read for each in rows) <= 4000 + (0 if 8 % ranks == 0 else ranks - 1) * 500


def test_tables_that_stay_in_their_file_are_gone_through_in_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = RANDOM.normal(size=(500, 2)).astype(np.float32)
    source = npy(tmp_path / "a.npy", values)
    assert open_table(source).passes(0) is None
    monkeypatch.setattr(tables, "LARGE", 0)
    data = open_table(source)
    found = data.passes(0)
    assert found is not None
    train = data.train[torch.arange(len(data.train))]
    drawn = found.batch(0, len(train), slice(0, len(train)))
    assert torch.equal(drawn.sort(0).values, train.sort(0).values) and not torch.equal(drawn, train)
