"""Why a run that has ended would end again at once, and which setting lets it go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dnf_studio.config import Config
from dnf_studio.core.training.record import EarlyStopping

if TYPE_CHECKING:
    from dnf_studio.core.storage.checkpoint import Checkpoint
    from dnf_studio.core.training.run import Run

__all__ = ["RunPlace"]


@dataclass(frozen=True)
class RunPlace:
    """How far a run has come, in memory or in its file."""

    config: Config
    """Its own settings."""
    iteration: int
    seconds: float
    waited: int | None
    """Iterations from the best measure of the validation NLL to the last one; None before there is one."""

    @classmethod
    def of_run(cls, run: Run) -> Self:
        """Where `run` stands."""
        return cls(run.config, run.iteration, run.seconds, run.early_stopping.waited)

    @classmethod
    def of_checkpoint(cls, saved: Checkpoint) -> Self:
        """Where a saved run stood."""
        waited = EarlyStopping.from_dict(saved.state.get("early_stopping")).waited
        return cls(saved.config, saved.iteration, saved.seconds, waited)

    def out_of_patience(self, config: Config) -> bool:
        """Whether the validation NLL has fallen no more for as long as `config` waits; another N begins anew."""
        patience, same = config.training.patience, config.sde.steps == self.config.sde.steps
        return bool(patience) and same and self.waited is not None and self.waited >= patience

    def obstacle(self, config: Config) -> str:
        """The setting of `config` at which the run would end at once, as its form names it; empty where it goes on.

        With settings for another model it would go on with its own.
        """
        if config.model != self.config.model:
            config = self.config
        if self.out_of_patience(config):
            return "Patience"
        if not config.training.reached(self.iteration, self.seconds):
            return ""
        return "Iterations" if config.training.seconds is None else "Seconds"

    def sentence(self, config: Config) -> str:
        """Why the run would end at once, and what to do about it; empty where it goes on."""
        setting = self.obstacle(config)
        if not setting:
            return ""
        why = {
            "Patience": f"The validation NLL has not fallen for {self.waited or 0:,} iterations",
            "Iterations": f"The run has all its {self.iteration:,} iterations",
            "Seconds": f"The run has trained for all its {self.seconds:,.0f} seconds",
        }[setting]
        return f"{why}; to resume it, raise {setting} in Training."
