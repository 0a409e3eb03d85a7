"""What takes a model apart in the views: layers, selection, and the docks of the Explore menu."""
