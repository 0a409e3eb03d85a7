"""Two models on the same data: a diffusion normalizing flow and a diffusion model, compared by the number of steps.

python two_models.py            under two minutes
python two_models.py --short    seconds, to see that it runs
"""

import sys

import numpy as np

import dnf_studio as dnf

SHORT = "--short" in sys.argv
training = {"iterations": 10, "batch": 64, "channels": 16} if SHORT else {"seconds": 30}
steps = 5 if SHORT else (5, 10, 30)

rng = np.random.default_rng(0)
angle = rng.uniform(0, np.pi, (2, 200 if SHORT else 10_000))
moons = [np.stack([np.cos(angle[0]), np.sin(angle[0])], 1), np.stack([1 - np.cos(angle[1]), 0.5 - np.sin(angle[1])], 1)]
x = np.concatenate(moons) + rng.normal(scale=0.05, size=(angle.size, 2))

kinds = ("diffflow", "diffusion")
models = {kind: dnf.train(x, model=kind, steps=10, seed=0, **training).fit() for kind in kinds}

# On the rows that neither has seen; the keys are those of `dnf-studio evaluate --json`
print("Bound in nats, and the sliced Wasserstein distance of samples to the data with its standard error")
for kind, model in models.items():
    found = dnf.evaluate(model, steps=steps, ode=False)
    rows = [f"{r.sliced_wasserstein:.3f} ± {r.sliced_wasserstein_error:.3f} in {r.steps}" for r in found.by_steps]
    print(f"{kind:<10} {found.nll_bound:.3f}   {'   '.join(rows)}")

# The same points and Brownian paths through both; what is drawn with matplotlib is an extra
for kind, model in models.items():
    p = dnf.paths(model, x[::40], steps=10, seed=0, units="model")
    if not SHORT:
        p.plot().savefig(f"{kind}.png")
    print(f"{kind}: the forward paths end with the spread {p.forward[-1].std(axis=0).round(2)}; noise has 1")
