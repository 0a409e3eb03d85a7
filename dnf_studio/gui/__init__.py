"""The window. `session` holds its state, panels write it, plots read it, `main_window` composes them."""
