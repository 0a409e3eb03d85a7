"""What the window shows of a model and a script can compute: where, when and why both processes disagree."""
