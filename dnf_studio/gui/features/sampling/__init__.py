"""How the model that is shown is sampled."""
