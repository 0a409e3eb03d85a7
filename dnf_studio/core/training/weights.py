"""The weights in training, their moving average and the optimizer's state, moved together."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from dnf_studio.config import TrainingConfig
from dnf_studio.core.models.base import GenerativeModel

__all__ = ["TrainedWeights"]

BETAS = (0.9, 0.99)
MOMENTS = ("exp_avg", "exp_avg_sq")


class _AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019, algorithm 2), whose first step does not
    import torch's compiler, as the decorators of these two methods do: 1.8 s."""

    add_param_group = inspect.unwrap(torch.optim.AdamW.add_param_group)
    step = torch.no_grad()(inspect.unwrap(torch.optim.AdamW.step))


class TrainedWeights:
    """`raw` is trained by AdamW, `average` is its exponential moving average.

    The average's decay is min(ema, (1 + n)/(10 + n)) after n updates, so that the first weights
    are soon forgotten.
    """

    def __init__(self, flow: GenerativeModel, training: TrainingConfig) -> None:
        self.raw = flow
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

    def state(self) -> dict[str, Any]:
        """Copies of all that moves: `raw`, `average`, the moments by parameter name, the counts."""
        moments: dict[str, dict[str, Tensor]] = {moment: {} for moment in MOMENTS}
        for name, parameter in self.raw.named_parameters():
            own = self._adam.state.get(parameter, {})
            for moment in MOMENTS:
                moments[moment][name] = own[moment].clone() if own else torch.zeros_like(parameter)
        return {
            "raw": {name: p.detach().clone() for name, p in self.raw.named_parameters()},
            "average": {name: p.detach().clone() for name, p in self.average.named_parameters()},
            **moments,
            "updates": int(self._averaged.n_averaged),
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what `state` returned."""
        for flow, key in ((self.raw, "raw"), (self.average, "average")):
            for name, parameter in flow.named_parameters():
                parameter.copy_(state[key][name])
        updates = state["updates"]
        self._averaged.n_averaged.fill_(updates)
        self._adam.state.clear()
        for name, parameter in self.raw.named_parameters():
            if updates:
                self._adam.state[parameter] = {
                    "step": torch.tensor(float(updates), device=parameter.device),
                    **{moment: state[moment][name].to(parameter).clone() for moment in MOMENTS},
                }

    def _average(self, averaged: Any, current: Any, updates: Any) -> None:  # noqa: ANN401 - torch's signature
        decay = min(self.decay, (1 + int(updates)) / (10 + int(updates)))
        torch._foreach_lerp_(averaged, current, 1 - decay)
