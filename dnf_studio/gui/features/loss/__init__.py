"""The loss of the run over its iterations, above its floor."""
