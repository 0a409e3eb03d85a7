"""Choosing, importing and drawing data."""
