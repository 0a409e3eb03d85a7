"""Settings of a run, the run while it trains, and what becomes of it."""
