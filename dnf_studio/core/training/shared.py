"""A run that several ranks train together: that they are the same, whose clock counts, and that all end alike.

Every rank does all that one does alone: it draws the random numbers of the whole batch, updates all weights and
measures. Only the blocks of a batch are shared (`block_sums`), so that each has the whole run at every moment and
needs nothing of the others to save it.
"""

from __future__ import annotations

import hashlib
import time
from abc import abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import dnf_studio
from dnf_studio.config import flatten
from dnf_studio.core.data.passes import Passes
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.ranks import ALONE, RankError, Ranks
from dnf_studio.core.training.fitting import Fitting
from dnf_studio.errors import cancel_when


class Shared(Fitting):
    """What a `Run` has for ranks; one alone agrees with itself at once."""

    ranks: Ranks = ALONE
    _pool: BlockPool
    _passes: Passes | None
    """Where its rows stay in a file, the passes over them."""
    _generator: torch.Generator
    _asked: Callable[[], bool] = staticmethod(lambda: False)
    _agreed = False
    """Whether an iteration was the last one because one of the ranks was asked to end."""
    _counted = 0.0, 0.0
    """Seconds of training as of the last `_agree`, and when that was."""
    _uncounted = 0.0
    """Seconds of the last iteration after that."""
    clock: Callable[[], float] = staticmethod(time.perf_counter)
    """What `seconds` are counted by; on one thread `time.thread_time` counts those of the processor."""

    @property
    @abstractmethod
    def flow(self) -> GenerativeModel: ...

    @property
    @abstractmethod
    def precision(self) -> str: ...

    def share(self, ranks: Ranks) -> None:
        """Train with `ranks` from now on, each of which has made the same run; all of them iterate alike.

        Each computes some blocks of every batch, and the weights are those of one rank alone, on a processor to the
        bit; seconds are those of rank 0. Raises `SettingError` where a machine has fewer GPUs than ranks; iterating
        raises `RanksDiffer` where the runs are not the same and `RankError` where a rank is lost.
        """
        ranks.require_own(self.device)
        self.ranks = self._pool.ranks = ranks

    def interrupt_when(self, asked: Callable[[], bool]) -> None:
        """End iterating as soon as `asked()`, called by any thread, says so within an iteration of many seconds.

        That iteration is then given up as if it had not begun; iterating again repeats it. Where one of several ranks
        is asked, all end after the same iteration.
        """
        self._asked, self._agreed = asked, False
        self._pool.check = cancel_when(asked)

    @property
    def interrupted(self) -> bool:
        """Whether iterating is to end before the run is finished: of several ranks, whether they have agreed on it."""
        return self._agreed or ((self.ranks.count == 1 or self.finished) and self._asked())

    def _begin_together(self) -> None:
        """Raise `RanksDiffer` unless the run is the same on all ranks."""
        self._agreed = False
        if self.ranks.count == 1:
            return
        weights = hashlib.sha256(self._generator.get_state().numpy().tobytes())
        for tensor in self.flow.state_dict().values():
            weights.update(tensor.cpu().numpy().tobytes())
        cpu = self.device.type != "cuda"
        model = torch.backends.cpu.get_cpu_capability() if cpu else torch.cuda.get_device_name(self.device)
        self.ranks.require_same(
            {
                "version of dnf-studio": dnf_studio.__version__,
                "version of torch": torch.__version__,
                **{f"setting {name}": value for name, value in flatten(self.config.model_dump(mode="json")).items()},
                "data set": self.dataset.fingerprint,
                "kind of device": f"{self.device.type}, {model}",
                "precision": self.precision,
                "iteration to go on from": self.iteration,
                "first weights": weights.hexdigest()[:16],
            },
            self._pool.check,
        )

    def _batch(self, generator: torch.Generator) -> Tensor:
        """The next training batch (B, D), drawn by `generator`, or of a file by passes over it.

        Of a file each rank reads a part of the batch, which it gives to the others: nothing is read twice.
        """
        count = self.config.training.batch
        if self._passes is None:
            return self.dataset.draw(count, generator)
        own = self.ranks.run_of(count)
        read = self._passes.batch(self.iteration, count, own)
        if self.ranks.count == 1:
            return read
        most = -(-count // self.ranks.count)
        parts = self.ranks.all_gather(F.pad(read, (0, 0, 0, most - len(read))).flatten()).view(-1, most, read.shape[1])
        sizes = [self.ranks.run_of(count, rank) for rank in range(self.ranks.count)]
        return torch.cat([part[: run.stop - run.start] for part, run in zip(parts, sizes, strict=True)])

    def _agree(self, started: float) -> None:
        """Let all ranks know the seconds of rank 0, of an iteration that `started` then, and whether one is to end.

        It comes before the weights change, so that whoever loses another rank here has the run as it was.
        """
        if self.ranks.count == 1:
            return
        now = self.clock()
        told = self._told([self.seconds + self._uncounted + now - started, float(self._asked())])
        self._agreed = bool(told[:, 1].any())
        self._counted = float(told[0, 0]), now

    def _seconds_after(self, started: float) -> float:
        """Seconds of training after an iteration that `started` then.

        Those of several ranks are rank 0's as of `_agree`; what it does after that counts with its next iteration.
        """
        if self.ranks.count == 1:
            return self.seconds + self.clock() - started
        seconds, then = self._counted
        self._uncounted = self.clock() - then
        return seconds

    def _by_rank(self, loss: float) -> tuple[float, ...]:
        """Mean loss of the part of the last batch that each rank had, where that of the whole is `loss`; nothing where
        one trains alone. A rank without blocks has that of the whole."""
        if self.ranks.count == 1:
            return ()
        same = loss - sum(part for part, _ in self._pool.parts)
        return tuple(same + part / share if share else loss for part, share in self._pool.parts)

    def _of_first(self, value: float) -> float:
        """The `value` of rank 0, so that all decide alike."""
        if self.ranks.count == 1:
            return value
        try:
            return float(self._told([value])[0, 0])
        except RankError:
            # The weights have changed already; the next batch ends the run, which is whole then
            return value

    def _told(self, values: list[float]) -> Tensor:
        return self.ranks.all_gather(torch.tensor(values, dtype=torch.float64, device=self.device))
