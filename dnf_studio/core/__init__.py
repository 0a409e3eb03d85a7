"""The numerics. Nothing here imports Qt."""
