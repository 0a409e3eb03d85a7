"""How much of the backward drift is the score."""
