"""How the window looks and moves."""
