"""A table of your own, with names, labels and gaps: train on a CSV file, export samples with labels.

python own_csv.py            a minute
python own_csv.py --short    seconds, to see that it runs
"""

import sys

import numpy as np
import pandas as pd

import dnf_studio as dnf

SHORT = "--short" in sys.argv
training = {"iterations": 20, "batch": 64, "channels": 16} if SHORT else {"seconds": 40}

# A file as people have them: a column of text, and a value missing here and there
rng = np.random.default_rng(0)
kinds = {"ash": (12.0, 30.0, 5.0), "birch": (7.0, 18.0, 3.0), "oak": (20.0, 25.0, 9.0)}
many = 100 if SHORT else 400
trees = [(*(np.array(means) * rng.normal(1, 0.1, 3)), kind) for kind, means in kinds.items() for _ in range(many)]
table = pd.DataFrame(trees, columns=["girth", "height", "crown", "kind"])
table.loc[rng.choice(len(table), 20, replace=False), "height"] = np.nan
table.to_csv("trees.csv", index=False)

# As a file or as a DataFrame: dnf.train(table, …) learns the same rows
run = dnf.train("trees.csv", label="kind", missing="drop-rows", steps=10, seed=0, **training)
print(run.dataset.about)
model = run.fit()

# Each sample with the kind of the tree that is nearest to it
file = dnf.export(model, "trees.h5", n=100 if SHORT else 5000, labels=True)
with dnf.open_export(file) as e:
    print(e)
    samples = pd.DataFrame(e.samples[:], columns=[c for c in table.columns if c != "kind"])
    samples["kind"] = np.array(e.label_names)[e.labels[:]]
print(samples.groupby("kind").mean().round(1))
