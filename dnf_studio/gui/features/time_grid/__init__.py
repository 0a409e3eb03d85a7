"""The time grid of the view, and the editor that makes one."""
