"""The run that trains, from the window's side: its course, its end, and its settings as a whole."""
