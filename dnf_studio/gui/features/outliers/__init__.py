"""Samples that explode or leave the support of the data."""
