"""The guide, the shortcuts, and what this program is."""
