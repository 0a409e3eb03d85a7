"""Controls that several features use."""
