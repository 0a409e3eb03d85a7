"""Time grids, Brownian paths, one Euler-Maruyama step each way, and whole paths of such steps."""
