"""What a view draws, a layer a file."""
