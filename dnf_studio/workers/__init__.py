"""Threads and processes between the numerics and the window: the only floor that knows both torch's side and QtCore."""
