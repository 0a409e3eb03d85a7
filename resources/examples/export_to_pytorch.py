"""From an export to a Dataset of PyTorch: samples that a DataLoader reads from the file, in several processes too.

python export_to_pytorch.py            half a minute
python export_to_pytorch.py --short    seconds, to see that it runs
"""

import sys

import torch
from torch.utils.data import DataLoader, Dataset

import dnf_studio as dnf

SHORT = "--short" in sys.argv


class Exported(Dataset[torch.Tensor]):
    """The samples of an export; each process opens the file for itself, since an open one cannot be shared."""

    def __init__(self, path: str) -> None:
        self.path, self._export = path, None
        with dnf.open_export(path) as e:
            self._count = len(e)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> torch.Tensor:
        if self._export is None:
            self._export = dnf.open_export(self.path)
        return torch.from_numpy(self._export.samples[row])

    def __getitems__(self, rows: list[int]) -> list[torch.Tensor]:
        """A batch at once, in one go."""
        if self._export is None:
            self._export = dnf.open_export(self.path)
        return list(torch.from_numpy(self._export.samples[rows]))


dnf.export("diffflow-8gaussian", "gaussians.h5", n=2000 if SHORT else 200_000, steps=5 if SHORT else 20)
loader = DataLoader(Exported("gaussians.h5"), batch_size=500, shuffle=True)

# Whatever is trained on batches goes here; these two sums make the mean and the covariance of all samples
count, total, squares = 0, torch.zeros(2), torch.zeros(2, 2)
for batch in loader:
    count += len(batch)
    total += batch.sum(0)
    squares += batch.T @ batch
mean = total / count
print(f"{len(loader)} batches; mean {mean.numpy().round(3)}, covariance")
print((squares / count - torch.outer(mean, mean)).numpy().round(3))
