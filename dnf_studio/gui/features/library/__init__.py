"""Bundled models, models of one’s own, and files opened last."""
