"""A data set of three dimensions: train, see where in the process it is hard, and keep whole trajectories.

python three_dimensions.py            a minute
python three_dimensions.py --short    seconds, to see that it runs
"""

import sys

import numpy as np

import dnf_studio as dnf

SHORT = "--short" in sys.argv
training = {"iterations": 10, "batch": 64, "channels": 16} if SHORT else {"seconds": 40}

# A knotted tube; the window shows it by any two axes or by principal components
rng = np.random.default_rng(0)
way = rng.uniform(0, 2 * np.pi, 5000)
knot = np.stack([np.sin(way) + 2 * np.sin(2 * way), np.cos(way) - 2 * np.cos(2 * way), -np.sin(3 * way)], axis=1)
x = knot + rng.normal(scale=0.1, size=knot.shape)

model = dnf.train(x, steps=15, seed=0, **training).fit()
print(model)

# What each step adds to the bound, by its three causes (nats, mean over the points)
p = dnf.paths(model, x[:300], seed=0)
for name, part in p.parts._asdict().items():
    print(f"{name:<6}", part.mean(axis=1).round(2))

# Whole trajectories in one file, read by slices
file = dnf.export(model, "knot.h5", n=500 if SHORT else 20_000, trajectories=True)
with dnf.open_export(file) as e:
    print(e)
    half = e.trajectories[:100, len(e.time) // 2]
    print(f"Half way, at t = {e.time[len(e.time) // 2]:.4f}, the first 100 have the spread {half.std(axis=0).round(2)}")
