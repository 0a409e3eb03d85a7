"""The weights a run begins with, those in training, their moving average and the optimizer's state, moved together."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from dnf_studio.config import Config, TrainingConfig
from dnf_studio.config.model_kinds import MOST_WITH_FEATURES
from dnf_studio.core.data.dataset import Dataset
from dnf_studio.core.models.base import GenerativeModel
from dnf_studio.core.models.build import build_model
from dnf_studio.core.parallel import BlockPool
from dnf_studio.core.training.gradients import box_of

BETAS = (0.9, 0.99)
MOMENTS = ("exp_avg", "exp_avg_sq")
COMPLETED = "backward_deviations"
"""The buffer that `GenerativeModel.complete` fills."""
WHILE_TRAINING = 1 / 8
"""The part of the points for it that is taken while training goes on."""
COVERED_POINTS = 10_000
"""Points of the data that the box of the networks' features is found from."""


def first_model(config: Config, dataset: Dataset) -> tuple[GenerativeModel, Tensor | None]:
    """The model of a run before its first iteration, and the box (2, D) of its data where features cover that."""
    # The first weights come from the run's own seed, and torch's global generator is left alone
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.training.seed)
        flow = build_model(dataset.dim, config, dataset.standardisation, image=dataset.image)
    if dataset.dim > MOST_WITH_FEATURES:
        return flow, None
    points = dataset.draw(COVERED_POINTS, torch.Generator().manual_seed(0))
    flow.cover(points)
    return flow, box_of(points)


class _AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), whose first step does not
    import torch's compiler, as the decorators of these two methods do: 1.8 s."""

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


@dataclass(frozen=True, eq=False)
class WeightsState:
    """Copies of all that an update moves, by the names of the parameters."""

    raw: dict[str, Tensor]
    average: dict[str, Tensor]
    exp_avg: dict[str, Tensor]
    """The optimizer's first moments."""
    exp_avg_sq: dict[str, Tensor]
    """The optimizer's second moments."""
    updates: int


class TrainedWeights:
    """`raw` is trained by AdamW, `average` is its exponential moving average, `best` the one that was kept, if any.

    The average's decay is min(ema, (1 + n)/(10 + n)) after n updates, so that the first weights
    are soon forgotten.
    """

    def __init__(self, flow: GenerativeModel, training: TrainingConfig) -> None:
        self.raw = flow
        self.best: GenerativeModel | None = None
        self.decay = training.ema
        self._averaged = AveragedModel(flow, multi_avg_fn=self._average)
        self._averaged.requires_grad_(False).eval()
        self._adam = _AdamW(flow.parameters(), lr=training.learning_rate, betas=BETAS, fused=True)

    @property
    def average(self) -> GenerativeModel:
        """The model with the averaged weights."""
        module = self._averaged.module
        assert isinstance(module, GenerativeModel)
        return module

    def clip(self, norm: float) -> float:
        """Scale the gradient down to `norm`; returns its norm before."""
        return float(torch.nn.utils.clip_grad_norm_(self.raw.parameters(), norm))

    def update(self, rate: float, training: TrainingConfig) -> None:
        """One step of AdamW at this learning `rate` and of the average, by the settings as they are now."""
        self.decay = training.ema
        for group in self._adam.param_groups:
            group.update(lr=rate, weight_decay=training.weight_decay)
        self._adam.step()
        self._averaged.update_parameters(self.raw)

    @property
    def sampled(self) -> GenerativeModel:
        """The model that sampling uses: the one that was kept, else the averaged one."""
        return self.average if self.best is None else self.best

    @property
    def models(self) -> tuple[GenerativeModel, ...]:
        """Every model there is of these weights, for settings that hold for all."""
        return self.raw, self.average, *filter(None, [self.best])

    def complete(self, dataset: Dataset, pool: BlockPool, last: bool = False) -> None:
        """Let all models have what follows in closed form from the weights that sampling uses and training points."""
        part = 1.0 if last else WHILE_TRAINING
        self.sampled.complete(lambda count: dataset.draw(count, torch.Generator().manual_seed(0)), pool, part)
        self.take_buffers(dict(self.sampled.named_buffers()))

    @torch.no_grad()
    def take_buffers(self, buffers: Mapping[str, Tensor]) -> None:
        """Copy those of `buffers` that `complete` finds to all models."""
        for flow in self.models:
            own = dict(flow.named_buffers())
            if COMPLETED in own and COMPLETED in buffers:
                own[COMPLETED].copy_(buffers[COMPLETED])

    def keep(self, weights: Mapping[str, Tensor] | None = None) -> None:
        """Let `best` be the average as it is now, or with `weights`, a state dict."""
        self.best = copy.deepcopy(self.average)
        if weights is not None:
            self.best.load_state_dict(weights)

    def state(self) -> WeightsState:
        """Copies of all that an update moves; `best` is not among them."""
        moments: dict[str, dict[str, Tensor]] = {moment: {} for moment in MOMENTS}
        for name, parameter in self.raw.named_parameters():
            own = self._adam.state.get(parameter, {})
            for moment in MOMENTS:
                moments[moment][name] = own[moment].clone() if own else torch.zeros_like(parameter)
        raw, average = (
            {name: p.detach().clone() for name, p in flow.named_parameters()} for flow in (self.raw, self.average)
        )
        return WeightsState(raw, average, **moments, updates=int(self._averaged.n_averaged))

    @torch.no_grad()
    def load(self, state: WeightsState, buffers: Mapping[str, Tensor] | None = None) -> None:
        """Go back to what `state` returned, with those of `buffers` that `complete` finds, where given."""
        self.take_buffers(buffers or {})
        for flow, weights in ((self.raw, state.raw), (self.average, state.average)):
            for name, parameter in flow.named_parameters():
                parameter.copy_(weights[name])
        self._averaged.n_averaged.fill_(state.updates)
        self._adam.state.clear()
        for name, parameter in self.raw.named_parameters():
            if state.updates:
                self._adam.state[parameter] = {
                    "step": torch.tensor(float(state.updates), device=parameter.device),
                    **{moment: getattr(state, moment)[name].to(parameter, copy=True) for moment in MOMENTS},
                }

    def _average(self, averaged: Any, current: Any, updates: Any) -> None:  # noqa: ANN401 - torch's signature
        decay = min(self.decay, (1 + int(updates)) / (10 + int(updates)))
        torch._foreach_lerp_(averaged, current, 1 - decay)
