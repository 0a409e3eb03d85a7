"""A plug-in: a data set, a network and a solver of your own, in all lists and commands like those of the studio.

dnf-studio --with plugin.py petals                                                 the window, with all three
dnf-studio --with plugin.py train --data petals --config plugin.toml -o petals.safetensors
dnf-studio --with plugin.py sample petals.safetensors -n 1000 --solver ralston -o petals.h5
python plugin.py            a minute: trains on the data set with the network, samples by the solver
python plugin.py --short    seconds, to see that it runs

In plugin.toml stand two lines, "[network]" and 'kind = "waves"'; in the window it is a choice of the page Training.
A package has the module as an entry point of the group dnf_studio.plugins and needs no --with.
"""

import sys

import numpy as np
import torch

import dnf_studio as dnf

SHORT = "--short" in sys.argv


# Points (count, 2) drawn with `rng`, in any units
@dnf.register_dataset("petals", title="Petals")
def petals(count, rng):
    angle = rng.uniform(0, 2 * np.pi, count)
    radius = np.abs(np.sin(2.5 * angle)) + rng.normal(scale=0.03, size=count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


# Any module v(x, t) from points (B, D) and times (B,) to (B, D); sizes come from the settings
@dnf.register_network("waves", unused={"network.features": "This network has waves of its own."})
class Waves(torch.nn.Module):
    def __init__(self, dim, settings, image):
        super().__init__()
        self.waves = torch.nn.Linear(dim + 1, settings.channels)
        inner = [torch.nn.Linear(settings.channels, settings.channels) for _ in range(settings.layers)]
        self.inner = torch.nn.ModuleList(inner)
        self.last = torch.nn.Linear(settings.channels, dim)

    def forward(self, x, t):
        h = torch.sin(3 * self.waves(torch.cat([x, t[:, None]], dim=1)))
        for layer in self.inner:
            h = h + torch.sin(layer(h))
        return self.last(h)


# The ODE dx = [f - g² s / 2] dt from t_N back to t_0, here by Ralston's method of second order
@dnf.register_solver(
    "ralston",
    title="Ralston, second order",
    order=2,
    evaluations=lambda steps: 2 * steps,
    equation="dx = [f − ½ g² s] dt, by the method of Ralston 1962.",
    source="Ralston 1962, Mathematics of Computation 16",
)
def ralston(model, grid, lam, last, hidden=None):
    between = model.grid_at(((grid.t[1:] + 2 * grid.t[:-1]) / 3).tolist())
    drift, score = model.fields(grid, hidden)
    other_drift, other_score = model.fields(between, hidden)

    def states(x, noise):
        yield x
        for i in range(grid.steps, 0, -1):
            first = drift(i, x) - 0.5 * grid.g[i] ** 2 * score(i, x)
            there = x - first * (2 / 3 * grid.dt[i - 1])
            second = other_drift(i - 1, there) - 0.5 * between.g[i - 1] ** 2 * other_score(i - 1, there)
            x = x - (first + 3 * second) * (grid.dt[i - 1] / 4)
            yield x

    return states


if __name__ == "__main__":
    training = {"iterations": 5, "batch": 32, "channels": 16, "layers": 1} if SHORT else {"seconds": 40}
    model = dnf.train("petals", model="diffusion", kind="waves", seed=0, **training).fit()
    for steps in (5, 10) if SHORT else (5, 10, 30):
        samples = model.sample(1000, steps=steps, solver="ralston", seed=1)
        print(f"{steps} steps of Ralston: radius {samples.norm(dim=1).mean():.3f}; the data has 0.64")
