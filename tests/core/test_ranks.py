"""Ranks as threads of one process, over the same store and group as torchrun's processes have."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from dnf_studio.core import ranks
from dnf_studio.core.ranks import ALONE, RankError, Ranks, RanksDiffer
from dnf_studio.errors import SettingError
from tests.ranks import as_ranks


def test_alone_answers_at_once() -> None:
    assert ALONE.gather("a") == ["a"] and ALONE.first(3) == 3 and ALONE.writes
    assert ALONE.run_of(7) == slice(0, 7)
    ALONE.barrier()
    ALONE.require_same({"settings": 1})
    assert ALONE.all_gather(torch.ones(2)).shape == (1, 2)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("parts", [0, 1, 5, 16])
def test_runs_are_all_parts_once(count: int, parts: int) -> None:
    runs = [Ranks(rank, count).run_of(parts) for rank in range(count)]
    assert [k for run in runs for k in range(run.start, run.stop)] == list(range(parts))
    assert {run.stop - run.start for run in runs} <= {parts // count, -(-parts // count)}


def test_values_come_in_the_order_of_the_ranks() -> None:
    def work(here: Ranks) -> object:
        numbers = here.all_gather(torch.tensor([1.0, 2.0]) * here.rank)
        return [here.gather([here.rank, "ä"]), here.first(10 + here.rank), numbers.tolist(), here.gather(None)]

    wanted = [[[0, "ä"], [1, "ä"], [2, "ä"]], 10, [[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]], [None] * 3]
    assert as_ranks(3, work) == [wanted] * 3


def test_a_rank_that_differs_is_told_by_name_to_all() -> None:
    def work(here: Ranks) -> str:
        with pytest.raises(RanksDiffer) as told:
            here.require_same({"version": "2.0", "training.seed": 0 if here.rank < 2 else 7})
        return str(told.value)

    said = as_ranks(3, work)
    assert said[0].startswith("Rank 2 has another training.seed than rank 0, 7 in the place of 0;")
    assert len(set(said)) == 1


def test_a_rank_that_does_not_answer_is_told_by_its_number() -> None:
    def work(here: Ranks) -> str | None:
        if here.rank == 1:
            return None
        with pytest.raises(RankError, match=r"^Rank 1 of 2 did not answer for 0\.2 s") as told:
            here.gather(0)
        return str(told.value)

    as_ranks(2, work, patience=0.2)


def test_a_rank_that_is_lost_in_a_collective_is_told_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "ROLL_CALL", 0.1)

    def work(here: Ranks) -> None:
        _ = here.group
        here.barrier()
        if here.rank != 1:
            # Who notices later may be missing at the roll call, too
            with pytest.raises(RankError, match=r"^Ranks? (0, )?1(, 2)? "):
                here.all_gather(torch.ones(1))

    as_ranks(3, work, patience=0.5)


def test_what_ranks_before_left_in_the_store_is_not_listened_to() -> None:
    store = dist.HashStore()

    def meet(rank: int) -> str:
        time.sleep(0.03 * (2 - rank))  # the later ones find what is left
        return ranks.session(store, rank, 3, patience=10.0)

    with ThreadPoolExecutor(3) as threads:
        first, second = (set(threads.map(meet, range(3))) for _ in range(2))
    assert len(first) == len(second) == 1 and first != second
    with pytest.raises(RankError, match=r"Rank 3 of 4 did not answer"):
        ranks.session(store, 0, 4, patience=0.05)


def test_fewer_gpus_than_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(SettingError, match="2 ranks on this machine need a GPU each, and it has 1;"):
        Ranks(0, 2).require_own(torch.device("cuda"))
    Ranks(1, 2).require_own(torch.device("cpu"))
    ALONE.require_own(torch.device("cuda"))


def test_the_environment_is_torchruns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert ranks.our_ranks() is ALONE and ranks.ranks_here() == 1 and ranks.place_here() == 0
    for name in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "1")
    assert ranks.our_ranks() is ALONE
    monkeypatch.setenv("WORLD_SIZE", "two")
    with pytest.raises(SettingError, match="WORLD_SIZE is 'two'"):
        ranks.our_ranks()


def test_without_torchrun_nothing_is_imported() -> None:
    code = "import sys; from dnf_studio.core import ranks; ranks.our_ranks().barrier(); print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "False\n"
