"""Objectives, the stochastic adjoint, and `Run`, which yields a report for each iteration."""
