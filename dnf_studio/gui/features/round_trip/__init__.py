"""Data to noise and back, and what is lost on the way."""
