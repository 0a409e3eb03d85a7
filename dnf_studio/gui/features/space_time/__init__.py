"""Where in space and time the two processes disagree."""
