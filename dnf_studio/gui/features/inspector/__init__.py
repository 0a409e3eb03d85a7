"""Every number of the chosen point."""
