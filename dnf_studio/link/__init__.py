"""What joins a script that holds a model with a window, a program of its own, that shows it."""
