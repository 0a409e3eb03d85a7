"""A score network of your own, trained in a plain loop and watched while it learns.

python own_score_watched.py            a minute; a window opens and follows
python own_score_watched.py --short    seconds, without a window

In PyTorch Lightning the same is a callback (`Watching` below): Trainer(callbacks=[Watching(model, x)]).
"""

import sys
from typing import Any

import torch
from torch import Tensor, nn

import dnf_studio as dnf

SHORT = "--short" in sys.argv
STEPS = 20 if SHORT else 6000
BETA_MIN, BETA_MAX = 0.1, 20.0

# Two moons, of standard deviation about 1
torch.manual_seed(0)
angle, side = torch.rand(4000) * torch.pi, torch.randint(2, (4000,)) * 2 - 1
x = torch.stack([angle.cos() - 0.5 * side, side * (angle.sin() - 0.25)], dim=1) + 0.05 * torch.randn(4000, 2)


def spread(t: Tensor) -> tuple[Tensor, Tensor]:
    """How much of x_0 is left at time t, and how much noise is in its place (the variance-preserving SDE)."""
    kept = torch.exp(-0.5 * (BETA_MIN * t + 0.5 * (BETA_MAX - BETA_MIN) * t**2))[:, None]
    return kept, (1 - kept**2).sqrt()


class Score(nn.Module):
    """Predicts the noise, and says the score, -noise/sigma, as Song et al. 2021 have it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 128), nn.SiLU(), nn.Dropout(0.05), nn.Linear(128, 128), nn.SiLU(), nn.Linear(128, 2)
        )

    def noise(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layers(torch.cat([x, torch.stack([t, torch.cos(3 * t)], dim=1)], dim=1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return -self.noise(x, t) / spread(t)[1].clamp(min=1e-3)


class Watching:
    """For Lightning: make it a subclass of lightning.pytorch.Callback, whose three hooks these are."""

    def __init__(self, model: dnf.GenerativeModel, data: Tensor) -> None:
        self.model, self.data, self.window = model, data, None

    def on_train_start(self, trainer: Any, module: object) -> None:
        if trainer.is_global_zero and not trainer.fast_dev_run:  # one window for all ranks, and none for a trial
            self.window = dnf.watch(self.model, data=self.data)

    def on_train_batch_end(self, trainer: Any, module: object, outputs: Any, batch: object, index: int) -> None:
        if self.window is not None:
            loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
            self.window.update(trainer.global_step, loss=loss)

    def on_train_end(self, trainer: Any, module: object) -> None:
        if self.window is not None:
            self.window.close()


net = Score()
model = dnf.from_score(net, dim=2, sde="vp", beta_min=BETA_MIN, beta_max=BETA_MAX)
window = None if SHORT else dnf.watch(model, data=x)

optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(STEPS):
    clean = x[torch.randint(len(x), (256,))]
    t, noise = 1e-3 + (1 - 1e-3) * torch.rand(256), torch.randn(256, 2)
    kept, sigma = spread(t)
    loss = (net.noise(kept * clean + sigma * noise, t) - noise).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if window is not None:
        window.update(step, loss=loss)  # never raises, whatever becomes of the window
if window is not None:
    window.close()  # it stays and shows the last weights

samples = model.sample(500, steps=20, solver="heun", seed=0)
print(f"loss {loss.item():.3f}; x has the deviations {x.std(0).tolist()}, the samples {samples.std(0).tolist()}")
