"""Samplers, seeded blocks of samples, and likelihoods."""
