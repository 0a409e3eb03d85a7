"""A flow-matching velocity in the convention of torchcfm: noise at t = 0, data at t = 1; trained and watched.

python torchcfm_velocity.py            a minute; a window opens and follows
python torchcfm_velocity.py --short    seconds, without a window

With torchcfm installed `pairs` is ConditionalFlowMatcher(sigma=0.0).sample_location_and_conditional_flow.
"""

import sys

import torch
from torch import Tensor, nn

import dnf_studio as dnf

SHORT = "--short" in sys.argv
STEPS = 20 if SHORT else 6000

# Eight clusters on a circle
torch.manual_seed(0)
place = torch.randint(8, (4000,)) * torch.pi / 4
x = 2 * torch.stack([place.cos(), place.sin()], dim=1) + 0.1 * torch.randn(4000, 2)


def pairs(x0: Tensor, x1: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Times, points on the straight lines from noise x0 to data x1, and the velocity of these lines."""
    t = torch.rand(len(x0))
    return t, torch.lerp(x0, x1, t[:, None]), x1 - x0


# As torchcfm's MLP: the time is one more input
net = nn.Sequential(nn.Linear(3, 128), nn.SELU(), nn.Linear(128, 128), nn.SELU(), nn.Linear(128, 2))


def velocity(x: Tensor, t: Tensor) -> Tensor:
    return net(torch.cat([x, t[:, None]], dim=1))


model = dnf.from_velocity(velocity, dim=2, data_at=1.0)
window = None if SHORT else dnf.watch(model, data=x)

optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(STEPS):
    t, between, flow = pairs(torch.randn(256, 2), x[torch.randint(len(x), (256,))])
    loss = (velocity(between, t) - flow).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if window is not None:
        window.update(step, loss=loss)
if window is not None:
    window.close()

# The velocity says the densities of its ODE, and where pairs were independent also a score
print(f"NLL of the ODE: {-model.log_prob(x[: 50 if SHORT else 500]).mean():.3f} nats")
samples = model.sample(1000, steps=10, seed=0)
print(f"x has the deviations {x.std(0).tolist()}, the samples {samples.std(0).tolist()}")
