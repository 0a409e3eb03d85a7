"""What every feature may use: the session and its state, the model that is open, the run, live frames, commands."""
