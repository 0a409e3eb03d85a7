"""What is asked of a model to sample it, seeded blocks of samples, and likelihoods."""
