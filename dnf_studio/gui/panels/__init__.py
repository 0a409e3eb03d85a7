"""What edits: the pages at the left and the docks at the right."""
