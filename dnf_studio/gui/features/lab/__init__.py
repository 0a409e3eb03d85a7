"""The discretisation lab: what N, the grid, λ and the last step do, and how likely data is."""
