"""One folder for each thing the window does, named as a person would name it."""
