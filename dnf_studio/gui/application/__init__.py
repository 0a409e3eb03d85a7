"""The process of the window: options, start, first paint, measuring, and the end."""
