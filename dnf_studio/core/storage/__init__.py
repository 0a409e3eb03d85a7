"""Checkpoints, exports, presets: files written whole or not at all, and checked before they are read."""
