"""Models of a person's own callables: drift and score, or what a network of a diffusion or a flow predicts."""
