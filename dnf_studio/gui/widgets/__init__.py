"""Controls that several parts of the window use."""
