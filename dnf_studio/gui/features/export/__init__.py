"""Samples written to HDF5 files."""
