"""Choosing points, and all chosen points at once."""
