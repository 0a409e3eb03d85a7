"""What surrounds the window: its process from start to end, the log, and what is remembered between two starts."""
