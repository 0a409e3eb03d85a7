"""An array of your own: train on it, ask how good the model is, draw new points.

python own_array.py            a minute
python own_array.py --short    seconds, to see that it runs
"""

import sys

import numpy as np

import dnf_studio as dnf

SHORT = "--short" in sys.argv
training = {"iterations": 20, "batch": 64, "channels": 16} if SHORT else {"seconds": 40}

# Any array (n, D) will do; this one is a spiral with some noise
rng = np.random.default_rng(0)
angle = rng.uniform(1, 10, 600 if SHORT else 4000)
x = np.stack([angle * np.cos(angle), angle * np.sin(angle)], axis=1) + rng.normal(scale=0.2, size=(len(angle), 2))

# Settings go by the names of the command line; Ctrl-C keeps what there is
run = dnf.train(x, steps=5 if SHORT else 20, seed=0, **training)
print(run)
model = run.fit()
run.save("spiral.safetensors")  # opens in the window: dnf-studio spiral.safetensors

# Measured on the rows that training never saw: nats, and how far samples in N steps are from the data
found = dnf.evaluate(model, steps=5 if SHORT else (5, 10, 20), ode=not SHORT)
print(found)
for row in found.by_steps:
    print(f"N = {row.steps}: sliced Wasserstein distance {row.sliced_wasserstein:.3f}")

# Samples are in the units of x, and the same for the same seed
new = model.sample(1000, seed=1).numpy()
print(f"x has the means {x.mean(0).round(2)}, the samples {new.mean(0).round(2)}")

# Both processes from given points, and at which step they disagree most
p = dnf.paths(model, x[:20] if SHORT else x[:200], seed=0)
by_step = p.disagreement.mean(axis=1)
print(f"The processes disagree most at step {by_step.argmax()}, by {by_step.max():.3f} nats")
