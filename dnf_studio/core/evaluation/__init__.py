"""Distances between samples and data, and what `evaluate` reports."""
